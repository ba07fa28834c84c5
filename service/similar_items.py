"""Answers: what is like an item, what suits a user. Free of HTTP."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from gnn.objective import Objective
from gnn.served_model import MAX_CANDIDATES, Source
from gnn.shop_arrays import FloatArray, IntArray
from service.errors import CallerMistake
from service.release import Release
from service.release_holder import Serving
from service.shop_lookup import ShopLookup

MAX_K = 1000
HISTORY_LIMIT = 5000
"""Newest items of a user that are looked at and masked."""


class UnknownItem(CallerMistake):
    """Neither the release nor the store knows the item, or it was deleted."""


class UnknownUser(CallerMistake):
    """The store knows no such user."""


class Fallback(StrEnum):
    """Why an answer does not rest on the query itself."""

    ITEM_NOT_IN_RELEASE = "item_not_in_release"
    """The store knows the item, the release not yet: what trends, in its category where that suffices."""
    NO_HISTORY = "no_history"
    """The release knows no item of the user's history: what trends."""


@dataclass(frozen=True)
class AnswerItem:
    """One returned item."""

    item_id: str
    score: float
    """Higher is better; comparable within one answer only."""
    source: Source
    card: dict[str, Any]
    """`title`, `brand`, `categories`, `price`, `currency`, `availability`, `image_url`."""

    def to_json(self) -> dict[str, Any]:
        """As in an HTTP answer."""
        return {"item_id": self.item_id, "score": self.score, "source": self.source, **self.card}


@dataclass(frozen=True)
class Answer:
    """Items, best first, and how fresh they are."""

    results: list[AnswerItem]
    model_version: str
    index_version: str
    events_through: int
    """Sequence number of the newest event that counts in this answer."""
    fallback: Fallback | None = None
    release_fallback: str | None = None
    """Why an older release answers than the one that should; None: the right one does."""

    def to_json(self, **asked: str) -> dict[str, Any]:
        """As in an HTTP answer. asked: what the answer is for, such as `item_id=...`."""
        return {
            **asked,
            "results": [item.to_json() for item in self.results],
            "model_version": self.model_version,
            "index_version": self.index_version,
            "events_through": self.events_through,
            "fallback": self.fallback.value if self.fallback else None,
            "release_fallback": self.release_fallback,
        }


class SimilarItemsService:
    """Candidates from the index and the model's lists, scored exactly; dead items are never returned."""

    def __init__(self, serving: Callable[[], Serving], shop: ShopLookup | None = None) -> None:
        """serving: what to answer from, taken once per request. shop: None: only what the release knows."""
        self._serving = serving
        self._shop = shop

    def similar(self, item_id: str, k: int = 10, objective: Objective = Objective.RELATED) -> Answer:
        """The `k` items most like an item, or as many as there are.

        Raises `UnknownItem`, `CallerMistake` (k), `NoRelease`.
        """
        check_k(k)
        serving = self._serving()
        release = serving.release
        row = release.items.index_of(item_id)
        if row is None:
            return _answer(serving, self._stand_ins(release, item_id, k), Fallback.ITEM_NOT_IN_RELEASE)
        if not release.items.alive[row]:
            raise UnknownItem(f"item {item_id!r} was deleted")
        return _answer(serving, _neighbours(release, row, k, objective))

    def recommend(self, user_id: str, k: int = 10) -> Answer:
        """`k` items for a user, those of their history left out.

        Raises `UnknownUser`, `CallerMistake` (k), `NoRelease`.
        """
        check_k(k)
        serving = self._serving()
        history = self._shop.history_of(user_id, HISTORY_LIMIT) if self._shop else None
        if history is None:
            raise UnknownUser(f"no user {user_id!r}")
        return self._for_history(serving, history, k)

    def recommend_for(self, history: Sequence[str], k: int = 10) -> Answer:
        """`k` items for whoever turned to these items, newest first; the items themselves are left out.

        Items that the release does not know count for nothing. Raises `CallerMistake` (k), `NoRelease`.
        """
        check_k(k)
        return self._for_history(self._serving(), history, k)

    def _for_history(self, serving: Serving, history: Sequence[str], k: int) -> Answer:
        rows = serving.release.items.indices_of(list(reversed(history)))
        fallback = None if len(rows) else Fallback.NO_HISTORY
        return _answer(serving, _for_user(serving.release, rows, k), fallback)

    def _stand_ins(self, release: Release, item_id: str, k: int) -> list[AnswerItem]:
        category = self._shop.category_of(item_id) if self._shop else None
        if category is None:
            raise UnknownItem(f"no item {item_id!r}")
        return _trending(release, category, k)


def check_k(k: int) -> None:
    """Raise `CallerMistake` unless 1 <= k <= 1000."""
    if not 1 <= k <= MAX_K:
        raise CallerMistake(f"k must lie between 1 and {MAX_K}, not {k}")


def _neighbours(release: Release, row: int, k: int, objective: Objective) -> list[AnswerItem]:
    query = np.array([row], np.int64)
    vectors = release.model.query_vectors(query, objective)
    wanted = max(MAX_CANDIDATES, k) + 1  # the query finds itself
    near = _found(release.index.search(vectors, wanted, release.items.alive_or_all)[0])
    near = near[near != row]
    candidates = _enough(release, release.model.candidates(row, objective, near), near, k)
    candidates = candidates[candidates != row]
    scores = release.model.score_candidates(row, candidates, objective)
    best = _best(candidates, scores, k)
    sources = release.model.sources(row, candidates[best], objective)
    return _rows(release, candidates[best], scores[best], sources)


def _for_user(release: Release, history: IntArray, k: int, among: IntArray | None = None) -> list[AnswerItem]:
    """history: item rows, oldest first. among: the only rows that may be returned."""
    allowed = release.items.alive.copy()
    allowed[history] = False
    if among is None:
        vector = release.model.user_query_vector(history)[None, :]  # (1, d)
        near = _found(release.index.search(vector, max(MAX_CANDIDATES, k), allowed)[0])
        candidates = _enough(release, release.model.user_candidates(history, near), near, k)
        candidates = candidates[allowed[candidates]]
    else:
        candidates = among
    scores = release.model.score_user_candidates(history, candidates)
    best = _best(candidates, scores, k)
    sources: list[Source] = ["graph" if len(history) else "fallback"] * len(best)
    return _rows(release, candidates[best], scores[best], sources)


def _trending(release: Release, category: str, k: int) -> list[AnswerItem]:
    peers = release.items.in_category(category) if category else np.empty(0, np.int64)
    return _for_user(release, np.empty(0, np.int64), k, peers if len(peers) >= k else None)


def _found(ids: IntArray) -> IntArray:
    """The row of the only query of a search, without the places that stayed empty."""
    row: IntArray = ids[0]
    return row[row >= 0]


def _enough(release: Release, candidates: IntArray, near: IntArray, k: int) -> IntArray:
    """Living candidates; joined with all of `near` where the model's share of them is too small for k."""
    alive = candidates[release.items.alive[candidates]]
    return alive if len(alive) > k else np.union1d(alive, near)


def _best(candidates: IntArray, scores: FloatArray, k: int) -> IntArray:
    """Places of the k best, best first; ties by ascending row."""
    order = np.lexsort((candidates, -scores))[:k]
    return order.astype(np.int64)


def _rows(release: Release, rows: IntArray, scores: FloatArray, sources: list[Source]) -> list[AnswerItem]:
    cards = release.items.cards(rows)
    return [
        AnswerItem(card.pop("item_id"), float(score), source, card)
        for card, score, source in zip(cards, scores, sources, strict=True)
    ]


def _answer(serving: Serving, results: list[AnswerItem], fallback: Fallback | None = None) -> Answer:
    manifest = serving.release.manifest
    return Answer(
        results=results,
        model_version=manifest.version,
        index_version=manifest.version,
        events_through=manifest.events_through,
        fallback=fallback,
        release_fallback=serving.fallback_reason,
    )
