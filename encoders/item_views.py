"""An item's text seen twice: everything about it, and its own words alone; one vector of both.

Brand and categories say what an item is filed under and pull the vectors of a whole shelf together; the
title and the first words of the description tell what sets it apart. The mean of both vectors ranks what a
shop links to an item better than either, and has the length of one.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from encoders.encoder import ProgressFn, TextEncoder
from encoders.item_text import ITEM_TEXT_COLUMNS, item_text

OWN_WORDS_LETTERS = 200
"""Letters of a description that count in the second view: what the item is comes first, then how it ships."""
VIEW_SEPARATOR = "\n"
"""Between two views; no view holds it, because runs of white space become one blank."""


def item_views(
    title: str | None,
    brand: str | None = None,
    categories: Sequence[str] | None = None,
    description: str | None = None,
) -> str:
    """`item_text`, and for an item with a description a second line: title and first words alone."""
    whole = item_text(title, brand, categories, description)
    if not (description or "").strip():
        return whole
    own = item_text(title, description=description, description_letters=OWN_WORDS_LETTERS)
    return whole if own == whole else f"{whole}{VIEW_SEPARATOR}{own}"


def item_views_of(items: pl.DataFrame) -> list[str]:
    """`item_views` of each row of a frame with the columns of `ITEM_TEXT_COLUMNS`; nulls count as empty.

    Raises polars' `ColumnNotFoundError`.
    """
    return [item_views(*row) for row in items.select(ITEM_TEXT_COLUMNS).iter_rows()]


class ViewEncoder:
    """A `TextEncoder` whose texts may have several views: the vector is the mean of theirs, unit length."""

    def __init__(self, encoder: TextEncoder) -> None:
        self._encoder = encoder

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._encoder.dim

    @property
    def fingerprint(self) -> str:
        """That of the encoder behind: a text of one view has the same vector there."""
        return self._encoder.fingerprint

    def encode(self, texts: Sequence[str], progress: ProgressFn | None = None) -> npt.NDArray[np.float32]:
        """As the port says; progress counts views."""
        views = [text.split(VIEW_SEPARATOR) for text in texts]
        flat = [view for one in views for view in one]
        vectors = self._encoder.encode(flat, progress)
        if len(flat) == len(views):
            return vectors
        row = np.repeat(np.arange(len(views)), [len(one) for one in views])
        total = np.zeros((len(views), self.dim), np.float32)
        np.add.at(total, row, vectors)
        length = np.linalg.norm(total, axis=1, keepdims=True)
        mean: npt.NDArray[np.float32] = total / np.maximum(length, np.float32(1e-9))
        return mean
