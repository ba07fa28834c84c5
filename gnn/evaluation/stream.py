"""Protocol `stream`: what keeping a model fresh is worth, and what it costs.

The first 60 % of the events make a base model; then blocks of 10 % arrive. After each block four models
answer for the next one:

- *stale*: the base as it was, histories included;
- *fold-in*: the base's weights and mixes, every signal computed anew from all events so far;
- *incremental*: the same with weights that the events since have trained further (`gnn.incremental`):
  one increment a block, or many as a service makes them (`gnn.evaluation.stream_increments`);
- *full*: fitted from scratch on all events so far.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from gnn.evaluation.cases import Pairs
from gnn.evaluation.data import EvaluationData
from gnn.evaluation.errors import UnfitData
from gnn.evaluation.judging import TestCases, judge, temporal_cases
from gnn.evaluation.split import Split
from gnn.evaluation.stream_increments import IncrementRule, IncrementStream
from gnn.evaluation.stream_result import StreamResult, StreamRun
from gnn.fitted_ilk import FittedIlk
from gnn.fitting import Fit, fit_with
from gnn.histories import Histories, group_by_user, without_weightless
from gnn.ilk_config import IlkConfig
from gnn.incremental_config import IncrementalConfig
from gnn.item_signals import SignalScales, item_signals
from gnn.objective import Objective
from gnn.shop_arrays import FloatArray, IntArray, ShopArrays
from gnn.text_space import TextSpace, build_text_space
from gnn.trained_weights import TrainedWeights
from gnn.training_cost import fit_edge_gradients
from gnn.user_rows import latest_of_each, user_rows

BASE_TENTHS = 6
BLOCKS = 4

ProgressFn = Callable[[str, int, int], None]
"""Called with (what begins now, steps done, steps in all)."""


@dataclass(frozen=True)
class StreamConfig:
    """How the four models are made."""

    model: IlkConfig = field(default_factory=IlkConfig)
    increment: IncrementalConfig = field(default_factory=IncrementalConfig)
    rule: Callable[[], IncrementRule] | None = None
    """Makes the rule of one seed's increments; `None`: one of each block, which always serves."""


class _Answers:
    """A fitted model with histories, as a `Recommender`."""

    def __init__(self, name: str, model: FittedIlk, histories: Histories) -> None:
        self.name, self._model, self._histories = name, model, histories

    def fit(self, shop: ShopArrays, seed: int) -> None:
        """It is fitted."""

    def score_similar(self, query: IntArray, objective: Objective) -> FloatArray:
        """See `Recommender`."""
        return self._model.score_similar(query, objective)

    def score_users(self, users: IntArray) -> FloatArray:
        """See `Recommender`."""
        return self._model.score_user_rows(user_rows(self._histories, users, self._model.config.users))


def stream(
    data: EvaluationData,
    config: StreamConfig,
    seeds: Sequence[int] = (0,),
    progress: ProgressFn | None = None,
) -> StreamResult:
    """Run the protocol. Raises `UnfitData` for fewer than 100 events or no seeds.

    Items' texts are those of `data.shop.text` for all four models, without reviews: weights that were trained
    in one text space mean nothing in the space of the next block's reviews.
    """
    if data.shop.n_events < 100 or not seeds or len(set(seeds)) != len(seeds):
        raise UnfitData("the protocol stream needs at least 100 events, and different seeds")
    data = replace(data, pool_reviews=None)
    runs: list[StreamRun] = []
    for seed in seeds:
        one = _Stream(data, config, seed, partial(_report, progress, len(seeds), seeds.index(seed)))
        runs += one.run()
    return StreamResult(data.dataset, tuple(seeds), runs, by_rule=config.rule is not None)


def _report(progress: ProgressFn | None, seeds: int, seed: int, what: str, done: int) -> None:
    if progress is not None:
        progress(what, seed * BLOCKS + done, seeds * BLOCKS)


class _Stream:
    """One seed."""

    def __init__(
        self, data: EvaluationData, config: StreamConfig, seed: int, report: Callable[[str, int], None]
    ) -> None:
        self._data, self._config, self._seed, self._report = data, config, seed, report
        self._text: TextSpace | None = build_text_space(data.shop.text, data.shop.n_items, config.model.text)

    def run(self) -> list[StreamRun]:
        self._report(f"base, seed {self._seed}", 0)
        self._base = self._fitted(self._stop(0))
        self._scales = SignalScales.of(self._base.model.signals)
        increments = self._increments()
        runs: list[StreamRun] = []
        for block in range(1, BLOCKS):
            self._report(f"block {block}, seed {self._seed}", block)
            cases = _cases(self._data, Split(self._stop(block), self._stop(block + 1)))
            shop = without_weightless(self._data.visible(0, self._stop(block)))
            runs.append(self._judged("stale", block, self._base.model, self._base.histories, cases, 0.0, 0))
            runs.append(self._folded("fold-in", block, shop, self._base.model.weights, cases))
            started = time.perf_counter()
            made = increments.follow(self._stop(block))
            spent = time.perf_counter() - started
            counting = increments.counting(self._stop(block))
            run = self._folded(
                "incremental", block, counting, increments.weights, cases, spent, made.edge_gradients
            )
            runs.append(replace(run, increments=made.made, served=made.served))
            started = time.perf_counter()
            full = self._fitted(self._stop(block))
            spent = time.perf_counter() - started
            gradients = fit_edge_gradients(self._config.model, shop, full.epochs)
            runs.append(self._judged("full", block, full.model, full.histories, cases, spent, gradients))
        return runs

    def _stop(self, block: int) -> int:
        return self._data.shop.n_events * (BASE_TENTHS + block) // 10

    def _fitted(self, stop: int) -> Fit:
        return fit_with(self._config.model, self._data.visible(0, stop), self._seed)

    def _increments(self) -> IncrementStream:
        rule = None if self._config.rule is None else self._config.rule()
        model, start = self._base.model, self._stop(0)
        settings = self._config.increment
        return IncrementStream(self._data, model, self._text, settings, rule, start, self._seed)

    def _folded(
        self,
        strategy: str,
        block: int,
        shop: ShopArrays,
        weights: TrainedWeights | None,
        cases: TestCases,
        seconds: float = 0.0,
        edge_gradients: int = 0,
    ) -> StreamRun:
        """Every signal from all events so far with some weights; scales and mixes are the base's."""
        started = time.perf_counter()
        histories = group_by_user(shop)
        signals = item_signals(self._config.model, shop, histories, self._text, weights, self._scales)
        base = self._base.model
        signals = replace(signals, regression=base.signals.regression)
        model = FittedIlk(signals, base.mixes, base.user_mix, self._config.model, weights)
        seconds += time.perf_counter() - started
        return self._judged(strategy, block, model, latest_of_each(histories), cases, seconds, edge_gradients)

    def _judged(
        self,
        strategy: str,
        block: int,
        model: FittedIlk,
        histories: Histories,
        cases: TestCases,
        seconds: float,
        edge_gradients: int,
    ) -> StreamRun:
        scores = judge(_Answers(strategy, model, histories), cases)
        return StreamRun(strategy, block, self._seed, seconds, edge_gradients, scores)


def _cases(data: EvaluationData, split: Split) -> TestCases:
    """`next` and users only."""
    nothing = np.empty(0, np.int64)
    return replace(temporal_cases(data, split), basket=Pairs(nothing, nothing, nothing), links={})
