"""Rows replaced in layers equal rows replaced in a dense matrix; older versions stay as they were."""

import tracemalloc

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from gnn.layered_rows import LayeredRows, cells, left_product, one_row
from gnn.sparse_rows import Csr


def random_csr(rng: np.random.Generator, rows: int, columns: int) -> Csr:
    return sparse.csr_array(
        rng.random((rows, columns), np.float32) * (rng.random((rows, columns)) < 0.3)
    ).astype(np.float32)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.integers(0, 10**6))
def test_replacing_rows_equals_replacing_them_densely(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 8))
    layered = LayeredRows.over(random_csr(rng, n, n))
    versions = [(layered, layered.flattened().toarray())]
    for _ in range(4):
        grown = n + int(rng.integers(0, 3))
        rows = np.sort(rng.choice(grown, int(rng.integers(0, grown + 1)), replace=False))
        values = random_csr(rng, len(rows), grown)
        dense = np.zeros((grown, grown), np.float32)
        dense[:n, :n] = versions[-1][1]
        dense[rows] = values.toarray()
        layered = layered.replaced(rows, values, (grown, grown))
        versions.append((layered, dense))
        n = grown
    for version, expected in versions:
        assert np.array_equal(version.flattened().toarray(), expected)
        assert np.array_equal(version.compacted().flattened().toarray(), expected)
        left = random_csr(rng, 2, version.shape[0])
        assert np.allclose(version.left_product(left).toarray(), left.toarray() @ expected, atol=1e-5)
        assert version.nnz == np.count_nonzero(expected)
        some = rng.permutation(version.shape[0])[:3]
        columns = rng.permutation(version.shape[1])[:4]
        assert np.array_equal(cells(version, some, columns), expected[some][:, columns])
        assert np.array_equal(cells(version, some, None), expected[some])
        for row in range(version.shape[0]):
            at, data = one_row(version, row)
            assert np.array_equal(at, np.flatnonzero(expected[row]))
            assert np.array_equal(data, expected[row][at])
            assert np.array_equal(one_row(version.flattened(), row)[1], data)


def test_two_versions_of_one_parent_do_not_disturb_each_other() -> None:
    parent = LayeredRows.over(random_csr(np.random.default_rng(0), 3, 3))
    ones = sparse.csr_array(np.ones((1, 3), np.float32))
    first = parent.replaced(np.array([0]), ones, (3, 3))
    second = parent.replaced(np.array([0]), 2 * ones, (3, 3))
    assert first.rows(np.array([0])).toarray().tolist() == [[1.0, 1.0, 1.0]]
    assert second.rows(np.array([0])).toarray().tolist() == [[2.0, 2.0, 2.0]]


def test_a_product_does_not_copy_the_matrix_whatever_the_types_of_indices() -> None:
    n = 200_000
    entries = np.arange(n * 10, dtype=np.int32)
    matrix: Csr = sparse.csr_array(
        (np.ones(n * 10, np.float32), entries % n, np.arange(0, n * 10 + 1, 10, dtype=np.int32)), shape=(n, n)
    )
    left: Csr = sparse.csr_array(
        (np.ones(2, np.float32), np.array([1, 3], np.int64), np.array([0, 2], np.int64)), shape=(1, n)
    )
    tracemalloc.start()
    product = left_product(left, matrix)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert product.nnz == 20
    assert peak < matrix.indices.nbytes / 2
