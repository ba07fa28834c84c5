"""Metrics against scikit-learn and PyG, and their properties."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import ndcg_score
from torch_geometric.metrics import LinkPredF1, LinkPredNDCG, LinkPredPrecision, LinkPredRecall

from gnn.evaluation.metrics import (
    Places,
    f1_at_k,
    hr_at_k,
    ndcg_at_k,
    precision_at_k,
    recall_at_k,
    single_ndcg_at_k,
)
from gnn.evaluation.ranking import places_of
from gnn.shop_arrays import FloatArray, IntArray

K = 10


def random_cases(seed: int, m: int = 40, n_items: int = 60) -> tuple[FloatArray, IntArray, IntArray]:
    """Scores without ties, and 1 to 25 true items per row as (case, target)."""
    rng = np.random.default_rng(seed)
    scores = rng.permuted(np.arange(m * n_items).reshape(m, n_items), axis=1).astype(np.float32)
    targets = [np.sort(rng.choice(n_items, rng.integers(1, 26), replace=False)) for _ in range(m)]
    return scores, np.repeat(np.arange(m), [len(t) for t in targets]), np.concatenate(targets)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_ndcg_equals_scikit_learn(seed: int) -> None:
    scores, case, target = random_cases(seed)
    truth = np.zeros_like(scores)
    truth[case, target] = 1
    ours = ndcg_at_k(places_of(scores, case, target), case, np.bincount(case), K)
    assert ours.mean() == pytest.approx(ndcg_score(truth, scores, k=K))


@pytest.mark.parametrize("k", [5, 10, 20])
def test_set_metrics_equal_pyg(k: int) -> None:
    scores, case, target = random_cases(3)
    places, sizes = places_of(scores, case, target), np.bincount(case)
    lists = torch.from_numpy(np.argsort(-scores, axis=1)[:, :k].copy())
    truth = torch.from_numpy(np.stack([case, target]))
    ours = {
        LinkPredRecall: recall_at_k(places, case, sizes, k),
        LinkPredPrecision: precision_at_k(places, case, sizes, k),
        LinkPredF1: f1_at_k(places, case, sizes, k),
        LinkPredNDCG: ndcg_at_k(places, case, sizes, k),
    }
    for metric_class, values in ours.items():
        metric = metric_class(k)
        metric.update(lists, truth)
        assert values.mean() == pytest.approx(float(metric.compute()), abs=1e-6), metric_class.__name__


def untied(before: list[int]) -> Places:
    return Places(np.array(before), np.ones(len(before), np.int64))


def test_capped_recall_divides_by_what_fits_into_the_list() -> None:
    places, case, sizes = untied(list(range(20))), np.zeros(20, np.int64), np.array([20])
    assert recall_at_k(places, case, sizes, K, capped=True) == [1.0]
    assert recall_at_k(places, case, sizes, K) == [0.5]


def test_known_values_of_single_targets() -> None:
    places = Places(np.array([0, 1, 9, 9, 9, 10]), np.array([1, 1, 1, 2, 3, 1]))
    assert hr_at_k(places.expected_rank, K).tolist() == [1, 1, 1, 1, 0, 0]
    expected = [1.0, 1 / np.log2(3), 1 / np.log2(11), 1 / np.log2(11.5), 0.0, 0.0]
    assert single_ndcg_at_k(places.expected_rank, K) == pytest.approx(expected)


def test_two_items_tied_for_the_last_place_are_half_a_hit_each() -> None:
    places, case, sizes = Places(np.array([9]), np.array([2])), np.array([0]), np.array([1])
    assert recall_at_k(places, case, sizes, K) == [0.5]
    assert ndcg_at_k(places, case, sizes, K) == pytest.approx([0.5 / np.log2(11)])


def test_a_group_longer_than_the_list_counts_nothing() -> None:
    places, case, sizes = Places(np.array([0]), np.array([11])), np.array([0]), np.array([1])
    assert recall_at_k(places, case, sizes, K) == [0.0]
    assert recall_at_k(places, case, sizes, 11) == [1.0]


@given(scores=hnp.arrays(np.int8, 8, elements=st.integers(0, 3)), k=st.integers(1, 8), size=st.integers(1, 8))
def test_set_metrics_are_means_over_orders_of_ties(
    scores: "np.ndarray[tuple[int], np.dtype[np.int8]]", k: int, size: int
) -> None:
    values = scores.astype(np.float32)[None, :]
    case, target, sizes = np.zeros(size, np.int64), np.arange(size), np.array([size])
    places = places_of(values, case, target)
    if (places.tied > k).any():
        return
    rng = np.random.default_rng(0)
    recalls, ndcgs = [], []
    for _ in range(400):
        broken = untied(np.argsort(np.lexsort((rng.random(8), -values[0])))[target].tolist())
        recalls.append(recall_at_k(broken, case, sizes, k)[0])
        ndcgs.append(ndcg_at_k(broken, case, sizes, k)[0])
    assert recall_at_k(places, case, sizes, k)[0] == pytest.approx(np.mean(recalls), abs=0.1)
    assert ndcg_at_k(places, case, sizes, k)[0] == pytest.approx(np.mean(ndcgs), abs=0.1)


true_places = st.lists(st.integers(0, 3), min_size=2, max_size=30).map(
    lambda scores: places_of(
        np.array([scores], np.float32), np.zeros(len(scores) // 2, np.int64), np.arange(len(scores) // 2)
    )
)
"""Places of half of the items of a small catalogue with many ties."""


@given(places=true_places, k=st.integers(1, 20))
def test_figures_stay_between_0_and_1(places: Places, k: int) -> None:
    n = len(places.before)
    case, sizes = np.zeros(n, np.int64), np.array([n])
    for values in (
        hr_at_k(places.expected_rank, k),
        single_ndcg_at_k(places.expected_rank, k),
        recall_at_k(places, case, sizes, k),
        recall_at_k(places, case, sizes, k, capped=True),
        precision_at_k(places, case, sizes, k),
        f1_at_k(places, case, sizes, k),
        ndcg_at_k(places, case, sizes, k),
    ):
        assert (values >= 0).all()
        assert (values <= 1 + 1e-12).all()


@given(places=true_places, k=st.integers(1, 20), better=st.integers(0, 30))
def test_a_better_place_never_costs(places: Places, k: int, better: int) -> None:
    n = len(places.before)
    case, sizes = np.zeros(n, np.int64), np.array([n])
    before = places.before.copy()
    before[0] = min(before[0], better)
    improved = Places(before, places.tied)
    for metric in (recall_at_k, precision_at_k, f1_at_k, ndcg_at_k):
        assert metric(improved, case, sizes, k)[0] >= metric(places, case, sizes, k)[0] - 1e-12
    assert (single_ndcg_at_k(improved.expected_rank, k) >= single_ndcg_at_k(places.expected_rank, k)).all()


@given(places=true_places, k=st.integers(1, 19))
def test_longer_lists_hit_no_less(places: Places, k: int) -> None:
    n = len(places.before)
    case, sizes = np.zeros(n, np.int64), np.array([n])
    longer = recall_at_k(places, case, sizes, k + 1)[0]
    assert longer >= recall_at_k(places, case, sizes, k)[0] - 1e-12
    assert (hr_at_k(places.expected_rank, k + 1) >= hr_at_k(places.expected_rank, k)).all()


@given(sizes=st.lists(st.integers(1, 25), min_size=1, max_size=8))
def test_the_best_possible_list_scores_1(sizes: list[int]) -> None:
    case = np.repeat(np.arange(len(sizes)), sizes)
    places = untied([place for size in sizes for place in range(size)])
    assert ndcg_at_k(places, case, np.array(sizes), K) == pytest.approx(np.ones(len(sizes)))
    assert recall_at_k(places, case, np.array(sizes), K, capped=True).tolist() == [1.0] * len(sizes)
