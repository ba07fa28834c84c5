"""What an approximate index owes."""

import numpy as np
import pytest

from index import ExactIndex, FaissHnswIndex, InvalidQuery
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
