"""What a caller or the shop asks of a list beyond conditions: variety, boosts, reasons."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gnn.objective import Objective
from gnn.shop_arrays import FloatArray, IntArray
from service.answering.candidates import Pool, Ranked, Ranker
from service.answering.item_filter import lies_in, says_in_stock
from service.answering.shop_lookup import LiveItem

DIVERSIFIED = 50
"""So many places are filled by maximal marginal relevance; the rest follow by score."""
LookUp = Callable[[Sequence[str]], dict[str, LiveItem]]


@dataclass(frozen=True)
class Boost:
    """Items that are to stand higher: a rule of the settings, used where a caller names it."""

    field: str
    """`brand`, `category`, `availability`, or an attribute's name."""
    equals: str
    """The value, compared without regard to case; of `category` also what lies below; `availability` compares
    what it says, so `in_stock` matches every spelling of it."""
    strength: float
    """Share of the distance between the candidates' best and worst score that is added; negative: taken."""

    def matches(self, item: LiveItem) -> bool:
        """Whether an item, as it is now, is meant."""
        card = item.card
        if self.field == "category":
            return any(lies_in(path, self.equals) for path in card["categories"])
        if self.field == "availability" and says_in_stock(self.equals):
            return says_in_stock(card["availability"])
        if self.field in ("brand", "availability"):
            return bool(card[self.field].casefold() == self.equals.casefold())
        return any(_text(one).casefold() == self.equals.casefold() for one in _values(item, self.field))


@dataclass(frozen=True)
class Shaping:
    """How a list is made from ranked candidates."""

    diversity: float = 0.0
    """0: by score alone; towards 1: each next item unlike those before it."""
    boosts: tuple[Boost, ...] = ()
    explain: bool = False
    """Every result says what its score is made of."""


PLAIN = Shaping()


def shaped(rank: Ranker, shaping: Shaping, look_up: LookUp) -> Ranker:
    """The same ranking with boosts added, then spread out."""
    if shaping.boosts:
        rank = _boosted(rank, shaping.boosts, look_up)
    return _diversified(rank, shaping.diversity) if shaping.diversity > 0 else rank


def _boosted(rank: Ranker, boosts: Sequence[Boost], look_up: LookUp) -> Ranker:
    def boosted(pool: Pool, k: int) -> Ranked:
        ranked = rank(pool, k)
        if not len(ranked.rows):
            return ranked
        ids = pool.release.items.ids_of(ranked.rows)
        live = look_up(ids)
        items = [live.get(one) for one in ids]
        strength = np.array(
            [sum(boost.strength for boost in boosts if one and boost.matches(one)) for one in items],
            np.float32,
        )
        spread = max(float(np.ptp(ranked.scores)), 1e-6)
        added = strength * np.float32(spread)
        scores = ranked.scores + added
        order = np.lexsort((ranked.rows, -scores))
        return replace(ranked, rows=ranked.rows[order], scores=scores[order], added=added[order])

    return boosted


def _diversified(rank: Ranker, diversity: float) -> Ranker:
    """Maximal marginal relevance (Carbonell & Goldstein 1998); how alike results are says the model."""

    def diversified(pool: Pool, k: int) -> Ranked:
        ranked = rank(pool, k)
        if len(ranked.rows) < 2:
            return ranked
        relevance = _unit(ranked.scores)
        closest = np.zeros(len(ranked.rows), np.float32)
        left = np.ones(len(ranked.rows), np.bool_)
        order: list[int] = []
        for _ in range(min(k, DIVERSIFIED, len(ranked.rows))):
            worth = (1 - diversity) * relevance - diversity * closest
            place = int(np.argmax(np.where(left, worth, -np.inf)))
            order.append(place)
            left[place] = False
            closest = np.maximum(closest, _likeness(pool, int(ranked.rows[place]), ranked.rows))
        places = np.concatenate([np.array(order, np.int64), np.flatnonzero(left)])
        added = None if ranked.added is None else ranked.added[places]
        return replace(ranked, rows=ranked.rows[places], scores=ranked.scores[places], added=added)

    return diversified


def _likeness(pool: Pool, row: int, rows: IntArray) -> FloatArray:
    return _unit(pool.release.model.score_candidates(row, rows, Objective.RELATED))


def _unit(scores: FloatArray) -> FloatArray:
    """Scores moved and stretched to 0..1."""
    spread = float(np.ptp(scores))
    unit: FloatArray = ((scores - scores.min()) / (spread or 1.0)).astype(np.float32)
    return unit


def _values(item: LiveItem, field: str) -> list[Any]:
    attributes: Mapping[str, Any] = json.loads(item.attributes)
    value = attributes.get(field)
    return value if isinstance(value, list) else [] if value is None else [value]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
