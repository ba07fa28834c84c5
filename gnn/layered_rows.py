"""A sparse matrix whose rows are replaced one by one: an untouched base and a growing tail.

A version holds where each of its rows lies; making the next version copies these places (12 bytes a row), not
the entries. Versions share the tail, so an older one stays valid while newer ones are made.
"""

import threading
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from gnn.shop_arrays import FloatArray, IntArray
from gnn.sparse_rows import Csr, values_at

_SLACK = 1.5
"""A tail grows by this factor: appending costs constant time per entry on the whole."""
_FIRST_TAIL = 1024


class _Tail:
    """Entries of replaced rows, append-only; versions that part from a common one share it, in any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.indices = np.empty(_FIRST_TAIL, np.int32)
        self.data = np.empty(_FIRST_TAIL, np.float32)
        self.used = 0

    def append(self, indices: npt.NDArray[np.int32], data: FloatArray) -> int:
        """Store entries; returns the place of the first."""
        with self._lock:
            start, stop = self.used, self.used + len(indices)
            if stop > len(self.indices):
                size = int(stop * _SLACK)
                # readers of older versions may hold the old arrays: new ones are made, never resized in place
                grown = np.empty(size, np.int32), np.empty(size, np.float32)
                grown[0][:start], grown[1][:start] = self.indices[:start], self.data[:start]
                self.indices, self.data = grown
            self.indices[start:stop], self.data[start:stop] = indices, data
            self.used = stop
            return start


@dataclass(frozen=True)
class LayeredRows:
    """float32 matrix; columns ascend within each row. Any number of readers, also while versions are made."""

    shape: tuple[int, int]
    base: Csr
    start: IntArray
    """Place of each row's first entry: in the base, or (from the base's nnz on) in the tail; (rows,)."""
    length: npt.NDArray[np.int32]
    """Entries of each row, (rows,)."""
    tail: _Tail

    @classmethod
    def over(cls, base: Csr) -> Self:
        """A matrix as it is, nothing replaced yet."""
        starts = base.indptr[:-1].astype(np.int64)
        return cls(
            (base.shape[0], base.shape[1]), base, starts, np.diff(base.indptr).astype(np.int32), _Tail()
        )

    @property
    def nnz(self) -> int:
        """Stored entries."""
        return int(self.length.sum(dtype=np.int64))

    @property
    def replaced_entries(self) -> int:
        """Entries in the tail, those of rows replaced again included."""
        return self.tail.used

    def rows(self, rows: IntArray) -> Csr:
        """Some rows, shape (len(rows), columns)."""
        length = self.length[rows].astype(np.int64)
        indptr = np.concatenate([[0], np.cumsum(length)])
        place = _places(self.start[rows], length, indptr)
        # the arrays are read before the places are told apart: a tail that grows meanwhile keeps its old ones
        indices, data = self.tail.indices, self.tail.data
        in_base = place < self.base.nnz
        if in_base.all():
            found = self.base.indices[place].astype(np.int32), self.base.data[place]
        else:
            found = np.empty(len(place), np.int32), np.empty(len(place), np.float32)
            found[0][in_base] = self.base.indices[place[in_base]]
            found[1][in_base] = self.base.data[place[in_base]]
            behind = place[~in_base] - self.base.nnz
            found[0][~in_base], found[1][~in_base] = indices[behind], data[behind]
        return sparse.csr_array((found[1], found[0], indptr), shape=(len(rows), self.shape[1]))

    def row(self, row: int) -> tuple[npt.NDArray[np.int32], FloatArray]:
        """(columns, data) of one row's entries: views, not to be changed."""
        indices, data = self.tail.indices, self.tail.data  # what this version needs is in old and grown ones
        start, length = int(self.start[row]), int(self.length[row])
        if start < self.base.nnz:
            return self.base.indices[start : start + length], self.base.data[start : start + length]
        start -= self.base.nnz
        return indices[start : start + length], data[start : start + length]

    def left_product(self, left: Csr) -> Csr:
        """`left @ self` at the cost of the rows that `left` names."""
        needed, place = np.unique(left.indices, return_inverse=True)
        narrow = sparse.csr_array((left.data, place, left.indptr), shape=(left.shape[0], len(needed)))
        product: Csr = (narrow @ self.rows(needed.astype(np.int64))).tocsr()
        return product

    def replaced(self, rows: IntArray, values: Csr, shape: tuple[int, int]) -> Self:
        """The next version: some rows taken from `values` (len(rows), columns), others as they are.

        shape: of the new version, not smaller; rows and columns in between are empty."""
        start, length = self.start, self.length
        grown = shape[0] - len(start)
        start = np.concatenate([start, np.zeros(grown, np.int64)])
        length = np.concatenate([length, np.zeros(grown, np.int32)])
        first = self.tail.append(values.indices.astype(np.int32), values.data.astype(np.float32))
        start[rows] = self.base.nnz + first + values.indptr[:-1]
        length[rows] = np.diff(values.indptr)
        return type(self)(shape, self.base, start, length, self.tail)

    def flattened(self) -> Csr:
        """All rows as one ordinary matrix."""
        return self.rows(np.arange(self.shape[0]))

    def compacted(self) -> Self:
        """The same with an empty tail."""
        return type(self).over(self.flattened())


def _places(start: IntArray, length: IntArray, indptr: IntArray) -> IntArray:
    """Places of rows' entries one after the other, (indptr[-1],). A running sum and no `repeat`, which keeps
    Python's lock: other threads would wait 40 ms for 2 million entries."""
    filled = np.flatnonzero(length)
    begin, first = start[filled], indptr[filled]
    steps = np.ones(int(indptr[-1]), np.int64)
    steps[first] = begin
    steps[first[1:]] -= begin[:-1] + length[filled[:-1]] - 1
    return np.cumsum(steps)


def left_product(left: Csr, matrix: Csr | LayeredRows) -> Csr:
    """`left @ matrix`, at the cost of the rows that `left` names.

    SciPy copies a whole matrix whose index type is not the other's: 17 ms for 8 million entries."""
    if isinstance(matrix, LayeredRows):
        return matrix.left_product(left)
    index = matrix.indices.dtype
    alike = (left.data, left.indices.astype(index), left.indptr.astype(index))
    same: Csr = sparse.csr_array(alike, shape=left.shape)
    product: Csr = (same @ matrix).tocsr()
    return product


def linear_product(left: Csr, matrix: Csr | LayeredRows) -> Csr:
    """`left @ (exp(matrix) - 1)`: what a log-scaled matrix was before the logarithm; only the rows that
    `left` names are taken back."""
    needed, place = np.unique(left.indices, return_inverse=True)
    narrow = sparse.csr_array((left.data, place, left.indptr), shape=(left.shape[0], len(needed)))
    rows = some_rows(matrix, needed.astype(np.int64))
    rows.data = np.expm1(rows.data)
    product: Csr = (narrow @ rows).tocsr()
    return product


def some_rows(matrix: Csr | LayeredRows, rows: IntArray) -> Csr:
    """Some rows, shape (len(rows), columns)."""
    return matrix.rows(rows) if isinstance(matrix, LayeredRows) else matrix[rows]


def one_row(matrix: Csr | LayeredRows, row: int) -> tuple[npt.NDArray[np.int32], FloatArray]:
    """(columns ascending, data) of one row's entries: views, not to be changed. Much cheaper than a matrix of
    one row, which checks and copies its parts."""
    if isinstance(matrix, LayeredRows):
        return matrix.row(row)
    start, stop = int(matrix.indptr[row]), int(matrix.indptr[row + 1])
    return matrix.indices[start:stop], matrix.data[start:stop]


def cells(matrix: Csr | LayeredRows, rows: IntArray, columns: IntArray | None) -> FloatArray:
    """Some rows as a dense block: at some columns, or (`None`) all; shape (len(rows), c)."""
    if columns is None:
        dense: FloatArray = some_rows(matrix, rows).toarray()
        return dense
    return np.stack([values_at(*one_row(matrix, row), columns) for row in rows.tolist()])


def flat(matrix: Csr | LayeredRows) -> Csr:
    """An ordinary matrix."""
    return matrix.flattened() if isinstance(matrix, LayeredRows) else matrix
