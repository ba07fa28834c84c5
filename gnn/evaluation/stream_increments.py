"""How the protocol `stream` makes increments: one of each block, or many as a service makes them."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

import numpy as np

from gnn.evaluation.data import EvaluationData
from gnn.fitted_ilk import FittedIlk
from gnn.histories import group_by_user, without_weightless
from gnn.increment_exam import ExamConfig, IncrementExam, increment_exam
from gnn.incremental import update
from gnn.incremental_config import IncrementalConfig
from gnn.item_signals import SignalScales, item_signals, with_weights
from gnn.shop_arrays import IntArray, ShopArrays
from gnn.text_space import TextSpace
from gnn.trained_weights import TrainedWeights


class Fate(StrEnum):
    """What becomes of an increment."""

    SERVES = "serves"
    WAITS = "waits"
    """Nothing changes; its events are learned from with the next ones."""
    TAKEN_OUT = "taken out"
    """The weights before go on serving, and its events count for nothing."""


class IncrementRule(Protocol):
    """When increments are made, and which of them serve; one object follows one stream."""

    @property
    def exam(self) -> ExamConfig:
        """How each is examined."""
        ...

    def waits_for(self) -> int:
        """New events that the next one waits for, 2 or more."""
        ...

    def holds_back(self, new: int) -> int:
        """How many of so many new events, the newest, judge it; the next one learns from them."""
        ...

    def fate(self, exam: IncrementExam) -> Fate:
        """Of an increment with this exam; called once for each, in their order."""
        ...


@dataclass(frozen=True)
class Increments:
    """What was made in one block."""

    made: int = 0
    served: int = 0
    edge_gradients: int = 0


class IncrementStream:
    """Weights that follow the events of one shop, from increment to increment."""

    def __init__(
        self,
        data: EvaluationData,
        base: FittedIlk,
        text: TextSpace | None,
        settings: IncrementalConfig,
        rule: IncrementRule | None,
        start: int,
        seed: int,
    ) -> None:
        """base: the model of the events before position `start`. rule: `None` makes one increment
        of all events whenever `follow` is called, and lets it serve."""
        self.weights: TrainedWeights | None = base.weights
        self._data, self._base, self._text, self._settings = data, base, text, settings
        self._scales = SignalScales.of(base.signals)
        self._rule, self._through, self._seed = rule, start, seed
        self._taken_out = np.zeros(data.shop.n_events, np.bool_)

    def follow(self, stop: int) -> Increments:
        """Make what is due until the events before position `stop` are there."""
        done = Increments()
        if self.weights is None:
            return done
        if self._rule is None:
            trained, gradients = self._trained(self.weights, self._through, stop)
            self.weights, self._through = trained, stop
            return Increments(1, 1, gradients)
        while (now := self._through + self._rule.waits_for()) <= stop:
            done = self._judged(self._rule, self.weights, now, done)
        return done

    def counting(self, stop: int) -> ShopArrays:
        """The events before position `stop` that count."""
        return without_weightless(self._weighed(stop))

    def _weighed(self, stop: int) -> ShopArrays:
        """The events before position `stop`; what does not count weighs nothing."""
        shop = self._data.visible(0, stop)
        weight = np.where(self._taken_out[:stop], np.float32(0), shop.weight)
        return replace(shop, weight=weight)

    def _new(self, start: int, stop: int) -> IntArray:
        """Which of `counting(stop)` are not before position `start`."""
        counts = self._weighed(stop).weight > 0
        return np.arange(int(counts[:start].sum()), int(counts.sum()))

    def _judged(self, rule: IncrementRule, weights: TrainedWeights, now: int, done: Increments) -> Increments:
        """One increment when the events before position `now` are there, and what becomes of it."""
        end = now - rule.holds_back(now - self._through)
        trained, gradients = self._trained(weights, self._through, end)
        fate = rule.fate(self._examined(rule.exam, weights, trained, end, now))
        if fate is Fate.SERVES:
            self.weights = trained
        elif fate is Fate.TAKEN_OUT:
            self._taken_out[self._through : end] = True
        if fate is not Fate.WAITS:
            self._through = end
        served = done.served + (fate is Fate.SERVES)
        return Increments(done.made + 1, served, done.edge_gradients + gradients)

    def _trained(self, weights: TrainedWeights, start: int, end: int) -> tuple[TrainedWeights, int]:
        """(weights after the events start..end-1, edge-gradients); of later events nothing is known."""
        shop = self.counting(end)
        new = self._new(start, end)
        text = None if self._text is None else self._text.vectors
        done = update(weights, self._base.config, shop, text, new, self._settings, self._seed)
        return done.weights, done.edge_gradients

    def _examined(
        self, exam: ExamConfig, serving: TrainedWeights, trained: TrainedWeights, end: int, now: int
    ) -> IncrementExam:
        """Both weights with the signals of the events before `end`, asked about those up to `now`."""
        config, seen, shop = self._base.config, self.counting(end), self.counting(now)
        signals = item_signals(config, seen, group_by_user(seen), self._text, serving, self._scales)
        signals = replace(signals, regression=self._base.signals.regression)
        moved = with_weights(signals, config, seen, trained)
        mixes, user_mix = self._base.mixes, self._base.user_mix
        return increment_exam(
            FittedIlk(moved, mixes, user_mix, config, trained),
            FittedIlk(signals, mixes, user_mix, config, serving),
            shop,
            self._new(end, now),
            exam,
        )
