"""An index that changes while it is searched."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from index.errors import InvalidMatrix
from index.fresh_writer import FreshWriter
from index.live_view import LiveView
from index.query import checked_matrix
from index.vector_index import Ids, Scores, VectorIndex

BuildFn = Callable[[npt.NDArray[np.float32]], VectorIndex]


@dataclass(frozen=True)
class RebuildLimits:
    """When the fresh tier or the tombstones make a new main index worth its cost."""

    fresh_rows: int = 10_000
    """Fresh rows are compared one by one: so many cost about a millisecond per query."""
    tombstone_share: float = 0.05
    """Share of the main index's rows, counted since it was built: dead rows are still walked through."""

    def __post_init__(self) -> None:
        if self.fresh_rows < 1 or not 0 < self.tombstone_share <= 1:
            raise ValueError("fresh_rows must be at least 1, tombstone_share above 0 and at most 1")


class LiveIndex:
    """Immutable main index + exact fresh tier + tombstones, published as one reference.

    Readers never wait: a search works on the view that was current when it began. Writers take turns on a
    lock. A changed row is a tombstone in main and a fresh row; a new one is a fresh row.
    """

    def __init__(
        self,
        main: VectorIndex,
        build: BuildFn,
        alive: npt.NDArray[np.bool_] | None = None,
        limits: RebuildLimits | None = None,
    ) -> None:
        """main: the index to start with; build: makes the next one, in `rebuild`.

        alive: bool (main.size,), False at rows that must not be returned (`None`: none).
        Raises `InvalidMatrix` when `alive` has another shape.
        """
        self._build = build
        self._limits = limits or RebuildLimits()
        self._lock = threading.Lock()
        self._fresh = FreshWriter(main.dim)
        self._reflected = 0  # version that the main index reflects
        self._changed: dict[int, int] = {}  # row -> version of its last change, for changes since main
        mask = _mask(alive, main.size)
        self._removed = set(np.flatnonzero(~mask).tolist())
        self._dead_when_built = len(self._removed)
        self._view = _view(0, main, mask, self._fresh, main.size)

    @property
    def size(self) -> int:
        """One more than the highest row number ever given."""
        return self._view.size

    @property
    def dim(self) -> int:
        """Length of a row."""
        return self._view.dim

    @property
    def version(self) -> int:
        """Grows by one with every change."""
        return self._view.version

    def view(self) -> LiveView:
        """The current state; it stays as it is whatever happens to the index."""
        return self._view

    def search(
        self, queries: npt.NDArray[np.float32], k: int, allowed: npt.NDArray[np.bool_] | None = None
    ) -> tuple[Ids, Scores]:
        """As `LiveView.search`, on the current state."""
        return self._view.search(queries, k, allowed)

    def upsert(self, rows: npt.NDArray[np.int64], vectors: npt.NDArray[np.float32]) -> int:
        """Insert or replace rows: int64 (m,), each once; vectors float32 (m, dim). Returns the new version.

        New items take row numbers from `size` on. All rows of one call appear at once. Costs O(m), a copy of
        the tombstones (a byte per row of main) and a sort of the fresh row numbers. Raises `InvalidMatrix`.
        """
        block = checked_matrix(vectors)
        numbers = _checked_rows(rows)
        if block.shape != (len(numbers), self.dim):
            raise InvalidMatrix(f"vectors must have shape ({len(numbers)}, {self.dim}), not {block.shape}")
        with self._lock:
            view = self._view
            self._fresh.put(numbers, block)
            self._removed.difference_update(numbers.tolist())
            size = max(view.size, int(numbers.max(initial=-1)) + 1)
            return self._publish(view, numbers, size)

    def remove(self, rows: npt.NDArray[np.int64]) -> int:
        """Delete rows, int64 (m,), each once; unknown ones are ignored. Returns the new version.

        A search that begins afterwards never returns them. Raises `InvalidMatrix`.
        """
        numbers = _checked_rows(rows)
        with self._lock:
            view = self._view
            known = numbers[numbers < view.size]
            self._fresh.drop(known)
            self._removed.update(known.tolist())
            return self._publish(view, known, view.size)

    def needs_rebuild(self) -> bool:
        """Whether the fresh tier or the tombstones have passed the limits."""
        view = self._view
        dead = view.tombstones - self._dead_when_built
        return len(view.fresh.rows) >= self._limits.fresh_rows or dead >= max(
            1.0, self._limits.tombstone_share * view.main.size
        )

    def rebuild(
        self,
        matrix: npt.NDArray[np.float32],
        since: int | None = None,
        alive: npt.NDArray[np.bool_] | None = None,
    ) -> int:
        """Build a new main index from a matrix (n, dim) and swap it in; returns the new version.

        Reads and writes go on while it is built. since: the `version` that the matrix reflects (`None`: the
        one at the call), not below that of the last rebuild; what changed later stays in the fresh tier or
        removed. alive: bool (n,), False at rows of the matrix that do not exist. Removed rows stay removed,
        whatever the matrix holds there. Raises `InvalidMatrix`; the index is then as before.
        """
        reflected = self._view.version if since is None else since
        rows = checked_matrix(matrix)
        if rows.shape[1] != self.dim:
            raise InvalidMatrix(f"the matrix must have rows of length {self.dim}, not {rows.shape[1]}")
        exists = _mask(alive, len(rows))
        main = self._build(rows)
        with self._lock:
            return self._swap(main, exists, reflected)

    def _swap(self, main: VectorIndex, exists: npt.NDArray[np.bool_], reflected: int) -> int:
        """Publish a new main index; rows changed after version `reflected` keep their newer state."""
        if reflected < self._reflected:
            raise InvalidMatrix(f"the matrix is of version {reflected}, the index is at {self._reflected}")
        view = self._view
        later = {row: version for row, version in self._changed.items() if version > reflected}
        kept = np.array(
            [row for row in view.fresh.rows.tolist() if row in later or row >= main.size], dtype=np.int64
        )
        fresh = self._fresh.only(kept)
        self._removed.update(set(np.flatnonzero(~exists).tolist()) - set(kept.tolist()))
        mask = exists
        mask[_within(np.fromiter(self._removed, dtype=np.int64), main.size)] = False
        dead_when_built = int(len(mask) - mask.sum())
        mask[_within(kept, main.size)] = False
        swapped = _view(view.version + 1, main, mask, fresh, max(view.size, main.size))
        self._fresh, self._changed, self._dead_when_built = fresh, later, dead_when_built
        self._reflected = reflected
        self._view = swapped
        return swapped.version

    def _publish(self, view: LiveView, touched: npt.NDArray[np.int64], size: int) -> int:
        """Make the writer's state visible: one assignment of one reference."""
        version = view.version + 1
        self._changed.update(dict.fromkeys(touched.tolist(), version))
        alive = view.alive
        in_main = _within(touched, len(alive))
        if alive[in_main].any():
            alive = alive.copy()
            alive[in_main] = False
        self._view = _view(version, view.main, alive, self._fresh, size)
        return version


def _view(
    version: int, main: VectorIndex, alive: npt.NDArray[np.bool_], fresh: FreshWriter, size: int
) -> LiveView:
    tombstones = int(len(alive) - alive.sum())
    return LiveView(version, main, alive, tombstones, fresh.tier(), size)


def _mask(alive: npt.NDArray[np.bool_] | None, size: int) -> npt.NDArray[np.bool_]:
    if alive is None:
        return np.ones(size, dtype=np.bool_)
    if alive.dtype != np.bool_ or alive.shape != (size,):
        raise InvalidMatrix(f"alive must be bool of shape ({size},), not {alive.dtype} {alive.shape}")
    return alive.copy()


def _within(rows: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.int64]:
    return rows[rows < size]


def _checked_rows(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    if rows.ndim != 1 or rows.dtype.kind not in "iu" or (len(rows) and rows.min() < 0):
        raise InvalidMatrix("rows must be whole numbers from 0 on, of shape (m,)")
    if len(np.unique(rows)) != len(rows):
        raise InvalidMatrix("rows must name each row once")
    return rows.astype(np.int64)
