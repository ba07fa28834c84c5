"""What shoppers wrote about an item, as further views of its text, each with a weight of its own.

An item's text is a few lines (`encoders.item_views`); reviews are appended to it as lines that begin with a
mark and a weight. So one text says all that its vector is made of: where it is the same, so is the vector.
"""

from collections.abc import Iterable
from typing import NamedTuple

from encoders.item_views import VIEW_SEPARATOR

_MARK = "\x1e"
"""Around a weight; no view of a catalogue begins with it, because texts are cleaned of control characters."""


class Views(NamedTuple):
    """The parts of a text with reviews."""

    own: list[str]
    """Views of the catalogue's text; none where it has no text."""
    reviews: list[tuple[float, str]]
    """(weight, text)"""


def review_lines(reviews: Iterable[tuple[float, str]]) -> str:
    """Reviews as lines; "" for none. reviews: (weight beside 1 for the item's own text, text on one line)."""
    return VIEW_SEPARATOR.join(f"{_MARK}{weight:.4f}{_MARK}{text}" for weight, text in reviews)


def with_reviews(text: str, lines: str) -> str:
    """A text (`item_views`) with `review_lines`; either may be empty."""
    return VIEW_SEPARATOR.join(part for part in (text, lines) if part)


def split_views(text: str) -> Views:
    """What a text is made of."""
    lines = text.split(VIEW_SEPARATOR)
    own = [line for line in lines if line and not line.startswith(_MARK)]
    marked = (line.split(_MARK, 2) for line in lines if line.startswith(_MARK))
    return Views(own, [(float(weight), review) for _, weight, review in marked])
