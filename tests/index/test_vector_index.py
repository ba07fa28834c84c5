"""The port's promises, against every implementation."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index import ExactIndex, IndexKind, InvalidMatrix, InvalidQuery, VectorIndex, build_index, load_index
from tests.index.clusters import clustered, integers

KINDS = [IndexKind.EXACT, IndexKind.FLAT, IndexKind.HNSW, IndexKind.HALF, IndexKind.SQ8]
EXACT_KINDS = [IndexKind.EXACT, IndexKind.FLAT]


def by_hand(
    matrix: npt.NDArray[np.float32], query: npt.NDArray[np.float32], k: int, allowed: npt.NDArray[np.bool_]
) -> list[int]:
    """The definition: sort all allowed rows by (-score, row)."""
    scores = matrix.astype(np.float64) @ query.astype(np.float64)
    order = sorted(np.flatnonzero(allowed), key=lambda row: (-scores[row], row))
    best = [int(row) for row in order[:k]]
    return best + [-1] * (min(k, len(matrix)) - len(best))


@pytest.mark.parametrize("kind", EXACT_KINDS)
@settings(max_examples=80, deadline=None)
@given(
    rows=st.integers(1, 60),
    dim=st.integers(1, 5),
    k=st.integers(1, 70),
    share=st.sampled_from([0.0, 0.1, 0.6, 1.0]),
    seed=st.integers(0, 10_000),
)
def test_exact_indexes_follow_the_definition_ties_included(
    kind: IndexKind, rows: int, dim: int, k: int, share: float, seed: int
) -> None:
    matrix, queries = integers(rows, dim, seed), integers(3, dim, seed + 1)
    allowed = np.random.default_rng(seed).random(rows) < share
    ids, scores = build_index(kind, matrix).search(queries, k, allowed)
    for position, query in enumerate(queries):
        expected = by_hand(matrix, query, k, allowed)
        assert ids[position].tolist() == expected
        known = [row for row in expected if row >= 0]
        assert scores[position, : len(known)].tolist() == (matrix[known] @ query).tolist()
        assert np.isneginf(scores[position, len(known) :]).all()


@pytest.mark.parametrize("kind", KINDS)
def test_shapes_and_types(kind: IndexKind) -> None:
    index = build_index(kind, clustered(300, 16, seed=1))
    ids, scores = index.search(clustered(4, 16, seed=2), 7)
    assert (index.size, index.dim) == (300, 16)
    assert ids.shape == scores.shape == (4, 7)
    assert ids.dtype == np.int64
    assert scores.dtype == np.float32
    assert (np.diff(scores, axis=1) <= 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_k_beyond_the_rows_returns_every_row_once(kind: IndexKind) -> None:
    index = build_index(kind, clustered(200, 8, seed=3))
    ids, _ = index.search(clustered(2, 8, seed=4), 10**9)
    assert [sorted(row) for row in ids.tolist()] == [list(range(200))] * 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_equals_its_singles(kind: IndexKind) -> None:
    index, queries = build_index(kind, clustered(500, 16, seed=5)), clustered(40, 16, seed=6)
    together, _ = index.search(queries, 10)
    alone = np.concatenate([index.search(queries[[row]], 10)[0] for row in range(40)])
    assert (together == alone).mean() > 0.999  # rounding may swap a near-tie


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("allowed_rows", [0, 3, 40, 399])
def test_a_filter_returns_as_many_as_exist_and_nothing_else(kind: IndexKind, allowed_rows: int) -> None:
    matrix = clustered(400, 16, seed=7)
    allowed = np.zeros(400, dtype=np.bool_)
    allowed[np.random.default_rng(8).permutation(400)[:allowed_rows]] = True
    ids, scores = build_index(kind, matrix).search(clustered(6, 16, seed=9), 10, allowed)
    found = min(10, allowed_rows)
    assert allowed[ids[:, :found]].all()
    assert (ids[:, found:] == -1).all()
    assert np.isneginf(scores[:, found:]).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("queries", "k"),
    [
        (np.zeros((1, 5), np.float32), 1),
        (np.zeros(4, np.float32), 1),
        (np.full((1, 4), np.nan, np.float32), 1),
        (np.full((1, 4), np.inf, np.float32), 1),
        (np.zeros((1, 4), np.int64), 1),
        (np.zeros((1, 4), np.float32), 0),
        (np.zeros((1, 4), np.float32), -3),
        (np.zeros((1, 4), np.float32), 1.5),
    ],
)
def test_a_wrong_query_is_refused(kind: IndexKind, queries: npt.NDArray[np.float32], k: int) -> None:
    with pytest.raises(InvalidQuery):
        build_index(kind, integers(10, 4, seed=10)).search(queries, k)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("allowed", [np.ones(9, np.bool_), np.ones(10, np.int8), np.ones((1, 10), np.bool_)])
def test_a_wrong_filter_is_refused(kind: IndexKind, allowed: npt.NDArray[np.bool_]) -> None:
    with pytest.raises(InvalidQuery, match="allowed"):
        build_index(kind, integers(10, 4, seed=11)).search(np.ones((1, 4), np.float32), 1, allowed)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "matrix",
    [
        np.zeros(4, np.float32),
        np.zeros((4, 0), np.float32),
        np.zeros((4, 2), np.float64),
        np.array([[1.0, np.nan]], np.float32),
    ],
)
def test_a_wrong_matrix_is_refused(kind: IndexKind, matrix: npt.NDArray[np.float32]) -> None:
    with pytest.raises(InvalidMatrix):
        build_index(kind, matrix)


@pytest.mark.parametrize("kind", KINDS)
def test_empty_index_and_empty_query(kind: IndexKind) -> None:
    empty = build_index(kind, np.zeros((0, 4), np.float32))
    assert empty.search(np.ones((2, 4), np.float32), 5)[0].shape == (2, 0)
    full = build_index(kind, integers(10, 4, seed=12))
    assert full.search(np.zeros((0, 4), np.float32), 5)[0].shape == (0, 5)


def test_auto_is_exact_for_small_catalogues() -> None:
    assert type(build_index("auto", integers(10, 4, seed=13))).__name__ == "FaissFlatIndex"
    with pytest.raises(ValueError, match="annoy"):
        build_index("annoy", integers(10, 4, seed=13))


def test_blocks_do_not_show() -> None:
    matrix, queries = integers(40_000, 3, seed=14), integers(130, 3, seed=15)  # several blocks of each
    allowed = np.random.default_rng(16).random(40_000) < 0.5
    ids, _ = ExactIndex(matrix).search(queries, 20, allowed)
    assert all(ids[row].tolist() == by_hand(matrix, queries[row], 20, allowed) for row in (0, 63, 64, 129))


@pytest.mark.parametrize("kind", KINDS)
def test_a_snapshot_answers_as_the_index_did(kind: IndexKind, tmp_path: Path) -> None:
    index, queries = build_index(kind, clustered(600, 24, seed=17)), clustered(9, 24, seed=18)
    index.save(tmp_path / "index.faiss")
    loaded: VectorIndex = load_index(tmp_path / "index.faiss")
    assert type(loaded) is type(index)
    for ours, theirs in zip(index.search(queries, 12), loaded.search(queries, 12), strict=True):
        np.testing.assert_array_equal(ours, theirs)
