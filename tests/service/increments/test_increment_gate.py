"""The gate for increments, by its operating characteristics on a planted shop, and by each of its reasons."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from gnn.embedding_config import EmbeddingConfig
from gnn.fitted_ilk import FittedIlk
from gnn.fitting import fit_with
from gnn.histories import group_by_user
from gnn.ilk_config import IlkConfig
from gnn.increment_exam import ExamConfig, IncrementExam, PairedScores, increment_exam
from gnn.incremental import update
from gnn.incremental_config import IncrementalConfig
from gnn.item_signals import SignalScales, item_signals
from gnn.shop_arrays import IntArray, ShopArrays
from gnn.text_space import unit_rows
from gnn.trained_weights import TrainedWeights
from gnn.training_config import TrainingConfig
from service.increments.gate import judge_increment, paired_test
from service.increments.hop import Hop, Outcome
from service.settings import IncrementGateSettings
from tests.gnn.shops import cluster_shop

CONFIG = IlkConfig(
    embedding=EmbeddingConfig(dim=16),
    training=TrainingConfig(min_epochs=8, max_epochs=8),
    learn_mix=False,
    use_paths=False,
    use_trend=False,
)
SETTINGS = IncrementGateSettings(
    max_neighbour_drift=1.0
)  # quality alone decides: lists of equals reorder freely
TRIALS = 30


@dataclass(frozen=True)
class Planted:
    """A served model and the events since."""

    shop: ShopArrays
    seen: ShopArrays
    new: IntArray
    held: IntArray
    serving: FittedIlk
    weights: TrainedWeights

    def model(self, weights: TrainedWeights) -> FittedIlk:
        signals = item_signals(
            CONFIG, self.seen, group_by_user(self.seen), None, weights, SignalScales.of(self.serving.signals)
        )
        return FittedIlk(signals, self.serving.mixes, self.serving.user_mix, CONFIG, weights)

    def updated(self, seed: int) -> FittedIlk:
        quick = IncrementalConfig(min_batch_size=64)
        return self.model(update(self.weights, CONFIG, self.seen, None, self.new, quick, seed).weights)


@pytest.fixture(scope="module")
def planted() -> Planted:
    shop = cluster_shop(clusters=6, items_each=15, users_each=60, events_each=14)
    n = shop.n_events
    first, seen = n * 6 // 10, n * 8 // 10
    fit = fit_with(CONFIG, shop.events(0, first), 0)
    assert fit.model.weights is not None
    return Planted(
        shop, shop.events(0, seen), np.arange(first, seen), np.arange(seen, n), fit.model, fit.model.weights
    )


def worsened(model: FittedIlk, rows: int, seed: int) -> FittedIlk:
    """Some items' vectors replaced by random ones."""
    assert model.signals.embedding is not None
    rng = np.random.default_rng(seed)
    vectors = model.signals.embedding.copy()
    some = rng.permutation(len(vectors))[:rows]
    vectors[some] = unit_rows(rng.normal(size=(rows, vectors.shape[1])).astype(np.float32))
    signals = replace(model.signals, embedding=vectors)
    return FittedIlk(signals, model.mixes, model.user_mix, model.config, model.weights)


def test_same_data_other_seed_is_rejected_at_most_one_time_in_twenty(planted: Planted) -> None:
    served = planted.updated(1000)
    outcomes = [
        judge_increment(
            increment_exam(planted.updated(seed), served, planted.shop, planted.held), SETTINGS
        ).outcome
        for seed in range(TRIALS)
    ]
    assert outcomes.count(Outcome.WORSE) <= TRIALS * 0.05
    assert outcomes.count(Outcome.BETTER_OR_EQUAL) > TRIALS / 2


def test_a_model_made_a_tenth_worse_is_caught_nine_times_in_ten(planted: Planted) -> None:
    served = planted.updated(1000)
    caught, losses = 0, []
    for seed in range(TRIALS):
        exam = increment_exam(worsened(served, 15, seed), served, planted.shop, planted.held)
        losses.append(1 - float(exam.newest.candidate.mean() / exam.newest.serving.mean()))
        caught += judge_increment(exam, SETTINGS).outcome is Outcome.WORSE
    assert np.mean(losses) < 0.105  # no more than a tenth worse: the trial is not made easy
    assert caught >= TRIALS * 0.9


def scores_of(loss: float, n: int = 400, seed: int = 0) -> PairedScores:
    rng = np.random.default_rng(seed)
    serving = rng.random(n)
    return PairedScores(serving * (1 - loss) + rng.normal(0, 0.01, n), serving, np.arange(n) // 2)


HEALTHY = {
    "list_coverage": 0.9,
    "list_coverage_before": 0.9,
    "neighbour_drift": 0.1,
    "norm_growth": 1.0,
    "finite": 1.0,
}


def exam_of(newest: float = 0.0, old: float = 0.0, cold: float = 0.0, **figures: float) -> IncrementExam:
    return IncrementExam(scores_of(newest), scores_of(old), scores_of(cold), HEALTHY | figures)


def test_three_outcomes_of_a_paired_test() -> None:
    settings = IncrementGateSettings()
    assert paired_test(scores_of(0.0), settings, 0.03).outcome is Outcome.BETTER_OR_EQUAL
    assert paired_test(scores_of(-0.2), settings, 0.03).outcome is Outcome.BETTER_OR_EQUAL
    assert paired_test(scores_of(0.2), settings, 0.03).outcome is Outcome.WORSE
    assert (
        paired_test(scores_of(0.01), settings, 0.03).outcome is Outcome.BETTER_OR_EQUAL
    )  # within the tolerance
    assert paired_test(scores_of(0.2, n=100), settings, 0.03).outcome is Outcome.INCONCLUSIVE  # too few cases
    rng = np.random.default_rng(0)
    noisy = PairedScores(rng.random(200), rng.random(200), np.arange(200))
    assert paired_test(noisy, settings, 0.03).outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("exam", "outcome", "said"),
    [
        (exam_of(), Outcome.BETTER_OR_EQUAL, "newest"),
        (exam_of(newest=0.2), Outcome.WORSE, "newest"),
        (exam_of(newest=-0.2, old=0.2), Outcome.WORSE, "old"),
        (exam_of(cold=0.2), Outcome.WORSE, "cold"),
        (exam_of(finite=0.0), Outcome.WORSE, "finite"),
        (exam_of(list_coverage=0.5), Outcome.WORSE, "top 10"),
        (exam_of(neighbour_drift=0.9), Outcome.WORSE, "changed at once"),
        (exam_of(norm_growth=9.0), Outcome.WORSE, "grew"),
        (replace(exam_of(), newest=scores_of(0.0, n=20)), Outcome.INCONCLUSIVE, "not enough"),
        (replace(exam_of(), cold=scores_of(0.0, n=20)), Outcome.BETTER_OR_EQUAL, "newest"),
    ],
)
def test_every_reason_speaks(exam: IncrementExam, outcome: Outcome, said: str) -> None:
    verdict = judge_increment(exam, IncrementGateSettings())
    assert verdict.outcome is outcome
    assert said in verdict.reason
    assert verdict.passed == (outcome is Outcome.BETTER_OR_EQUAL)
    assert verdict.to_json()["outcome"] == outcome.value


def test_repeated_failure_widens_the_hop_and_then_asks_for_a_full_refresh() -> None:
    settings = IncrementGateSettings()
    hop = Hop(1000)
    for expected in (2000, 4000, 8000):
        assert not hop.wants_full_refresh(settings)
        hop = hop.after(Outcome.WORSE, settings, 1000)
        assert hop.edges == expected
    assert hop.wants_full_refresh(settings)
    assert hop.after(Outcome.BETTER_OR_EQUAL, settings, 1000) == Hop(1000)
    waiting = Hop(1000).after(Outcome.INCONCLUSIVE, settings, 1000)
    assert waiting == Hop(2000)  # more events tell more; nothing is wrong yet
    for _ in range(9):
        hop = hop.after(Outcome.WORSE, settings, 1000)
    assert hop.edges == 16_000


def test_the_exam_asks_what_neither_model_has_seen(planted: Planted) -> None:
    exam = increment_exam(planted.serving, planted.serving, planted.shop, planted.held)
    assert np.array_equal(exam.newest.candidate, exam.newest.serving)
    assert 0 < len(exam.newest.candidate) <= len(planted.held)
    assert exam.figures["neighbour_drift"] == 0.0
    assert exam.figures["norm_growth"] == 1.0
    half = planted.held[: len(planted.held) // 2]
    fewer = planted.shop.events(0, int(half[-1]) + 1)
    again = increment_exam(planted.serving, planted.serving, fewer, half)
    assert np.array_equal(again.old.serving, exam.old.serving)  # the sample of old events stays


def test_the_exam_compares_as_many_lists_as_it_may(planted: Planted) -> None:
    few = increment_exam(
        planted.updated(1), planted.serving, planted.shop, planted.held, ExamConfig(pairs=50, lists=3)
    )
    n = planted.shop.n_items
    assert 0 < few.figures["list_coverage"] <= 3 * 10 / n < 1
    assert 0 < few.figures["list_coverage_before"] <= 3 * 10 / n
