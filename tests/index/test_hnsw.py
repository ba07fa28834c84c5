"""What an approximate index owes."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from index import ExactIndex, FaissHnswIndex, InvalidQuery, hnsw_index, load_index, recall_of
from index.faiss_module import faiss_module
from index.hnsw_index import enough_candidates, longest_rows
from index.snapshot import IndexKind, seal
from tests.index.clusters import clustered

ROWS, DIM = 30_000, 32


@pytest.fixture(scope="module")
def pair() -> tuple[FaissHnswIndex, ExactIndex]:
    matrix = clustered(ROWS, DIM, seed=1, clusters=300)
    return FaissHnswIndex.build(matrix), ExactIndex(matrix)


@pytest.mark.parametrize("share", [1.0, 0.97, 0.8])
def test_recall_on_clustered_vectors(pair: tuple[FaissHnswIndex, ExactIndex], share: float) -> None:
    approximate, exact = pair
    queries = clustered(200, DIM, seed=1, clusters=300)
    allowed = np.random.default_rng(2).random(ROWS) < share
    found, scores = approximate.search(queries, 10, allowed)
    truth, true_scores = exact.search(queries, 10, allowed)
    hits = [len(set(ours) & set(theirs)) for ours, theirs in zip(found, truth, strict=True)]
    assert np.mean(hits) / 10 >= 0.95
    assert allowed[found].all()
    np.testing.assert_allclose(scores[:, 0], true_scores[:, 0], atol=0.02)


def test_a_selective_filter_finds_everything(pair: tuple[FaissHnswIndex, ExactIndex]) -> None:
    approximate, exact = pair
    queries = clustered(20, DIM, seed=1, clusters=300)
    allowed = np.zeros(ROWS, dtype=np.bool_)
    allowed[::1000] = True
    np.testing.assert_array_equal(
        approximate.search(queries, 30, allowed)[0], exact.search(queries, 30, allowed)[0]
    )


def test_far_clusters_still_fill_k(pair: tuple[FaissHnswIndex, ExactIndex]) -> None:
    """All that is allowed lies opposite to the query, out of reach of a graph walk, and is too much to scan
    by rule."""
    approximate, exact = pair
    query = clustered(1, DIM, seed=1, clusters=300)
    order = exact.search(query, ROWS)[0][0]
    allowed = np.zeros(ROWS, dtype=np.bool_)
    allowed[order[-25_000:]] = True
    ids, _ = approximate.search(query, 50, allowed)
    assert allowed[ids].all()
    assert len(set(ids[0].tolist())) == 50


def test_ef_search_trades_time_for_recall(pair: tuple[FaissHnswIndex, ExactIndex]) -> None:
    _, exact = pair
    queries = clustered(200, DIM, seed=5, clusters=300)
    truth = exact.search(queries, 5)[0]

    def recall(ef: int) -> float:
        found = FaissHnswIndex(pair[0].faiss_index, ef).search(queries, 5)[0]
        return float(np.mean([len(set(a) & set(b)) / 5 for a, b in zip(found, truth, strict=True)]))

    assert recall(400) >= recall(10)
    assert recall(400) >= 0.99
    with pytest.raises(InvalidQuery, match="ef_search"):
        FaissHnswIndex(pair[0].faiss_index, 0)


def test_rows_without_clusters_are_searched_as_wide_as_they_need() -> None:
    """A fixed width finds 97 % of the nearest of ten thousand random rows, and all of clustered ones."""
    rows = np.random.default_rng(0).normal(size=(10_000, 128)).astype(np.float32)
    index = FaissHnswIndex.build(rows)
    assert index.ef_search > FaissHnswIndex.EF_SEARCH
    others = rows[1::7]
    found, _ = index.search(others, 10)
    truth, _ = ExactIndex(rows).search(others, 10)
    hits = [len(set(ours) & set(theirs)) for ours, theirs in zip(found, truth, strict=True)]
    assert np.mean(hits) / 10 >= 0.99
    assert (
        FaissHnswIndex.build(clustered(10_000, 128, seed=1, clusters=300)).ef_search
        == FaissHnswIndex.EF_SEARCH
    )


def test_the_longest_rows_are_looked_for_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Half a second at a million rows."""
    asked = []

    def counted(rows: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.int64]:
        asked.append(len(rows))
        return longest_rows(rows, count)

    monkeypatch.setattr(hnsw_index, "longest_rows", counted)
    rows = rows_of_a_shop(4_000, 16)
    index = FaissHnswIndex.build(rows)
    assert asked == [4_000]
    index.save(tmp_path / "index")
    for found, loaded in zip(
        index.search(rows[:50], 300), load_index(tmp_path / "index").search(rows[:50], 300), strict=True
    ):
        np.testing.assert_array_equal(found, loaded)


def test_the_width_is_kept_with_the_file(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(3_000, 128)).astype(np.float32)
    index = FaissHnswIndex.build(rows)
    index.ef_search = index.faiss_index.hnsw.efSearch = 768
    index.save(tmp_path / "wide")
    loaded = load_index(tmp_path / "wide")
    assert isinstance(loaded, FaissHnswIndex)
    assert loaded.ef_search == 768


class Blind(FaissHnswIndex):
    """Never comes to its longest row, which is near every other one."""

    def search(
        self, queries: npt.NDArray[np.float32], k: int, allowed: npt.NDArray[np.bool_] | None = None
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        assert allowed is None
        return super().search(queries, k, np.arange(self.size) > 0)


def test_what_no_walk_comes_to_widens_nothing() -> None:
    rows = clustered(3_000, 32, seed=1, clusters=100)
    rows[:, 0] += 1.0
    rows[0] = 10 * rows.mean(axis=0)
    index = FaissHnswIndex.build(rows)
    blind = Blind(index.faiss_index, 96)
    assert recall_of(blind, rows) < 0.99
    assert enough_candidates(blind, rows) <= 192, "as far as twice the width finds one more of two thousand"


def test_equal_rows_widen_nothing() -> None:
    """Any of them is as near as any other, so none is missed."""
    rows = np.repeat(clustered(100, 16, seed=1, clusters=10), 30, axis=0)
    assert FaissHnswIndex.build(rows).ef_search == FaissHnswIndex.EF_SEARCH


def rows_of_a_shop(count: int, dim: int) -> npt.NDArray[np.float32]:
    """Clustered rows and four coordinates that grow with popularity: rows of very different lengths."""
    counts = np.random.default_rng(3).pareto(1.2, size=(count, 1)).astype(np.float32)
    trend = np.log1p(counts * np.array([[0.1, 0.3, 1.0, 3.0]], np.float32))
    return np.hstack([clustered(count, dim, seed=1, clusters=300), trend])


@pytest.mark.parametrize("popularity", [0.0, 0.3, 3.0])
def test_rows_of_all_lengths_are_found(popularity: float) -> None:
    """Queries weigh coordinates otherwise than the rows do, as an objective's do. A graph that is linked by
    inner products leads to the longest rows only."""
    rows = rows_of_a_shop(20_000, 64)
    queries = rows[::100] * np.append(np.ones(64, np.float32), np.full(4, popularity, np.float32))
    index, exact = FaissHnswIndex.build(rows), ExactIndex(rows)
    for k in (10, 300):
        found, scores = index.search(queries, k)
        truth, _ = exact.search(queries, k)
        hits = [len(set(ours) & set(theirs)) for ours, theirs in zip(found, truth, strict=True)]
        assert np.mean(hits) / k >= 0.99
        exactly = np.take_along_axis(queries @ rows.T, found, axis=1)
        np.testing.assert_allclose(scores, exactly, rtol=1e-5, atol=1e-4)


def found_of(index: FaissHnswIndex, rows: npt.NDArray[np.float32], k: int) -> float:
    """Share of the k best of two hundred clustered queries, ties counted."""
    queries = clustered(200, rows.shape[1], seed=1, clusters=300)
    return recall_of(index, rows, k, queries=queries)


@pytest.mark.parametrize("share", [0.1, 0.6])
def test_rows_of_zeros_and_equal_rows_clog_nothing(share: float) -> None:
    """What has neither text nor event is zero; at one place such rows would link to each other only, and a
    tenth of the best three hundred would be missed."""
    rows = clustered(10_000, 32, seed=1, clusters=300)
    rows *= 1 + np.random.default_rng(4).pareto(1.5, (10_000, 1)).clip(0, 8).astype(np.float32)
    alike = np.random.default_rng(5).random(10_000) < share
    for row in (np.zeros(32, np.float32), rows[17]):
        index = FaissHnswIndex.build(np.where(alike[:, None], row, rows))
        assert found_of(index, index.matrix, 300) >= 0.99
        assert found_of(index, index.matrix, 10) >= 0.99


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_lengths_of_any_size_are_told_apart(scale: float) -> None:
    rows = clustered(6_000, 32, seed=1, clusters=300) * np.float32(scale)
    assert found_of(FaissHnswIndex.build(rows), rows, 10) >= 0.99
    rows[::3] *= np.float32(300)
    assert found_of(FaissHnswIndex.build(rows), rows, 10) >= 0.99


def test_a_graph_linked_by_inner_products_is_built_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = rows_of_a_shop(6_000, 32)
    older = faiss_module().IndexHNSWFlat(36, 32, faiss_module().METRIC_INNER_PRODUCT)
    older.add(rows)
    faiss_module().write_index(older, str(tmp_path / "older"))
    seal(tmp_path / "older", IndexKind.HNSW, 6_000, 36)
    loaded = load_index(tmp_path / "older")
    assert "6,000 rows are linked anew" in caplog.text
    assert recall_of(loaded, rows) >= 0.99
    assert isinstance(loaded, FaissHnswIndex)
    np.testing.assert_array_equal(loaded.matrix, rows)


def test_recall_asks_what_will_be_asked() -> None:
    """A graph linked by inner products finds its own rows, and not what an objective looks for."""
    rows = rows_of_a_shop(6_000, 32)
    linked = faiss_module().IndexHNSWFlat(36, 32, faiss_module().METRIC_INNER_PRODUCT)
    linked.add(rows)

    class Linked(ExactIndex):
        def search(
            self, queries: npt.NDArray[np.float32], k: int, allowed: npt.NDArray[np.bool_] | None = None
        ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
            scores, ids = linked.search(queries, k)
            return ids, scores

    without_popularity = rows * np.append(np.ones(32, np.float32), np.zeros(4, np.float32))
    assert recall_of(Linked(rows), rows, queries=without_popularity) < 0.5
    assert recall_of(FaissHnswIndex.build(rows), rows, queries=without_popularity) >= 0.99
