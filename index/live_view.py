"""One moment of a live index: what a reader searches."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from index.errors import InvalidQuery
from index.exact_scan import QUERY_BLOCK
from index.query import checked_k, checked_queries
from index.top_k import merged, top_k
from index.vector_index import Ids, Scores, VectorIndex


@dataclass(frozen=True)
class FreshTier:
    """Rows that the main index does not know or knows wrongly; small, compared exhaustively."""

    vectors: npt.NDArray[np.float32]
    """Slots (s, d); a slot is written once and then never changed."""
    slots: npt.NDArray[np.int64]
    """Slots that are alive, ordered by `rows`; shape (f,)."""
    rows: npt.NDArray[np.int64]
    """Row number in each of those slots, ascending, unique; shape (f,)."""

    def search(
        self, queries: npt.NDArray[np.float32], k: int, allowed: npt.NDArray[np.bool_] | None
    ) -> tuple[Ids, Scores]:
        """Rows, best first, and scores, each (q, min(k, rows allowed)); ties by ascending row."""
        slots, rows = self.slots, self.rows
        if allowed is not None:
            inside = np.searchsorted(rows, len(allowed))
            chosen = np.flatnonzero(allowed[rows[:inside]])
            slots, rows = slots[chosen], rows[chosen]
        found = np.empty((len(queries), min(k, len(rows))), dtype=np.int64)
        scores = np.empty(found.shape, dtype=np.float32)
        for start in range(0, len(queries), QUERY_BLOCK):
            part = slice(start, start + QUERY_BLOCK)
            columns, scores[part] = top_k((queries[part] @ self.vectors.T)[:, slots], k)
            found[part] = rows[columns]
        return found, scores


@dataclass(frozen=True)
class LiveView:
    """An immutable state: main index, fresh tier and tombstones that belong together.

    Take one with `LiveIndex.view` to ask several things of the same moment.
    """

    version: int
    """Grows by one with every change."""
    main: VectorIndex
    alive: npt.NDArray[np.bool_]
    """False: a tombstone, that row of `main` is deleted or superseded. Shape (main.size,)."""
    tombstones: int
    """False ones in `alive`."""
    fresh: FreshTier
    size: int
    """One more than the highest row number ever given."""

    @property
    def dim(self) -> int:
        """Length of a row."""
        return self.main.dim

    def search(
        self, queries: npt.NDArray[np.float32], k: int, allowed: npt.NDArray[np.bool_] | None = None
    ) -> tuple[Ids, Scores]:
        """As `VectorIndex.search`, over rows that are alive.

        `allowed` may be shorter than `size` (it was made for an older view): rows beyond its end are not
        returned. k' is min(k, size).
        """
        vectors, limit = checked_queries(queries, self.dim), min(checked_k(k), self.size)
        if allowed is not None and (allowed.ndim != 1 or allowed.dtype != np.bool_):
            raise InvalidQuery(f"allowed must be bool of shape (n,), not {allowed.dtype} {allowed.shape}")
        ids = np.full((len(vectors), limit), -1, dtype=np.int64)
        scores = np.full((len(vectors), limit), -np.inf, dtype=np.float32)
        if limit == 0:
            return ids, scores
        if self.main.size:
            main = self.main.search(vectors, limit, self._allowed_in_main(allowed))
            ids, scores = merged(ids, scores, *main, limit)
        if len(self.fresh.rows):
            ids, scores = merged(ids, scores, *self.fresh.search(vectors, limit, allowed), limit)
        return ids, scores

    def _allowed_in_main(self, allowed: npt.NDArray[np.bool_] | None) -> npt.NDArray[np.bool_] | None:
        if allowed is None:
            return self.alive if self.tombstones else None
        mask = np.zeros(self.main.size, dtype=np.bool_)
        common = min(len(mask), len(allowed))
        mask[:common] = allowed[:common] & self.alive[:common]
        return mask
