"""What pairs compete with: all that a list of ten is decided among, within bounds."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from gnn.contest import contending, contest_of, most_contenders
from gnn.ilk_config import DEFAULT_NEXT
from gnn.mix import ndcg
from gnn.mix_config import RelationConfig
from gnn.shop_arrays import FloatArray, IntArray
from gnn.similar_features import SIMILAR_FEATURES, SimilarFeatures
from tests.gnn.test_relation_learning import (
    CONFIG,
    N_ITEMS,
    by_embedding,
    by_text,
    features,
    queries,
    signals,
)


def test_contenders_hold_what_a_list_of_ten_is_decided_among() -> None:
    query = queries(500)
    target = np.where(np.arange(500) % 2, by_text(query), np.random.default_rng(1).integers(0, N_ITEMS, 500))
    target = np.where(target == query, by_embedding(query), target)
    contest = contending(features(), DEFAULT_NEXT, query, target, 20)
    kept = np.isin(query * N_ITEMS + target, contest.query * N_ITEMS + contest.target)
    assert contest.query.tolist() == query[kept].tolist()
    assert contest.target.tolist() == target[kept].tolist()
    assert 250 <= len(contest) < 500

    weights = np.array([DEFAULT_NEXT[name] for name in SIMILAR_FEATURES], np.float32)
    scores = features().score(query, DEFAULT_NEXT)
    scores[np.arange(500), query] = -np.inf
    own = scores[np.arange(500), target][:, None]
    rank = (scores > own).sum(axis=1) + 0.5 * ((scores == own).sum(axis=1) - 1)
    whole = np.where(rank < 10, 1.0 / np.log2(rank + 2.0), 0.0)
    examples = contest.examples
    score = examples.features[:, :, -1]
    assert np.allclose(score, examples.features[:, :, :-1] @ weights, atol=1e-5)
    assert np.allclose(ndcg(score, examples), whole[kept], atol=1e-6)
    assert np.allclose(score[np.arange(len(contest)), examples.target], own[kept, 0], atol=1e-5)
    assert not whole[~kept].any()


def test_the_block_may_be_looked_at_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    query = queries(300)
    target = np.where(np.arange(300) % 3, by_embedding(query), by_text(query))
    whole = contending(features(), DEFAULT_NEXT, query, target, 10)
    for cells in (1, 7 * N_ITEMS * len(SIMILAR_FEATURES)):
        monkeypatch.setattr("gnn.contest.BLOCK_CELLS", cells)
        parts = contending(features(), DEFAULT_NEXT, query, target, 10)
        assert parts.query.tolist() == whole.query.tolist()
        assert parts.target.tolist() == whole.target.tolist()
        assert parts.examples.target.tolist() == whole.examples.target.tolist()
        assert np.array_equal(parts.examples.banned, whole.examples.banned)
        real = ~whole.examples.banned
        assert np.array_equal(parts.examples.features[real], whole.examples.features[real])


def test_nothing_is_held_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    query = queries(4000)
    monkeypatch.setattr("gnn.contest.BLOCK_CELLS", 5 * N_ITEMS * len(SIMILAR_FEATURES))
    looked_through, most = features(), min(most_contenders(60), N_ITEMS)
    tracemalloc.start()
    try:
        contest = contending(looked_through, DEFAULT_NEXT, query, by_embedding(query), 60)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(contest) == 4000
    cells = 4000 * most * (len(SIMILAR_FEATURES) + 1)
    assert contest.examples.features.nbytes > 0.8 * 4 * cells
    assert peak < 1.25 * 4 * cells


def test_targets_out_of_reach_leave_nothing() -> None:
    query = np.arange(1, N_ITEMS, 2)
    contest = contending(features(), DEFAULT_NEXT, query, query, 3)
    assert len(contest) == 0
    assert contest.examples.features.shape[::2] == (0, len(SIMILAR_FEATURES) + 1)
    assert contest_of(features(), DEFAULT_NEXT, query, query, replace(CONFIG, min_pairs=2)) is None


class Counted(SimilarFeatures):
    """How many queries were held against the whole catalogue."""

    looked_at = 0

    def stack(self, query: IntArray) -> FloatArray:
        self.looked_at += len(query)
        return super().stack(query)


@pytest.mark.parametrize(("most", "min_pairs", "looked"), [(45, 30, True), (29, 30, False), (0, 0, False)])
def test_work_is_bounded_by_pairs_times_items(most: int, min_pairs: int, looked: bool) -> None:
    query, counted = queries(), Counted(signals())
    config = replace(CONFIG, max_looked_at=max(1, most * N_ITEMS), min_pairs=min_pairs)
    contest = contest_of(counted, DEFAULT_NEXT, query, by_embedding(query), config)
    assert (contest is not None) == looked == (counted.looked_at > 0)
    assert counted.looked_at <= 45


def test_electronics_sees_all_its_pairs() -> None:
    assert RelationConfig().max_looked_at // 9671 >= RelationConfig().pairs
