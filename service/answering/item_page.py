"""One item as a page of its own: card, neighbours, why. No script, no outside address, no user."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from service.answering.answer import Answer
from service.page_templates import page_template

WIDTH, HEIGHT = 1180, 620
"""Of the picture, in its own units."""
_RADII = (300, 235)
_INNER = 0.5
"""Where categories lie between the item and its neighbours."""
_LABEL_CHARS = 28
_MAX_CATEGORIES = 4
PARTS = ("text", "shared_shoppers", "category", "brand", "trend", "embedding")
"""Parts of a score in the order in which bars show them."""


@dataclass(frozen=True)
class PageNeighbour:
    """A neighbour and why it is one."""

    item_id: str
    card: dict[str, Any]
    score: float
    parts: dict[str, float]
    """By `service.answering.score_parts.GROUPS`."""
    categories: tuple[str, ...]
    """Those that it shares with the item."""
    lines: Sequence[str]
    """What both share in the shop, in words and counts."""


@dataclass(frozen=True)
class Mark:
    """One node of the picture."""

    x: float
    y: float
    label: str
    full: str
    anchor: str
    """`start`, `middle` or `end`: on which side of the node its label begins."""
    kind: str
    """`item`, `category`, or the largest part of a neighbour's score."""
    width: float = 1.0
    """Of the line from the item, by score."""
    categories: tuple[int, ...] = ()
    """Places, among the categories drawn, of those that are shared."""


@dataclass(frozen=True)
class Picture:
    """An item in the middle, its neighbours around it, shared categories in between."""

    centre: Mark
    neighbours: tuple[Mark, ...]
    categories: tuple[Mark, ...]


def item_page(item_id: str, card: dict[str, Any], answer: Answer, neighbours: Sequence[PageNeighbour]) -> str:
    """The page. Everything that comes from the shop is escaped."""
    return page_template("item.html").render(
        item_id=item_id,
        card=card,
        answer=answer,
        neighbours=[(one, _bars(one.parts)) for one in neighbours],
        parts=PARTS,
        picture=picture_of(item_id, card, neighbours),
        width=WIDTH,
        height=HEIGHT,
    )


def picture_of(item_id: str, card: dict[str, Any], neighbours: Sequence[PageNeighbour]) -> Picture:
    """Neighbours on an ellipse, clockwise from the top, best first."""
    shared = list(dict.fromkeys(path for one in neighbours for path in one.categories))[:_MAX_CATEGORIES]
    best = max((one.score for one in neighbours), default=0.0)
    marks = []
    for place, one in enumerate(neighbours):
        angle = 2 * math.pi * place / len(neighbours) - math.pi / 2
        x, y = _at(angle, 1.0)
        marks.append(
            Mark(
                x,
                y,
                _short(one.card["title"] or one.item_id),
                one.card["title"] or one.item_id,
                "middle" if abs(math.cos(angle)) < 0.2 else "start" if math.cos(angle) > 0 else "end",
                max(one.parts, key=lambda part: one.parts[part], default="text"),
                1.0 + 6.0 * max(one.score, 0.0) / best if best > 0 else 1.0,
                tuple(shared.index(path) for path in one.categories if path in shared),
            )
        )
    # halfway between two neighbours, so that no line runs through a category
    step = 2 * math.pi / max(len(neighbours), 1)
    spread = max(len(neighbours) // max(len(shared), 1), 1)
    between = tuple(
        Mark(
            *_at((place * spread + 0.5) * step - math.pi / 2, _INNER), _leaf(path), path, "middle", "category"
        )
        for place, path in enumerate(shared)
    )
    title = card["title"] or item_id
    centre = Mark(WIDTH / 2, HEIGHT / 2, _short(title), title, "middle", "item")
    return Picture(centre, tuple(marks), between)


def _bars(parts: dict[str, float]) -> list[tuple[str, float, float]]:
    """(part, share of all that adds, value) of each part that adds something."""
    whole = sum(value for value in parts.values() if value > 0)
    return [(name, 100 * parts[name] / whole, parts[name]) for name in PARTS if parts.get(name, 0) > 0]


def _at(angle: float, distance: float) -> tuple[float, float]:
    return (
        round(WIDTH / 2 + distance * _RADII[0] * math.cos(angle), 1),
        round(HEIGHT / 2 + distance * _RADII[1] * math.sin(angle), 1),
    )


def _leaf(path: str) -> str:
    return _short(path.rpartition(" > ")[2])


def _short(text: str) -> str:
    return text if len(text) <= _LABEL_CHARS else text[: _LABEL_CHARS - 1].rstrip() + "…"
