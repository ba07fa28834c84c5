"""Expected ranks against their definition, in blocks and out of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gnn.evaluation import ranking
from gnn.evaluation.cases import Pairs, TargetSets, target_sets
from gnn.evaluation.errors import InvalidScores
from gnn.shop_arrays import FloatArray, IntArray

few_values = hnp.arrays(np.float32, (4, 7), elements=st.sampled_from([-1.0, 0.0, 0.5, 2.0]))


@given(scores=few_values)
def test_expected_rank_is_the_mean_over_orders_of_ties(scores: FloatArray) -> None:
    row, target = np.divmod(np.arange(scores.size), scores.shape[1])
    rank = ranking.places_of(scores, row, target).expected_rank
    for place, (r, t) in enumerate(zip(row, target, strict=True)):
        best = int((scores[r] > scores[r, t]).sum())
        worst = best + int((scores[r] == scores[r, t]).sum()) - 1
        assert rank[place] == (best + worst) / 2


def test_a_constant_model_hits_nothing_in_a_large_catalogue() -> None:
    rank = ranking.places_of(np.zeros((1, 100), np.float32), np.array([0]), np.array([3]))
    assert rank.expected_rank.tolist() == [49.5]


@given(order=st.permutations(range(7)), scores=few_values)
def test_order_of_the_catalogue_does_not_matter(order: list[int], scores: FloatArray) -> None:
    row, target = np.array([0, 1, 2]), np.array([0, 3, 6])
    inverse = np.argsort(order)
    moved = ranking.places_of(scores[:, order], row, inverse[target])
    found = ranking.places_of(scores, row, target)
    assert moved.before.tolist() == found.before.tolist()
    assert moved.tied.tolist() == found.tied.tolist()


def table_score(table: FloatArray) -> ranking.ScoreFn:
    return lambda query: table[query]


def test_pair_ranks_leave_the_query_out_and_keep_the_order() -> None:
    table = np.array([[9, 3, 2, 1], [1, 9, 3, 2], [3, 2, 9, 1], [0, 0, 0, 9]], np.float32)
    pairs = Pairs(np.array([2, 0, 2, 3]), np.array([1, 3, 0, 1]), np.zeros(4, np.int64))
    assert ranking.pair_ranks(table_score(table), pairs, 4).tolist() == [1, 2, 0, 1]


def test_pair_ranks_among_some_items() -> None:
    table = np.tile(np.array([5, 4, 3, 2, 1], np.float32), (5, 1))
    pairs = Pairs(np.array([0, 2]), np.array([4, 4]), np.zeros(2, np.int64))
    rank = ranking.pair_ranks(table_score(table), pairs, 5, among=np.array([2, 4]))
    assert rank.tolist() == [1, 0]  # item 2 competes, unless it is the query


def test_set_places_hide_masked_items() -> None:
    table = np.tile(np.array([5, 4, 3, 2, 1], np.float32), (2, 1))
    sets = target_sets(np.array([0, 0, 1]), np.array([2, 4, 3]), 5)
    masked = target_sets(np.array([0, 0, 1]), np.array([0, 3, 4]), 5)
    assert ranking.set_places(table_score(table), sets, masked, 5).before.tolist() == [1, 2, 3]


def test_a_batch_equals_its_singles() -> None:
    rng = np.random.default_rng(0)
    n = 1100  # three blocks
    table = rng.integers(0, 9, (n, n)).astype(np.float32)
    query = rng.permutation(n)
    pairs = Pairs(query, (query + rng.integers(1, n, n)) % n, query)
    rank = ranking.pair_ranks(table_score(table), pairs, n)
    sets = target_sets(query, pairs.target, n)
    itself = TargetSets(sets.anchor, np.arange(n), sets.anchor)
    places = ranking.set_places(table_score(table), sets, itself, n)
    for place in rng.choice(n, 50, replace=False):
        one = ranking.pair_ranks(table_score(table), pairs.where(np.arange(n) == place), n)
        assert rank[place] == one[0]
        assert places.expected_rank[query[place]] == one[0]


def test_blocks_bound_the_memory() -> None:
    assert ranking.block_rows(100) == 512
    assert ranking.block_rows(1_000_000) == 8
    assert ranking.block_rows(10**9) == 1


@pytest.mark.parametrize("bad", [np.zeros((2, 3), np.float32), np.full((2, 4), np.nan, np.float32)])
def test_bad_scores_are_refused(bad: FloatArray) -> None:
    with pytest.raises(InvalidScores):
        ranking.checked_scores(lambda query: bad, np.array([0, 1]), 4)


def test_checked_scores_are_a_copy() -> None:
    row = np.ones(3, np.float32)
    scores = ranking.checked_scores(lambda q: np.broadcast_to(row, (len(q), 3)), np.array([0, 1]), 3)
    scores[0, 0] = 7
    assert row.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([5, 4, 3, 2], [0, 1]),  # no ties
        ([5, 4, 4, 1], [0, 1]),  # the tied items share rank 1.5: below 2, one of them is shown
        ([5, 0, 0, 0], [0]),  # three tied for the second place share rank 2
        ([0, 0, 0, 0, 0, 0], []),  # all share rank 2.5
        ([5, -np.inf, -np.inf], [0]),
    ],
)
def test_listed_items(scores: list[float], expected: list[int]) -> None:
    top, listed = ranking.listed_items(np.array([scores], np.float32), 2)
    assert top[listed].tolist() == expected


def test_short_catalogues_have_short_lists() -> None:
    top, listed = ranking.listed_items(np.array([[1, 2]], np.float32), 10)
    assert top.tolist() == [[1, 0]]
    assert listed.all()


def test_hidden_items_are_never_listed() -> None:
    scores: FloatArray = np.full((3, 20), -np.inf, np.float32)
    scores[:, :4] = np.arange(4)
    top, listed = ranking.listed_items(scores, 10)
    shown: IntArray = top[listed]
    assert sorted(set(shown.tolist())) == [0, 1, 2, 3]
