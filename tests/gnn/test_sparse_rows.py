"""Row-wise sparse operations against their dense definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from gnn import sparse_rows
from gnn.shop_arrays import FloatArray
from gnn.sparse_rows import (
    Csr,
    keep_entries,
    product_top,
    row_numbers,
    row_values,
    rows_at,
    to_csr,
    top_of_unsorted,
    top_per_row,
    without_diagonal,
)


def random_csr(rows: int, columns: int, density: float, seed: int, levels: int = 4) -> Csr:
    rng = np.random.default_rng(seed)
    mask = rng.random((rows, columns)) < density
    row, column = np.nonzero(mask)
    return to_csr(rng.integers(1, levels + 1, len(row)).astype(np.float32), row, column, (rows, columns))


def dense_top(dense: FloatArray, keep: int) -> FloatArray:
    order = np.argsort(-dense, axis=1, kind="stable")[:, :keep]
    result = np.zeros_like(dense)
    np.put_along_axis(result, order, np.take_along_axis(dense, order, axis=1), axis=1)
    return result


@given(st.integers(1, 12), st.integers(1, 12), st.floats(0, 1), st.integers(1, 6), st.integers(0, 999))
def test_top_per_row_keeps_the_largest_and_breaks_ties_by_column(
    rows: int, columns: int, density: float, keep: int, seed: int
) -> None:
    matrix = random_csr(rows, columns, density, seed)
    assert np.array_equal(top_per_row(matrix, keep).toarray(), dense_top(matrix.toarray(), keep))


@given(st.integers(1, 12), st.integers(1, 12), st.floats(0, 1), st.integers(1, 6), st.integers(0, 999))
def test_the_best_of_columns_in_no_order_are_the_best_of_the_same_in_order(
    rows: int, columns: int, density: float, keep: int, seed: int
) -> None:
    matrix = random_csr(rows, columns, density, seed)
    mixed = matrix.copy()
    for start, stop in zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True):
        order = start + np.random.default_rng(seed).permutation(stop - start)
        mixed.indices[start:stop], mixed.data[start:stop] = matrix.indices[order], matrix.data[order]
    mixed.has_sorted_indices = False
    found, wanted = top_of_unsorted(mixed, keep), top_per_row(matrix, keep)
    for name in ("indptr", "indices", "data"):
        assert np.array_equal(getattr(found, name), getattr(wanted, name)), name


@given(st.integers(2, 10), st.floats(0.1, 1), st.integers(1, 5), st.integers(0, 999))
def test_product_top_equals_the_dense_product(n: int, density: float, keep: int, seed: int) -> None:
    left, right = random_csr(n, n, density, seed), random_csr(n, n, density, seed + 1)
    dense = left.toarray() @ right.toarray()
    np.fill_diagonal(dense, 0)
    whole = product_top(left, right, keep)
    assert np.array_equal(whole.toarray(), dense_top(dense, keep))


def test_a_product_takes_eight_bytes_an_entry() -> None:
    rows, columns = np.divmod(
        np.arange(40 * 40), 40
    )  # int64, which the factors keep and the product must not
    factor = to_csr(np.ones(1600, np.float32), rows, columns, (40, 40))
    assert factor.indices.dtype == np.int64
    product = product_top(factor, factor, 7, products_per_block=20_000)
    assert [part.dtype.itemsize for part in (product.data, product.indices, product.indptr)] == [4, 4, 4]
    assert (product.toarray() == 40 * (product.toarray() > 0)).all()
    assert product.nnz == 40 * 7


def test_product_in_small_blocks_is_the_same_product() -> None:
    left, right = random_csr(40, 40, 0.3, 1), random_csr(40, 40, 0.3, 2)
    whole = product_top(left, right, 7)
    blocks = list(sparse_rows.product_blocks(left, right, 50))
    assert len(blocks) > 10
    assert [b.start for b in blocks[1:]] == [b.stop for b in blocks[:-1]]
    assert blocks[-1].stop == 40
    assert np.array_equal(whole.toarray(), product_top(left, right, 7, products_per_block=50).toarray())


def test_blocks_of_rows_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = random_csr(40, 30, 0.4, 3)
    mask = np.random.default_rng(0).random(matrix.nnz) < 0.5
    before = [keep_entries(matrix, mask), without_diagonal(matrix, 7), top_per_row(matrix, 4)]
    monkeypatch.setattr(sparse_rows, "_ENTRIES_PER_BLOCK", 20)
    after = [keep_entries(matrix, mask), without_diagonal(matrix, 7), top_per_row(matrix, 4)]
    assert len(list(sparse_rows.row_blocks(matrix))) > 20
    for one, other in zip(before, after, strict=True):
        for name in ("data", "indices", "indptr"):
            assert np.array_equal(getattr(one, name), getattr(other, name))
    dense = matrix.toarray()
    dense[np.arange(23), np.arange(7, 30)] = 0
    assert np.array_equal(before[1].toarray(), dense)


def test_parts_are_stacked_in_order() -> None:
    matrix = random_csr(9, 6, 0.5, 5)
    narrow = (matrix.data, matrix.indices.astype(np.int32), matrix.indptr.astype(np.int32))
    matrix = sparse.csr_array(narrow, shape=matrix.shape)
    whole = sparse_rows.stacked((matrix[rows] for rows in (slice(0, 4), slice(4, 4), slice(4, 9))), 6)
    assert np.array_equal(whole.toarray(), matrix.toarray())
    assert sparse_rows.stacked(iter(()), 6).shape == (0, 6)


@given(st.floats(0, 1), st.integers(0, 999))
def test_row_values_read_what_is_stored_and_zero_elsewhere(density: float, seed: int) -> None:
    matrix = random_csr(3, 9, density, seed)
    columns = np.array([8, 0, 3, 3])
    assert np.array_equal(row_values(matrix, 1, columns), matrix.toarray()[1, columns])
    assert np.array_equal(rows_at(matrix, np.array([2, 1]), columns), matrix.toarray()[[2, 1]][:, columns])


@given(st.integers(0, 12), st.integers(1, 12), st.floats(0, 1), st.integers(0, 999))
def test_every_entry_knows_its_row(rows: int, columns: int, density: float, seed: int) -> None:
    matrix = random_csr(rows, columns, density, seed)
    wanted = np.repeat(np.arange(rows), np.diff(matrix.indptr))
    assert np.array_equal(row_numbers(matrix), wanted)
    kept = keep_entries(matrix, np.random.default_rng(seed).random(matrix.nnz) < 0.5)
    assert np.array_equal(np.isin(matrix.toarray(), [0]) | (kept.toarray() == 0), kept.toarray() == 0)
    assert len(kept.indices) == kept.indptr[-1]
