"""The writer's side of the fresh tier: slots that are appended to, never overwritten."""

import numpy as np
import numpy.typing as npt

from index.live_view import FreshTier

_FIRST_SLOTS = 64


class FreshWriter:
    """Not safe from several threads: the live index's writers take turns.

    Published tiers share the slots. A slot is written before the tier that shows it is published, and never
    again, so a reader of any older tier sees what it always saw.
    """

    def __init__(self, dim: int, slots: int = _FIRST_SLOTS) -> None:
        self._vectors = np.empty((slots, dim), dtype=np.float32)
        self._used = 0
        self._slot_of: dict[int, int] = {}

    def put(self, rows: npt.NDArray[np.int64], vectors: npt.NDArray[np.float32]) -> None:
        """Give each row a new slot; rows int64 (m,), vectors float32 (m, d)."""
        self._reserve(len(rows))
        end = self._used + len(rows)
        self._vectors[self._used : end] = vectors
        self._slot_of.update(zip(rows.tolist(), range(self._used, end), strict=True))
        self._used = end

    def drop(self, rows: npt.NDArray[np.int64]) -> None:
        """Forget rows, where they are here."""
        for row in rows.tolist():
            self._slot_of.pop(row, None)

    def only(self, rows: npt.NDArray[np.int64]) -> "FreshWriter":
        """A writer with slots of its own that holds only these rows."""
        other = FreshWriter(self._vectors.shape[1], max(_FIRST_SLOTS, len(rows)))
        other.put(rows, self._vectors[[self._slot_of[row] for row in rows.tolist()]])
        return other

    def tier(self) -> FreshTier:
        """What is alive now, as an immutable tier."""
        count = len(self._slot_of)
        rows = np.fromiter(self._slot_of.keys(), dtype=np.int64, count=count)
        slots = np.fromiter(self._slot_of.values(), dtype=np.int64, count=count)
        order = np.argsort(rows)
        return FreshTier(self._vectors[: self._used], slots[order], rows[order])

    def _reserve(self, more: int) -> None:
        """Make room by moving what is alive into a new array; published tiers keep the old one."""
        if self._used + more <= len(self._vectors):
            return
        kept = list(self._slot_of.values())
        room = max(_FIRST_SLOTS, 2 * (len(kept) + more))
        vectors = np.empty((room, self._vectors.shape[1]), dtype=np.float32)
        vectors[: len(kept)] = self._vectors[kept]
        self._slot_of = dict(zip(self._slot_of.keys(), range(len(kept)), strict=True))
        self._vectors, self._used = vectors, len(kept)
