"""A new release beside the one that serves: how far the answers moved, and where."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gnn.evaluation.slices import QUINTILES, popularity_quintile
from gnn.shop_arrays import FloatArray, IntArray
from service.answering.similar_items import SimilarItemsService
from service.releases.holder import Serving
from service.releases.release import Release
from service.reporter import ProgressFn

K = 10
CHANGED_MOST = 15
CATEGORIES = 12
"""Top-level categories that are shown: those with most items asked for."""


@dataclass(frozen=True)
class Overlap:
    """Mean share of equal neighbours over a group of items."""

    name: str
    items: int
    overlap: float


@dataclass(frozen=True)
class ChangedItem:
    """An item whose neighbours changed much."""

    item_id: str
    title: str
    overlap: float
    before: list[str]
    """Titles (or ids) of its first neighbours in the release that served."""
    after: list[str]


@dataclass(frozen=True)
class NeighbourAudit:
    """How far the `related` neighbours of a sample of items moved between two releases."""

    against: str
    """Version of the release that served."""
    items: int
    """Items asked for: living in both releases."""
    overlap: float
    """Mean of |both lists| / longer list over the items, lists of 10."""
    by_popularity: list[Overlap]
    """From never engaged with over the rarest fifth to the most popular."""
    by_category: list[Overlap]
    changed_most: list[ChangedItem]
    new_items: int
    """Living in the new release alone."""
    gone_items: int

    def to_json(self) -> dict[str, Any]:
        """For the report."""
        return asdict(self)


def audit_neighbours(
    new: Release, old: Release, counts: IntArray, sample: int, progress: ProgressFn = lambda done, total: None
) -> NeighbourAudit:
    """Ask both releases for the neighbours of the same items, as they would be served.

    counts: events of each item of `new`, shape (n_items,). sample: items asked for at most, drawn with a
    fixed seed. About 6 ms an item.
    """
    ids = new.items.ids_of(np.flatnonzero(new.items.alive))
    before = set(old.items.ids_of(np.flatnonzero(old.items.alive)))
    shared = [item_id for item_id in ids if item_id in before]
    chosen = np.sort(np.random.default_rng(0).permutation(len(shared))[:sample])
    asked = [shared[place] for place in chosen]
    lists = _Lists(new, old)
    pairs = []
    for done, item_id in enumerate(asked):
        pairs.append(lists.of(item_id))
        if done % 50 == 0:
            progress(done, len(asked))
    overlap = np.array([_overlap(ours, theirs) for ours, theirs in pairs], np.float32)
    rows = new.items.indices_of(asked)
    cards = new.items.cards(rows)
    return NeighbourAudit(
        against=old.version,
        items=len(asked),
        overlap=_mean(overlap),
        by_popularity=_by_popularity(overlap, popularity_quintile(counts)[rows]),
        by_category=_by_category(overlap, [_top_category(card) for card in cards]),
        changed_most=_changed_most(overlap, cards, pairs, lists),
        new_items=len(ids) - len(shared),
        gone_items=len(before) - len(shared),
    )


class _Lists:
    """Neighbours in both releases."""

    def __init__(self, new: Release, old: Release) -> None:
        self._new, self._old = (SimilarItemsService(_served(release)) for release in (new, old))
        self._titles = new.items, old.items

    def of(self, item_id: str) -> tuple[list[str], list[str]]:
        """(in the new release, in the old one)."""
        ours, theirs = (service.similar(item_id, K).results for service in (self._new, self._old))
        return [found.item_id for found in ours], [found.item_id for found in theirs]

    def titles(self, item_ids: Sequence[str]) -> list[str]:
        """Titles where there are some, else ids."""
        return [self._title(item_id) for item_id in item_ids]

    def _title(self, item_id: str) -> str:
        for items in self._titles:
            row = items.index_of(item_id)
            if row is not None:
                return str(items.cards(np.array([row]))[0]["title"]) or item_id
        return item_id


def _served(release: Release) -> Any:
    return lambda: Serving(release, since=0.0)


def _overlap(ours: list[str], theirs: list[str]) -> float:
    longer = max(len(ours), len(theirs))
    return len(set(ours) & set(theirs)) / longer if longer else 1.0


def _by_popularity(overlap: FloatArray, quintile: IntArray) -> list[Overlap]:
    names = ["no events", "rarest fifth", "2nd", "3rd", "4th", "most popular fifth"]
    groups = [(names[number + 1], quintile == number) for number in range(-1, QUINTILES)]
    return [Overlap(name, int(own.sum()), _mean(overlap[own])) for name, own in groups if own.any()]


def _by_category(overlap: FloatArray, names: list[str]) -> list[Overlap]:
    found, group, sizes = np.unique(np.array(names, np.str_), return_inverse=True, return_counts=True)
    largest = np.argsort(-sizes, kind="stable")[:CATEGORIES]
    return [Overlap(str(found[one]), int(sizes[one]), _mean(overlap[group == one])) for one in largest]


def _top_category(card: dict[str, Any]) -> str:
    return str(card["categories"][0]).partition(" > ")[0] if card["categories"] else "(none)"


def _changed_most(
    overlap: FloatArray, cards: list[dict[str, Any]], pairs: list[tuple[list[str], list[str]]], lists: _Lists
) -> list[ChangedItem]:
    worst = np.argsort(overlap, kind="stable")[:CHANGED_MOST]
    return [
        ChangedItem(
            cards[place]["item_id"],
            cards[place]["title"],
            float(overlap[place]),
            before=lists.titles(pairs[place][1][:3]),
            after=lists.titles(pairs[place][0][:3]),
        )
        for place in worst
        if overlap[place] < 1
    ]


def _mean(values: npt.NDArray[np.float32]) -> float:
    return round(float(values.mean()), 4) if len(values) else 1.0
