"""Popularity fifths and the health of lists."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnn.evaluation.health import (
    NeighbourLists,
    gini,
    health,
    intra_list_diversity,
    long_tail_share,
    neighbour_lists,
)
from gnn.evaluation.scores import SliceScores
from gnn.evaluation.slices import by_quintile, popularity_quintile

counts_lists = st.lists(st.integers(0, 6), min_size=1, max_size=60)


@given(counts=counts_lists)
def test_quintiles_follow_popularity_and_leave_cold_items_out(counts: list[int]) -> None:
    array = np.array(counts)
    quintile = popularity_quintile(array)
    assert ((quintile == -1) == (array == 0)).all()
    warm = np.flatnonzero(array)
    order = warm[np.argsort(array[warm], kind="stable")]
    assert (np.diff(quintile[order]) >= 0).all()
    for value in set(counts) - {0}:
        assert len(set(quintile[array == value].tolist())) == 1  # equals stay together


def test_distinct_counts_are_divided_into_equal_fifths() -> None:
    counts = np.random.default_rng(0).permutation(np.arange(1, 101))
    assert np.bincount(popularity_quintile(counts)).tolist() == [20] * 5
    assert popularity_quintile(counts)[np.argmax(counts)] == 4


def test_by_quintile_splits_the_cases() -> None:
    scores = SliceScores(("next", "warm"), {"hr@10": np.array([1.0, 0.0, 1.0])}, np.array([5, 6, 7]))
    parts = by_quintile(scores, np.array([0, 1, 1]), np.array([4, 0]))
    assert [part.path[-1] for part in parts] == ["quintile_1", "quintile_5"]
    assert parts[0].values["hr@10"].tolist() == [0.0, 1.0]
    assert parts[0].cluster.tolist() == [6, 7]
    assert parts[1].means() == {"hr@10": 1.0}


def test_gini_of_known_distributions() -> None:
    assert gini(np.full(10, 3)) == pytest.approx(0)
    assert gini(np.array([0] * 9 + [5])) == pytest.approx(0.9)
    assert gini(np.zeros(4, np.int64)) == 0
    assert gini(np.array([1, 3])) == pytest.approx(0.25)


@given(counts=counts_lists)
def test_gini_is_half_the_relative_mean_difference(counts: list[int]) -> None:
    array = np.array(counts)
    mean = array.mean()
    expected = np.abs(array[:, None] - array).mean() / (2 * mean) if mean else 0
    assert gini(array) == pytest.approx(expected)


def test_long_tail_share() -> None:
    counts = np.array([50, 30, 15, 5, 0])  # the first two carry 80 %
    assert long_tail_share(np.array([6, 0, 2, 1, 1]), counts) == pytest.approx(0.4)
    assert long_tail_share(np.zeros(5, np.int64), counts) == 0


def test_diversity_is_the_mean_distance_of_listed_pairs() -> None:
    text = np.array([[1, 0], [0, 1], [1, 0], [0, 0]], np.float32)
    items = np.array([[0, 1, 2], [0, 2, 3], [3, 0, 1]])
    listed = np.array([[True, True, True], [True, True, True], [True, True, False]])
    # list 1: distances 1, 0, 1; list 2: 0 (item 3 has no text); list 3: no pair with text
    assert intra_list_diversity(NeighbourLists(items, listed), text) == pytest.approx((2 / 3 + 0) / 2)


def test_health_of_a_model_that_shows_the_same_to_everybody() -> None:
    counts = np.arange(40)[::-1].copy()
    score = np.arange(40, dtype=np.float32)[::-1]
    lists = neighbour_lists(lambda query: np.broadcast_to(score, (len(query), 40)), 40)
    figures = health(lists, counts, None)
    assert figures["coverage@10"] == 11 / 40  # the ten best, and one more for themselves
    assert figures["gini"] > 0.7
    assert figures["long_tail_share"] == 0
    assert "intra_list_diversity" not in figures


def test_a_model_without_opinion_lists_nothing() -> None:
    lists = neighbour_lists(lambda query: np.zeros((len(query), 50), np.float32), 50)
    assert not lists.listed.any()
    assert health(lists, np.ones(50, np.int64), None)["coverage@10"] == 0
