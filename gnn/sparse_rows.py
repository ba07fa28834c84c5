"""Row-wise operations on sparse matrices: what a typed path needs, for all rows or for some."""

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
from scipy import sparse

from gnn.shop_arrays import FloatArray, IntArray

Csr: TypeAlias = sparse.csr_array[np.float32]
"""float32, 2-d; rows are sources."""

Number = TypeVar("Number", np.float32, np.int32, np.int64)

IndexArray: TypeAlias = npt.NDArray[np.int32]
"""Rows or columns of entries, where there are many."""

_PRODUCTS_PER_BLOCK = 1_000_000
"""Some 50 MiB beside the result. Four times as many took a quarter longer, and whoever answers beside waits
for each step."""
_ENTRIES_PER_BLOCK = 2_000_000
"""Entries that are worked on together: temporary arrays of a matrix of 40 million would be gigabytes."""


def empty_csr(n_rows: int, n_columns: int) -> Csr:
    """Matrix without entries."""
    nothing = np.zeros(0, np.int64)
    return to_csr(np.zeros(0, np.float32), nothing, nothing, (n_rows, n_columns))


def to_csr(
    values: FloatArray, rows: IntArray | IndexArray, columns: IntArray | IndexArray, shape: tuple[int, int]
) -> Csr:
    """Entries -> canonical CSR (columns ascending in each row); repeated places are added up."""
    matrix = sparse.csr_array((values.astype(np.float32, copy=False), (rows, columns)), shape=shape)
    matrix.sum_duplicates()
    return matrix


def row_numbers(matrix: Csr) -> IntArray:
    """Row of every stored entry, int64, shape (nnz,). A running sum and no `repeat`, which keeps Python's
    lock: whoever answers beside would wait up to 27 ms for each product of 4 million entries."""
    filled = np.flatnonzero(np.diff(matrix.indptr))
    steps = np.zeros(int(matrix.indptr[-1]), np.int64)
    if len(filled):
        steps[matrix.indptr[filled]] = np.diff(filled, prepend=0)
    return np.cumsum(steps, out=steps)


def ranges(ends: npt.NDArray[np.integer[Any]], most: int) -> Iterator[slice]:
    """Consecutive ranges of rows that hold at most so much, or one row each. ends: what the rows before each
    hold, and all, (rows + 1,)."""
    start, rows = 0, len(ends) - 1
    while start < rows:
        stop = int(np.searchsorted(ends, int(ends[start]) + most, side="right")) - 1
        stop = min(max(stop, start + 1), rows)
        yield slice(start, stop)
        start = stop


def row_blocks(matrix: Csr) -> Iterator[slice]:
    """Ranges of rows with so few entries that arrays of them are small; at least one row each."""
    return ranges(matrix.indptr, _ENTRIES_PER_BLOCK)


def entries_of(matrix: Csr, rows: slice) -> slice:
    """Where the entries of a range of rows are stored."""
    return slice(int(matrix.indptr[rows.start]), int(matrix.indptr[rows.stop]))


def row_values_repeated(values: npt.NDArray[Number], matrix: Csr, rows: slice) -> npt.NDArray[Number]:
    """Of a range of rows each row's value as often as it has entries; values (rows of the matrix,)."""
    return np.repeat(values[rows], np.diff(matrix.indptr[rows.start : rows.stop + 1]))


def row_sums(matrix: Csr) -> FloatArray:
    """Sum of each row, shape (rows,)."""
    return np.asarray(matrix.sum(axis=1), dtype=np.float32).ravel()


def keep_entries(matrix: Csr, mask: npt.NDArray[np.bool_]) -> Csr:
    """The same matrix with only the stored entries where `mask` (nnz,) holds."""
    indptr = np.zeros_like(matrix.indptr)
    for block in row_blocks(matrix):  # a running number of every entry of a large matrix is 4 bytes each
        entries = entries_of(matrix, block)
        before = np.zeros(entries.stop - entries.start + 1, indptr.dtype)
        np.cumsum(mask[entries], out=before[1:])
        ends = matrix.indptr[block.start + 1 : block.stop + 1] - matrix.indptr[block.start]
        indptr[block.start + 1 : block.stop + 1] = indptr[block.start] + before[ends]
    return sparse.csr_array((matrix.data[mask], matrix.indices[mask], indptr), shape=matrix.shape)


def without_diagonal(matrix: Csr, first_row: int = 0) -> Csr:
    """Drop what a node says about itself; row 0 of `matrix` is node `first_row`. A matrix that has no such
    entry comes back as it is."""
    own = []
    nodes = np.arange(first_row, first_row + matrix.shape[0], dtype=matrix.indices.dtype)
    for block in row_blocks(matrix):
        entries = entries_of(matrix, block)
        found = row_values_repeated(nodes, matrix, block) == matrix.indices[entries]
        own.append(np.flatnonzero(found) + entries.start)
    if not any(map(len, own)):
        return matrix
    mask = np.ones(matrix.nnz, np.bool_)
    mask[np.concatenate(own)] = False
    return keep_entries(matrix, mask)


def top_per_row(matrix: Csr, keep: int) -> Csr:
    """The `keep` largest entries of each row (values >= 0); ties by ascending column.

    One integer sort a block of rows finds every row's threshold, so there is no loop over rows.
    """
    if not (np.diff(matrix.indptr) > keep).any():
        return matrix
    mask = np.empty(matrix.nnz, np.bool_)
    for block in row_blocks(matrix):
        entries = entries_of(matrix, block)
        indptr = matrix.indptr[block.start : block.stop + 1] - matrix.indptr[block.start]
        mask[entries] = _best_of_rows(matrix.data[entries], indptr, keep)
    return keep_entries(matrix, mask)


def _best_of_rows(data: FloatArray, indptr: npt.NDArray[Any], keep: int) -> npt.NDArray[np.bool_]:
    """Which entries are among the `keep` largest of their row, the first ones of equals; (nnz,)."""
    counts = np.diff(indptr)
    rows, bits, threshold = _thresholds(data, indptr, keep)
    above = bits > threshold[rows]
    tied = bits == threshold[rows]
    filled = counts > 0
    room = np.minimum(counts, keep) - np.add.reduceat(np.append(above, 0), indptr[:-1]) * filled
    ties_before = np.cumsum(tied) - tied
    first_tie = ties_before[np.minimum(indptr[:-1], max(len(tied) - 1, 0))]
    best: npt.NDArray[np.bool_] = above | (tied & (ties_before - first_tie[rows] < room[rows]))
    return best


def top_of_unsorted(matrix: Csr, keep: int) -> Csr:
    """`top_per_row` of a matrix whose columns are in no order, as a product has them; sorted, maybe in place.
    Only what is not below the threshold is put in order, which is a small part of a product."""
    if (np.diff(matrix.indptr) > keep).any():
        rows, bits, threshold = _thresholds(matrix.data, matrix.indptr, keep)
        matrix = keep_entries(matrix, bits >= threshold[rows])
    return top_per_row(_sorted(matrix), keep)


def _thresholds(data: FloatArray, indptr: npt.NDArray[Any], keep: int) -> tuple[IntArray, IntArray, IntArray]:
    """(row of every entry, number that sorts like its value, such a number of each row's `keep` best)."""
    counts = np.diff(indptr)
    rows = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
    values = np.ascontiguousarray(data, dtype=np.float32)
    # the bits of floats >= 0 sort like the floats: one int64 key sorts by (row, value descending)
    bits = values.view(np.int32).astype(np.int64)
    keys = np.sort((rows << 32) | (0x7FFFFFFF - bits))
    last = indptr[:-1] + np.minimum(counts, keep) - 1
    threshold = np.zeros(len(counts), np.int64)
    filled = counts > 0
    threshold[filled] = 0x7FFFFFFF - (keys[last[filled]] & 0xFFFFFFFF)
    return rows, bits, threshold


def product_blocks(left: Csr, right: Csr, products_per_block: int) -> Iterator[slice]:
    """Row ranges of `left` whose products with `right` fit in bounded memory: at most so many products of
    entries, or one row."""
    lengths, work = np.diff(right.indptr), np.zeros(left.shape[0] + 1, np.int64)
    for block in row_blocks(left):
        running = np.append(0, np.cumsum(lengths[left.indices[entries_of(left, block)]], dtype=np.int64))
        ends = left.indptr[block.start + 1 : block.stop + 1] - left.indptr[block.start]
        work[block.start + 1 : block.stop + 1] = work[block.start] + running[ends]
    return ranges(work, products_per_block)


def product_top(
    left: Csr,
    right: Csr,
    keep: int,
    *,
    drop_diagonal: bool = True,
    products_per_block: int = _PRODUCTS_PER_BLOCK,
) -> Csr:
    """Two-hop paths: `left @ right`, the `keep` best of each row, in memory bounded by the result.

    `drop_diagonal` needs all rows of a square result.
    """

    def best_of_blocks() -> Iterator[Csr]:
        for block in product_blocks(left, right, products_per_block):
            product = (left[block] @ right).tocsr()
            if drop_diagonal:
                product = without_diagonal(product, first_row=block.start)
            yield top_of_unsorted(product, keep)

    return stacked(best_of_blocks(), right.shape[1])


def stacked(parts: Iterable[Csr], n_columns: int) -> Csr:
    """Rows of matrices with int32 columns in order, below each other. Each part is put behind what is there
    already, which the system moves without a copy where it is large: result and one part are all there is."""
    data, columns = np.empty(0, np.float32), np.empty(0, np.int32)
    counts = [np.zeros(0, np.int32)]
    for part in parts:
        start, stop = len(data), len(data) + part.nnz
        data.resize(stop, refcheck=False)
        columns.resize(stop, refcheck=False)
        data[start:], columns[start:] = part.data, part.indices
        counts.append(np.diff(part.indptr))
    indptr = row_pointers(np.concatenate(counts))
    return sparse.csr_array((data, columns, indptr), shape=(len(indptr) - 1, n_columns))


def row_pointers(counts: npt.NDArray[np.integer[Any]]) -> IntArray | IndexArray:
    """Where rows with so many entries begin and end, (rows + 1,); int32 wherever that is enough: SciPy makes
    both index arrays as wide as the wider one, so that entries take 8 bytes instead of 12."""
    pointers = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=pointers[1:])
    return pointers.astype(np.int32) if pointers[-1] <= np.iinfo(np.int32).max else pointers


def _sorted(matrix: Csr) -> Csr:
    matrix.sort_indices()
    return matrix


def mean_entry(matrix: Csr) -> float:
    """Mean of the stored entries; 1 where there are none."""
    return float(matrix.data.mean()) if matrix.nnz else 1.0


def log_scaled(matrix: Csr, scale: float, *, in_place: bool = False) -> Csr:
    """log(1 + entry / scale): heavy tails of counts become comparable with similarities.

    in_place: the entries of `matrix` are overwritten."""
    data = np.divide(matrix.data, np.float32(max(scale, 1e-9)), out=matrix.data if in_place else None)
    np.log1p(data, out=data)
    return sparse.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)


def scaled(matrix: Csr, rows: FloatArray | None = None, columns: FloatArray | None = None) -> Csr:
    """Each entry times its row's and its column's factor."""
    data = matrix.data.copy()
    if rows is not None:
        data *= np.repeat(rows.astype(np.float32), np.diff(matrix.indptr))
    if columns is not None:
        data *= columns.astype(np.float32)[matrix.indices]
    return sparse.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)


def row_values(matrix: Csr, row: int, columns: IntArray) -> FloatArray:
    """Entries of one row at some columns (0 where not stored), shape (len(columns),)."""
    start, stop = int(matrix.indptr[row]), int(matrix.indptr[row + 1])
    return values_at(matrix.indices[start:stop], matrix.data[start:stop], columns)


def values_at(stored: npt.NDArray[np.int32], data: FloatArray, columns: IntArray) -> FloatArray:
    """Entries of a row, given by its stored columns (ascending) and their data, at some columns (0 where not
    stored), shape (len(columns),)."""
    if not len(stored):
        return np.zeros(len(columns), np.float32)
    place = np.minimum(np.searchsorted(stored, columns), len(stored) - 1)
    return np.where(stored[place] == columns, data[place], np.float32(0.0)).astype(np.float32)


def rows_at(matrix: Csr, rows: IntArray, columns: IntArray | None) -> FloatArray:
    """Some rows as a dense block: at some columns, or (`None`) all; shape (len(rows), c)."""
    if columns is None:
        dense: FloatArray = matrix[rows].toarray()
        return dense
    return np.stack([row_values(matrix, int(row), columns) for row in rows])
