"""One increment: learn from the events since the last, let the gate judge, publish or take them out again."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gnn import FittedIlk
from gnn.freed_memory import give_back_freed_memory
from gnn.increment_exam import ExamConfig, increment_exam
from gnn.incremental import IncrementalUpdate, update
from gnn.incremental_config import IncrementalConfig
from gnn.item_signals import with_weights
from gnn.live import LiveItems, LiveSignals
from gnn.shop_arrays import FloatArray, IntArray, ShopArrays
from gnn.signals import ItemSignals
from gnn.trained_weights import TrainedWeights
from index import ExactIndex, FaissFlatIndex, VectorIndex, build_index, recall_of
from service.change_log import ChangeLog
from service.errors import CallerMistake
from service.home import Home
from service.increments.frozen_items import with_frozen
from service.increments.gate import IncrementVerdict, judge_increment
from service.increments.giving_way import when_idle
from service.increments.hop import Outcome
from service.increments.increment_reading import IncrementReading, arrived_items, read_for_increment
from service.increments.increment_result import IncrementResult
from service.increments.new_events import NewEvents
from service.increments.state import TRAINED_THROUGH, IncrementState, trained_through
from service.item_reviews import review_digests
from service.live.mirror import ArrivedItems
from service.model_config import model_config
from service.nightly.gate import MEASURE
from service.releases.adapter import adapter_of
from service.releases.index_recall import SAMPLED_ITEMS, index_metrics
from service.releases.manifest import ReleaseManifest
from service.releases.release import Release
from service.releases.store import ReleaseStore
from service.releases.writer import ReleaseDraft
from service.reporter import Reporter
from service.settings import Settings

logger = logging.getLogger(__name__)


def run_increment(
    settings: Settings,
    reporter: Reporter,
    *,
    idle: bool = False,
    idled: Callable[[], None] = lambda: None,
) -> IncrementResult:
    """Learn from the events since the last increment (or refresh), publish or reject.

    idle: learn and judge only while nobody else wants the processor (`giving_way.when_idle`); idled: called
    once that is over, before anything is written.

    Raises `CallerMistake` where no release with trained weights serves or too few events are new,
    `HomeBusy`, `ModelUnavailable` (a new text and no text model), `ReleaseError`.
    """
    home = Home(settings.home)
    home.require()
    with home.writing("increment", "refresh"):
        return _Increment(settings, home, reporter).run(idled, idle=idle)


@dataclass(frozen=True)
class _Made:
    """A release that may be written, and what the gate says of it."""

    draft: ReleaseDraft
    verdict: IncrementVerdict
    figures: dict[str, Any]
    """Of the training, and of what influence caps left out."""
    block: tuple[int, int]
    """Sequence numbers of the first and last event that it learned from."""


class _Increment:
    """One run; each stage is a method."""

    def __init__(self, settings: Settings, home: Home, reporter: Reporter) -> None:
        self._settings, self._home, self._reporter = settings, home, reporter
        self._releases = ReleaseStore(home.releases)
        self._state = IncrementState.read(home, settings.increment.edges)

    def run(self, idled: Callable[[], None], *, idle: bool) -> IncrementResult:
        release = self._releases.open_current()
        model = release.model
        if not isinstance(model, FittedIlk) or model.weights is None:
            raise CallerMistake("the serving release holds no trained weights; run `ilk refresh` first")
        reading = self._export(release)
        with self._reporter.stage("encode"):
            arrived = arrived_items(reading, self._settings, self._home)

        def made() -> _Made:
            return self._made(reading, model, arrived)

        done = when_idle(made) if idle else made()
        idled()
        with self._reporter.stage("write") as stage:  # others wait for its lock: never while idle
            version = stage.note = self._releases.write(done.draft)
        return self._settle(release, version, done)

    def _export(self, release: Release) -> IncrementReading:
        with self._reporter.stage("export") as stage:
            reading = read_for_increment(release, self._settings, self._home)
            stage.note = f"{len(reading.snapshot.edges.user):,} edges"
            if reading.damped:
                stage.note += f", {sum(reading.damped.values()):,} left out by influence caps"
                logger.info("increment leaves out events beyond the influence caps: %s", reading.damped)
        return reading

    def _made(self, reading: IncrementReading, model: FittedIlk, arrived: ArrivedItems | None) -> _Made:
        """Learn and judge; nobody waits for anything that is held meanwhile."""
        weights = model.weights
        assert weights is not None, "asked before"
        release, sequence = reading.release, reading.snapshot.edges.seq
        new = NewEvents.since(
            sequence, trained_through(release.manifest), self._settings.increment.holdout_share
        )
        shop = reading.shop()
        seen = shop.only(~new.held)
        with self._reporter.stage("fold in"):
            before = _signals(model, seen, arrived)
        give_back_freed_memory()
        with self._reporter.stage("train") as stage:
            positions = np.flatnonzero(new.learned[~new.held])
            done = self._trained(model, weights, seen, before, positions)
            stage.note = (
                f"{len(positions):,} new events, {done.steps} steps, {len(done.touched):,} items touched"
            )
        with self._reporter.stage("judge") as stage:
            verdict = self._judged(model, before, seen, done, shop, np.flatnonzero(new.held))
            stage.note = verdict.reason
        del before, seen  # room for the signals of all events
        give_back_freed_memory()
        with self._reporter.stage("index"):
            after = _signals(model, shop, arrived)
            frozen = release.items.indices_of(sorted(self._settings.update.freeze))
            candidate = with_frozen(model, _with(model, after, shop, done.weights), frozen)
            figures = _figures(done) | reading.damped
            draft = self._draft(reading, candidate, verdict, figures, new.block)
        return _Made(draft, verdict, figures, new.block)

    def _trained(
        self,
        model: FittedIlk,
        weights: TrainedWeights,
        seen: ShopArrays,
        signals: ItemSignals,
        new: IntArray,
    ) -> IncrementalUpdate:
        device = model_config(self._settings.model).training.device
        config = IncrementalConfig(device=device)
        return update(weights, model.config, seen, signals.text, new, config, self._settings.model.seed)

    def _judged(
        self,
        model: FittedIlk,
        before: ItemSignals,
        seen: ShopArrays,
        done: IncrementalUpdate,
        shop: ShopArrays,
        held: IntArray,
    ) -> IncrementVerdict:
        """Both models with the signals of the same events, the held-back ones left out."""
        serving = FittedIlk(before, model.mixes, model.user_mix, model.config, model.weights)
        candidate = _with(model, before, seen, done.weights)
        config = ExamConfig(self._settings.increment.exam_pairs)
        return judge_increment(
            increment_exam(candidate, serving, shop, held, config), self._settings.increment.gate
        )

    def _draft(
        self,
        reading: IncrementReading,
        candidate: FittedIlk,
        verdict: IncrementVerdict,
        figures: dict[str, Any],
        block: tuple[int, int],
    ) -> ReleaseDraft:
        parent, snapshot = reading.release.manifest, reading.snapshot
        adapter = adapter_of(self._home.releases, parent)
        matrix = candidate.item_vectors()
        index = build_index(self._settings.index.kind, matrix)
        return ReleaseDraft(
            model=candidate,
            index=index,
            items=snapshot.items,
            reviews=review_digests(snapshot.review_lines),
            encoder_fingerprint=parent.encoder_fingerprint,
            seed=self._settings.model.seed,
            events_through=snapshot.events_through,
            sequence_ranges=(*parent.sequence_ranges, block),
            config={**parent.config, "inputs": None, "parent": parent.version, TRAINED_THROUGH: block[1]},
            metrics={
                "gate": self._gate_figures(parent, verdict),
                "increment": figures,
                "index": self._index_metrics(index, matrix, candidate),
            },
            parent=parent.version,
            adapter=None if adapter is None else adapter.content,
        )

    def _index_metrics(self, index: VectorIndex, matrix: FloatArray, model: FittedIlk) -> dict[str, Any]:
        """An index that compares every row as it is misses nothing, which need not be measured by day."""
        exact = isinstance(index, ExactIndex | FaissFlatIndex)
        recall = 1.0 if exact else recall_of(index, matrix, queries=model.sample_queries(SAMPLED_ITEMS))
        found = index_metrics(self._settings.index.kind, recall)
        if "warning" in found:
            logger.warning("%s", found["warning"])
        return found

    @staticmethod
    def _gate_figures(parent: ReleaseManifest, verdict: IncrementVerdict) -> dict[str, Any]:
        """With those of the last full refresh, by which the next one is judged."""
        before = parent.metrics.get("gate") or {}
        kept = {name: before[name] for name in (*MEASURE, "coverage", "ndcg@10") if name in before}
        return kept | verdict.to_json()

    def _settle(self, release: Release, version: str, made: _Made) -> IncrementResult:
        """Publish, or leave the old release serving and take the block out of the answers."""
        verdict, block = made.verdict, made.block
        settings = self._settings.increment
        unfolded = None
        if verdict.passed:
            with self._reporter.stage("publish") as stage:
                self._releases.publish(version)
                stage.note = version
        elif verdict.outcome is Outcome.WORSE:
            unfolded = self._unfold(block, verdict.reason)
        hop = self._state.hop.after(verdict.outcome, settings.gate, settings.edges)
        told = verdict.outcome is not Outcome.INCONCLUSIVE  # else the same events are asked about once more
        IncrementState(hop, block[1] if told else self._state.through).write(self._home)
        reason = verdict.reason if verdict.passed else f"{verdict.outcome.value}: {verdict.reason}"
        level = logging.WARNING if verdict.outcome is Outcome.WORSE else logging.INFO
        logger.log(level, "increment %s: %s", "published" if verdict.passed else "not published", reason)
        return IncrementResult(
            version if verdict.passed else release.version,
            verdict.passed,
            reason,
            unfolded,
            hop.wants_full_refresh(settings.gate),
            self._reporter.to_json(),
            {"gate": verdict.to_json(), "increment": made.figures},
        )

    def _unfold(self, block: tuple[int, int], reason: str) -> tuple[int, int] | None:
        changes = ChangeLog(self._home.changes)
        try:
            changes.unfold(*block, f"increment rejected: {reason}")
        except CallerMistake as error:
            # part of it is out already: by a person, who decides about the rest too
            logger.warning("the rejected events still count: %s", error)
            return None
        finally:
            changes.close()
        return block


def _figures(done: IncrementalUpdate) -> dict[str, Any]:
    return {
        "steps": done.steps,
        "best_step": done.best_step,
        "touched": len(done.touched),
        "edge_gradients": done.edge_gradients,
        "messages": done.messages,
        **{f"early_stop_{name}": value for name, value in done.figures.items()},
    }


def _signals(model: FittedIlk, shop: ShopArrays, arrived: ArrivedItems | None) -> ItemSignals:
    """All signals from the events of `shop` with the weights of `model`."""
    live = LiveSignals(model, shop)
    if arrived is not None:
        live.fold_in(
            items=LiveItems(
                arrived.rows, arrived.text, arrived.categories, shop.category_parent, arrived.brand
            )
        )
    return live.signals()


def _with(model: FittedIlk, signals: ItemSignals, shop: ShopArrays, weights: TrainedWeights) -> FittedIlk:
    moved = with_weights(signals, model.config, shop, weights)
    return FittedIlk(moved, model.mixes, model.user_mix, model.config, weights)
