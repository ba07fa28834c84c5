"""Intervals of differences."""

import numpy as np
import pytest

from gnn.evaluation.bootstrap import paired_intervals
from gnn.evaluation.comparison import compare, main_metric
from gnn.evaluation.errors import UnfitData
from gnn.evaluation.scores import Path, SliceScores


def test_a_clear_difference_is_better_and_noise_is_even() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 1, (1, 400))
    clear, even = paired_intervals(
        np.concatenate([noise + 0.5, noise - noise.mean()]), np.arange(400), np.random.default_rng(1)
    )
    assert 0 < clear.low < clear.difference < clear.high
    assert even.low < 0 < even.high
    assert clear.high - clear.low == pytest.approx(2 * 1.96 / 20, rel=0.15)  # 400 cases of deviation 1


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    differences = rng.normal(0.3, 1, (300, 200))
    intervals = paired_intervals(differences, np.arange(200), rng)
    covered = np.mean([found.low <= 0.3 <= found.high for found in intervals])
    assert 0.90 <= covered <= 0.98


def test_cases_of_one_user_are_one_piece_of_evidence() -> None:
    rng = np.random.default_rng(3)
    by_user = np.repeat(rng.normal(0, 1, 100), 10)[None, :]  # ten equal cases each
    (clustered,) = paired_intervals(by_user, np.repeat(np.arange(100), 10), np.random.default_rng(4))
    (single,) = paired_intervals(by_user, np.arange(1000), np.random.default_rng(4))
    ratio = (clustered.high - clustered.low) / (single.high - single.low)
    assert ratio == pytest.approx(np.sqrt(10), rel=0.15)


def test_equal_seeds_give_equal_intervals() -> None:
    differences = np.random.default_rng(5).normal(size=(2, 50))
    first, second = (paired_intervals(differences, np.arange(50), np.random.default_rng(6)) for _ in range(2))
    assert first == second


def slice_of(values: list[float], path: Path = ("next", "warm")) -> SliceScores:
    return SliceScores(path, {main_metric(path): np.array(values)}, np.arange(len(values)))


def test_compare_weighs_windows_alike() -> None:
    path: Path = ("next", "warm")
    ours = {path: [slice_of([1.0] * 10), slice_of([0.0] * 90)]}
    theirs = {path: [slice_of([0.0] * 10), slice_of([0.0] * 90)]}
    (found,) = compare("ilk", {"ilk": ours, "text": theirs})
    assert found.difference == pytest.approx(0.5)  # mean of 1 and 0, not 10 of 100
    assert (found.model, found.against, found.slice, found.n) == ("ilk", "text", "next/warm", 100)


def test_few_cases_decide_nothing() -> None:
    path: Path = ("user_next",)
    scores = {name: {path: [slice_of([value] * 149, path)]} for name, value in (("ilk", 1.0), ("text", 0.0))}
    (found,) = compare("ilk", scores)
    assert found.verdict == "better"
    assert not found.decides


def test_a_model_without_the_slice_is_not_compared() -> None:
    users: Path = ("user_next",)
    pairs: Path = ("next", "warm")
    ours = {users: [slice_of([1.0], users)], pairs: [slice_of([1.0])]}
    found = compare("ilk", {"ilk": ours, "text+knn": {pairs: [slice_of([1.0])]}})
    assert [row.slice for row in found] == ["next/warm"]


@pytest.mark.parametrize(
    ("path", "metric"),
    [
        (("links", "also_buy", "cold"), "recall@10"),
        (("slices", "basket_by_popularity", "quintile_1"), "ndcg@10"),
    ],
)
def test_main_metric(path: Path, metric: str) -> None:
    assert main_metric(path) == metric


def test_slices_have_cases() -> None:
    with pytest.raises(UnfitData):
        SliceScores(("next", "warm"), {}, np.empty(0, np.int64))
    with pytest.raises(UnfitData):
        SliceScores(("next", "warm"), {"hr@10": np.ones(2)}, np.arange(3))
