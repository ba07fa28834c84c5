"""What pairs compete with: all that a list of ten is decided among, within bounds."""

from dataclasses import replace

import numpy as np
import pytest

from gnn.contest import contending, contest_of
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
