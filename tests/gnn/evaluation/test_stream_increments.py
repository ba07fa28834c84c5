"""Increments of the protocol `stream` by a rule: what is learned, what waits, what is taken out."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from gnn.embedding_config import EmbeddingConfig
from gnn.evaluation.data import EvaluationData
from gnn.evaluation.stream_increments import Fate, Increments, IncrementStream
from gnn.fitted_ilk import FittedIlk
from gnn.fitting import fit_with
from gnn.ilk_config import IlkConfig
from gnn.increment_exam import ExamConfig, IncrementExam
from gnn.incremental import update
from gnn.incremental_config import IncrementalConfig
from gnn.training_config import TrainingConfig
from tests.gnn.evaluation.toy_shops import clustered_shop

MODEL = IlkConfig(
    embedding=EmbeddingConfig(dim=16),
    training=TrainingConfig(min_epochs=2, max_epochs=2),
    learn_mix=False,
    use_paths=False,
    use_trend=False,
)
QUICK = IncrementalConfig(min_batch_size=64, check_share=0.0)
DATA = EvaluationData("toy", replace(clustered_shop(), text=None))
START, WAITS, HELD = 500, 100, 20


@pytest.fixture(scope="module")
def base() -> FittedIlk:
    return fit_with(MODEL, DATA.visible(0, START), 0).model


class Script:
    """Says what was written down beforehand; the last again and again."""

    def __init__(self, fates: Sequence[Fate]) -> None:
        self._fates = list(fates)
        self.exams: list[IncrementExam] = []
        self.new: list[int] = []

    @property
    def exam(self) -> ExamConfig:
        return ExamConfig(pairs=100)

    def waits_for(self) -> int:
        return WAITS

    def holds_back(self, new: int) -> int:
        self.new.append(new)
        return HELD

    def fate(self, exam: IncrementExam) -> Fate:
        self.exams.append(exam)
        return self._fates.pop(0) if len(self._fates) > 1 else self._fates[0]


def streamed(base: FittedIlk, rule: Script | None, data: EvaluationData = DATA) -> IncrementStream:
    return IncrementStream(data, base, None, QUICK, rule, START, 0)


def residuals(stream: IncrementStream) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    assert stream.weights is not None
    return stream.weights.residual


def test_without_a_rule_it_is_one_update_of_all_that_came(base: FittedIlk) -> None:
    stream = streamed(base, None)
    done = stream.follow(700)
    assert base.weights is not None
    alone = update(base.weights, MODEL, DATA.visible(0, 700), None, np.arange(START, 700), QUICK, 0)
    np.testing.assert_array_equal(residuals(stream), alone.weights.residual)
    assert done == Increments(1, 1, alone.edge_gradients)


def test_by_a_rule_each_learns_all_but_the_newest_and_the_next_learns_those(base: FittedIlk) -> None:
    rule = Script([Fate.SERVES])
    stream = streamed(base, rule)
    done = stream.follow(800)  # at 600, 680 and 760
    assert (done.made, done.served) == (3, 3)
    assert done.edge_gradients > 0
    weights = base.weights
    assert weights is not None
    for start, end in ((500, 580), (580, 660), (660, 740)):
        weights = update(weights, MODEL, DATA.visible(0, end), None, np.arange(start, end), QUICK, 0).weights
    np.testing.assert_array_equal(residuals(stream), weights.residual)
    assert all(0 < len(exam.newest.serving) <= HELD for exam in rule.exams)
    assert stream.follow(839).made == 0
    assert stream.follow(840).made == 1


def test_nothing_is_known_of_events_that_come_later(base: FittedIlk) -> None:
    item = DATA.shop.item.copy()
    item[700:] = (item[700:] + 1) % DATA.shop.n_items
    other = EvaluationData("toy", replace(DATA.shop, item=item))
    streams = [streamed(base, Script([Fate.SERVES]), data) for data in (DATA, other)]
    for stream in streams:
        stream.follow(700)
    np.testing.assert_array_equal(residuals(streams[0]), residuals(streams[1]))


def test_what_waits_is_learned_from_with_the_next(base: FittedIlk) -> None:
    rule = Script([Fate.WAITS])
    rule.waits_for = lambda: 100 * (1 + len(rule.exams))  # type: ignore[method-assign]
    stream = streamed(base, rule)
    done = stream.follow(800)
    assert (done.made, done.served) == (3, 0)
    assert rule.new == [100, 200, 300]
    assert base.weights is not None
    np.testing.assert_array_equal(residuals(stream), base.weights.residual)
    assert stream.counting(800).n_events == 800


def test_what_is_taken_out_counts_no_more(base: FittedIlk) -> None:
    stream = streamed(base, Script([Fate.TAKEN_OUT, Fate.SERVES]))
    done = stream.follow(680)
    assert (done.made, done.served) == (2, 1)
    kept = np.r_[np.arange(500), np.arange(580, 700)]
    np.testing.assert_array_equal(stream.counting(700).item, DATA.shop.item[kept])


def test_a_model_without_trained_weights_makes_none(base: FittedIlk) -> None:
    untrained = FittedIlk(base.signals, base.mixes, base.user_mix, base.config, None)
    stream = streamed(untrained, Script([Fate.SERVES]))
    assert stream.follow(800) == Increments()
    assert stream.weights is None
