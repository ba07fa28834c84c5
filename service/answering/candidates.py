"""From a query to ranked rows of a release: candidates that may be returned, scored exactly."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from gnn.objective import Objective
from gnn.served_model import MAX_CANDIDATES, Source
from gnn.shop_arrays import FloatArray, IntArray
from service.answering.item_filter import BoolArray, ItemFilter
from service.answering.score_parts import split_scores
from service.releases.release import Release

SCORE_ALL = 1000
"""Where a filter leaves no more rows than this, all of them are scored: cheaper than a filtered search, and
exact."""
_FEW = 200
"""So many forbidden rows are found and dropped; more of them go into the search's mask."""


@dataclass(frozen=True)
class Ranked:
    """Rows, best first, ties by ascending row."""

    rows: IntArray
    """Shape (r,)."""
    scores: FloatArray
    """Shape (r,)."""
    sources: Callable[[IntArray], list[Source]]
    """What the scores of some of the rows mainly rest on."""
    parts: Callable[[IntArray], list[dict[str, float]]] | None = None
    """What the scores of some of the rows, without `added`, are made of; None: of one part, the source."""
    added: FloatArray | None = None
    """What boosts added to the scores, shape (r,); None: nothing."""

    def reasons(self, places: IntArray) -> list[dict[str, float]]:
        """What the scores at some places are made of; each adds up to the score."""
        rows = self.rows[places]
        if self.parts is not None:
            found = self.parts(rows)
        else:
            names = self.sources(rows)
            whole = self.scores[places] - (0.0 if self.added is None else self.added[places])
            found = [{name: float(score)} for name, score in zip(names, whole, strict=True)]
        if self.added is not None:
            for one, added in zip(found, self.added[places].tolist(), strict=True):
                if added:
                    one["boost"] = added
        return found


@dataclass(frozen=True)
class Pool:
    """The rows of a release that may be returned."""

    release: Release
    mask: BoolArray | None
    """None: every row but the banned ones."""
    banned: IntArray
    """Few rows that may not be returned although `mask` has them."""

    @classmethod
    def of(cls, release: Release, wanted: ItemFilter, banned: IntArray) -> "Pool":
        """Living rows that pass the filter, less the banned ones."""
        excluded = release.items.indices_of(sorted(wanted.exclude))
        mask = release.items.alive_or_all
        if wanted.on_columns:
            mask = release.items.columns.mask(wanted) & release.items.alive
        return cls(release, mask, np.empty(0, np.int64)).without(np.concatenate([banned, excluded]))

    def without(self, rows: IntArray) -> "Pool":
        """The same pool less some rows."""
        banned = np.union1d(self.banned, rows)
        if len(banned) <= _FEW:
            return replace(self, banned=banned)
        return Pool(self.release, self._whole_mask(banned), np.empty(0, np.int64))

    def near(self, vector: FloatArray, wanted: int) -> IntArray:
        """Rows nearest to a search vector (d,), best first, at most `wanted`."""
        ids, _ = self.release.index.search(vector[None, :], wanted + len(self.banned), self.mask)
        return self.only(ids[0][ids[0] >= 0])[:wanted]

    def just(self, rows: IntArray) -> "Pool":
        """Of this pool only these rows."""
        mask = np.zeros(len(self.release.items), np.bool_)
        mask[self.only(rows)] = True
        return Pool(self.release, mask, np.empty(0, np.int64))

    def only(self, rows: IntArray) -> IntArray:
        """Those of some rows that may be returned, in their order."""
        if self.mask is not None:
            rows = rows[self.mask[rows]]
        return rows[~np.isin(rows, self.banned)] if len(self.banned) else rows

    def few(self) -> IntArray | None:
        """All rows, ascending, where a mask leaves at most `SCORE_ALL`; else None."""
        if self.mask is None or int(np.count_nonzero(self.mask)) > SCORE_ALL:
            return None
        return self.only(np.flatnonzero(self.mask))

    def _whole_mask(self, banned: IntArray) -> BoolArray:
        mask = np.ones(len(self.release.items), np.bool_) if self.mask is None else self.mask.copy()
        mask[banned] = False
        return mask


Ranker = Callable[[Pool, int], Ranked]
"""Ranks at least k rows of a pool, or all where there are fewer."""


def like_item(release: Release, row: int, objective: Objective) -> Ranker:
    """Rank by likeness to an item of the release."""

    def rank(pool: Pool, k: int) -> Ranked:
        candidates = pool.few()
        if candidates is None:
            vector = release.model.query_vectors(np.array([row], np.int64), objective)[0]
            near = pool.near(vector, max(MAX_CANDIDATES, k))
            candidates = _enough(pool, release.model.candidates(row, objective, near), near, k)
        scores = release.model.score_candidates(row, candidates, objective)
        ranked = _ranked(candidates, scores, lambda rows: release.model.sources(row, rows, objective))
        return replace(ranked, parts=lambda rows: split_scores(release.model, row, rows, objective))

    return rank


def like_text(vector: FloatArray) -> Ranker:
    """Rank by likeness to a text; vector: of `ServedModel.text_query_vectors`, shape (d,)."""

    def rank(pool: Pool, k: int) -> Ranked:
        found = max(MAX_CANDIDATES, k) + len(pool.banned)
        ids, scores = pool.release.index.search(vector[None, :], found, pool.mask)
        rows = pool.only(ids[0][ids[0] >= 0])
        kept = np.isin(ids[0], rows)
        return _ranked(ids[0][kept], scores[0][kept], lambda some: ["text"] * len(some))

    return rank


def for_history(release: Release, history: IntArray) -> Ranker:
    """Rank for a user by item history (rows, oldest first); an empty history ranks by what trends."""

    def rank(pool: Pool, k: int) -> Ranked:
        candidates = pool.few()
        if candidates is None:
            near = pool.near(release.model.user_query_vector(history), max(MAX_CANDIDATES, k))
            candidates = _enough(pool, release.model.user_candidates(history, near), near, k)
        scores = release.model.score_user_candidates(history, candidates)
        source: Source = "graph" if len(history) else "fallback"
        return _ranked(candidates, scores, lambda rows: [source] * len(rows))

    return rank


def rising(release: Release) -> Ranker:
    """Rank by how much demand has risen against the past."""

    def rank(pool: Pool, k: int) -> Ranked:
        rises = release.model.rising()
        rows = pool.only(np.arange(len(rises), dtype=np.int64))
        best = rows[np.lexsort((rows, -rises[rows]))[: max(MAX_CANDIDATES, k)]]
        return _ranked(best, rises[best], lambda some: ["graph"] * len(some))

    return rank


def trending(release: Release, category: str) -> Ranker:
    """Rank by what trends: in a category where it has enough, else everywhere."""

    def rank(pool: Pool, k: int) -> Ranked:
        nobody = np.empty(0, np.int64)
        peers = pool.only(release.items.in_category(category)) if category else nobody
        if len(peers) < k:
            return for_history(release, nobody)(pool, k)
        scores = release.model.score_user_candidates(nobody, peers)
        return _ranked(peers, scores, lambda rows: ["fallback"] * len(rows))

    return rank


def _enough(pool: Pool, candidates: IntArray, near: IntArray, k: int) -> IntArray:
    """Candidates that may be returned; joined with all of `near` where the model's share of them is too small
    for k, or where a filter threw out most of its lists."""
    kept = pool.only(candidates)
    return kept if len(kept) > k and len(kept) == len(candidates) else np.union1d(kept, near)


def _ranked(rows: IntArray, scores: FloatArray, sources: Callable[[IntArray], list[Source]]) -> Ranked:
    order = np.lexsort((rows, -scores))
    return Ranked(rows[order], scores[order], sources)
