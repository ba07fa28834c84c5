"""What a refresh would do, why, and what it would cost: `ilk refresh --dry-run`."""

from dataclasses import asdict, dataclass
from typing import Any

from service.edge_selection import select_edges
from service.errors import NothingToLearn
from service.home import Home
from service.model_config import model_config
from service.nightly.fine_tune_policy import STAGE as FINE_TUNE
from service.nightly.fine_tune_policy import FineTunePolicy
from service.nightly.fine_tune_stage import Tuned, kept_tuned
from service.nightly.fitted_stage import kept_fitted
from service.nightly.refresh_cost import RefreshWork, expected_seconds
from service.nightly.refresh_inputs import inputs_digest, made_before
from service.nightly.refresh_memory import estimated_peak, within_budget
from service.nightly.text_stage import count_all, count_missing, texts_with_reviews
from service.nightly.work_folder import WorkFolder
from service.nightly.write_back import writes_back
from service.releases.store import ReleaseStore
from service.reporting.history import read_history
from service.settings import Settings
from service.shop_snapshot import take_snapshot, with_item_reviews
from service.stores import closing_both, open_log, open_store, unfolded_events
from service.texts import open_texts

_MAKING = ("judge", "index", "write", "audit")


@dataclass(frozen=True)
class PlannedStage:
    """One stage of the refresh to come."""

    name: str
    runs: bool
    why: str
    seconds: float | None = None
    """By earlier runs; None: it does not run, or no run told."""


@dataclass(frozen=True)
class RefreshPlan:
    """What a refresh would do now."""

    stages: list[PlannedStage]
    items: int
    edges: int
    """To learn from, those of `new_events` not among them."""
    new_events: int
    """Accepted, but not yet in the graph."""
    left_out: dict[str, int]
    """Edges that are not learned from, by reason."""
    texts_to_encode: int
    memory_bytes: int
    """Largest resident set to expect."""
    memory_budget_bytes: int | None

    @property
    def seconds(self) -> float | None:
        """Of all stages that run; None: no earlier run tells of one of the longest, encoding and training."""
        long = [s.seconds for s in self.stages if s.runs and s.name in ("export", "encode", "train")]
        return None if None in long else sum(s.seconds or 0.0 for s in self.stages if s.runs)

    def to_json(self) -> dict[str, Any]:
        """As in `--json`."""
        return {**asdict(self), "seconds": self.seconds}


def plan_refresh(settings: Settings) -> RefreshPlan:
    """Look at everything and change nothing but the text cache's file, which is made where it is missing.

    Foreign edges are not searched for. Raises `NothingToLearn`, `ModelUnavailable`, `MemoryBudgetExceeded`,
    and `CallerMistake` where nothing was loaded.
    """
    home = Home(settings.home)
    home.require()
    log, store = open_log(home), open_store(settings, home)
    with closing_both(log, store):
        new_events = log.last_seq() - store.applied_seq()
        unfolded = unfolded_events(home)
        snapshot = take_snapshot(store, unfolded)
        snapshot = with_item_reviews(snapshot, store, settings.encoder.reviews, unfolded)
    if not snapshot.alive.any():
        raise NothingToLearn(f"no items in {home.root}; run `ilk load PATH` first")
    texts = open_texts(settings, home)
    config = model_config(settings.model)
    snapshot, report = select_edges(snapshot, settings.selection)
    snapshot, report = within_budget(snapshot, report, texts.encoder.dim, config, settings.refresh)
    inputs = inputs_digest(snapshot, texts.encoder.fingerprint, settings)
    kept_work = (
        None if new_events else WorkFolder(home.work, inputs, 0.0)
    )  # of other inputs it is thrown away
    policy = FineTunePolicy(settings, home)
    tuned: Tuned | None = None
    if policy.enabled:
        tuned = (kept_work and kept_tuned(kept_work)) or policy.kept(
            len(snapshot.edges.user), texts.encoder.fingerprint
        )
        if tuned is not None and tuned.adapter is not None:
            texts = open_texts(settings, home, tuned.adapter)
    item_texts = texts_with_reviews(snapshot)
    teaches = policy.enabled and tuned is None
    missing = count_all(item_texts) if teaches else count_missing(texts, item_texts)
    work = RefreshWork(len(snapshot.edges.user), snapshot.items.height, missing)
    expected = expected_seconds(read_history(home), work)
    planned = Stages(settings, home, inputs, new_events, missing, kept_work, policy.enabled, tuned).planned()
    stages = [
        PlannedStage(name, runs, why, expected.get(name) if runs else None) for name, runs, why in planned
    ]
    budget = settings.refresh.memory_mib
    return RefreshPlan(
        stages=stages,
        items=work.items,
        edges=work.edges,
        new_events=new_events,
        left_out=report.left_out,
        texts_to_encode=missing,
        memory_bytes=estimated_peak(snapshot.edges.user, work.items, texts.encoder.dim, config),
        memory_budget_bytes=None if budget is None else budget * 2**20,
    )


@dataclass(frozen=True)
class Stages:
    """Which stages a refresh goes through; those of `service.nightly.refresh`, in its order."""

    settings: Settings
    home: Home
    inputs: str
    new_events: int
    missing: int
    work: WorkFolder | None
    """Where an interrupted refresh of the same inputs keeps what it had done."""
    fine_tunes: bool
    tuned: Tuned | None
    """The adapter that is kept; None: the text model is taught anew, if it is taught at all."""

    def planned(self) -> list[tuple[str, bool, str]]:
        """(name, whether it runs, why)."""
        new = self.new_events
        export = ("export", True, f"{new:,} new events" if new else "always: it sees what is new")
        releases = ReleaseStore(self.home.releases)
        before = None if new else made_before(releases, self.inputs)
        if before is None:
            return [export, *self._learning(), *_all(_MAKING, True, self._why()), *self._serving("", True)]
        if before.version == releases.current_version():
            why = f"nothing new since {before.version}, which serves"
            return [export, *_all(self._before_serving(), False, why), *self._serving(why, False)]
        why = f"{before.version} was made from the same inputs"
        passed = bool(before.metrics["gate"]["passed"])
        outcome = f"{before.version} does not serve yet" if passed else f"the gate rejected {before.version}"
        return [export, *_all(self._before_serving(), False, why), *self._serving(outcome, passed)]

    def _why(self) -> str:
        if self.new_events:
            return f"{self.new_events:,} new events"
        return "items, events or settings differ from every release"

    def _before_serving(self) -> tuple[str, ...]:
        return (*((FINE_TUNE,) if self.fine_tunes else ()), "encode", "train", *_MAKING)

    def _learning(self) -> list[tuple[str, bool, str]]:
        return [*self._teaching(), *self._fitting()]

    def _teaching(self) -> list[tuple[str, bool, str]]:
        if not self.fine_tunes:
            return []
        if self.tuned is None:
            return [(FINE_TUNE, True, "no release was taught yet, or the shop has grown since")]
        return [(FINE_TUNE, False, f"learned from {self.tuned.record['events']:,} events, that is enough")]

    def _fitting(self) -> list[tuple[str, bool, str]]:
        if self.work is not None and kept_fitted(self.work) is not None:
            return _all(("encode", "train"), False, "kept from an interrupted run")
        if self.fine_tunes and self.tuned is None:
            texts = f"all {self.missing:,} texts where the fine-tuning pays, else those not in the cache"
        elif self.missing:
            texts = f"{self.missing:,} texts are not in the cache"
        else:
            texts = "every text is in the cache"
        return [("encode", True, texts), ("train", True, self._why())]

    def _serving(self, why: str, runs: bool) -> list[tuple[str, bool, str]]:
        """Publish, and write back where somebody looks into the graph's store."""
        if runs and self.settings.refresh.approval:
            runs, why = False, "refresh.approval: it waits for `ilk release approve`"
        found = [("publish", runs, why or "if the gate lets it")]
        if writes_back(self.settings):
            back = f"SIMILAR_TO edges of {self.settings.graph.similar_edges} neighbours each, once it serves"
            found.append(("write back", runs, why if why and not runs else back))
        return found


def _all(names: tuple[str, ...], runs: bool, why: str) -> list[tuple[str, bool, str]]:
    return [(name, runs, why) for name in names]
