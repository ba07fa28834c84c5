"""Changes of pair counts that are not in the rows yet: writing one pair into a row costs the whole row."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from gnn.shop_arrays import FloatArray, IntArray
from gnn.sparse_rows import Csr, to_csr

_SHIFT = 32
"""Keys are row << 32 | column: they sort by row, then column."""


@dataclass(frozen=True)
class PendingPairs:
    """Sums of changes by (row, column), ascending; immutable. 12 bytes an entry."""

    key: IntArray
    value: FloatArray

    @classmethod
    def none(cls) -> Self:
        """Nothing is pending."""
        return cls(np.zeros(0, np.int64), np.zeros(0, np.float32))

    def __len__(self) -> int:
        return len(self.key)

    @property
    def rows(self) -> IntArray:
        """Rows with any change, ascending."""
        return np.unique(self.key >> _SHIFT)

    def added(self, one: IntArray, other: IntArray, value: FloatArray) -> tuple[Self, IntArray, FloatArray]:
        """(with symmetric changes of pairs, rows that they change, sum of the absolute changes of each)."""
        keys = np.concatenate([one << _SHIFT | other, other << _SHIFT | one])
        keys, place = np.unique(keys, return_inverse=True)
        sums = np.bincount(place, weights=np.concatenate([value, value]), minlength=len(keys))
        keys, sums = keys[np.abs(sums) > 0], sums[np.abs(sums) > 0].astype(np.float32)
        at = np.searchsorted(self.key, keys)
        there = np.zeros(len(keys), np.bool_)
        inside = at < len(self.key)
        there[inside] = self.key[at[inside]] == keys[inside]
        merged = self.value.copy()
        merged[at[there]] += sums[there]
        new = ~there
        pending = type(self)(np.insert(self.key, at[new], keys[new]), np.insert(merged, at[new], sums[new]))
        rows, row_place = np.unique(keys >> _SHIFT, return_inverse=True)
        moved = np.bincount(row_place, weights=np.abs(sums), minlength=len(rows)).astype(np.float32)
        return pending, rows, moved

    def of(self, rows: IntArray, columns: int) -> Csr:
        """Changes of some rows (ascending), shape (len(rows), columns)."""
        low, high = (np.searchsorted(self.key, (rows + step) << _SHIFT) for step in (0, 1))
        length = high - low
        first = np.cumsum(length) - length
        place = np.arange(int(length.sum())) + np.repeat(low - first, length)
        row: npt.NDArray[np.int64] = np.repeat(np.arange(len(rows)), length)
        column = self.key[place] & ((1 << _SHIFT) - 1)
        return to_csr(self.value[place], row, column, (len(rows), columns))
