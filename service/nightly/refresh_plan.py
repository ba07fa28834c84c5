"""What a refresh would do, why, and what it would cost: `ilk refresh --dry-run`."""

from dataclasses import asdict, dataclass
from typing import Any

from service.edge_selection import select_edges
from service.errors import NothingToLearn
from service.home import Home
from service.model_config import model_config
from service.nightly.fine_tune_policy import FineTunePolicy
from service.nightly.fitted_stage import kept_fitted
from service.nightly.refresh_cost import RefreshWork, expected_seconds
from service.nightly.refresh_inputs import inputs_digest, made_before
from service.nightly.refresh_memory import estimated_peak, within_budget
from service.nightly.text_stage import count_missing, snapshot_texts
from service.nightly.work_folder import WorkFolder
from service.releases.store import ReleaseStore
from service.reporting.history import read_history
from service.settings import Settings
from service.shop_snapshot import take_snapshot
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
        snapshot = take_snapshot(store, unfolded_events(home))
    if not snapshot.alive.any():
        raise NothingToLearn(f"no items in {home.root}; run `ilk load PATH` first")
    texts = open_texts(settings, home)
    config = model_config(settings.model)
    snapshot, report = select_edges(snapshot, settings.selection)
    snapshot, report = within_budget(snapshot, report, texts.encoder.dim, config, settings.refresh)
    inputs = inputs_digest(snapshot, texts.encoder.fingerprint, settings)
    policy = FineTunePolicy(settings, home)
    kept = policy.kept(len(snapshot.edges.user), texts.encoder.fingerprint) if policy.enabled else None
    if kept is not None and kept.adapter is not None:
        texts = open_texts(settings, home, kept.adapter)
    missing = count_missing(texts, snapshot_texts(snapshot))
    work = RefreshWork(len(snapshot.edges.user), snapshot.items.height, missing)
    expected = expected_seconds(read_history(home), work)
    stages = [
        PlannedStage(name, runs, why, expected.get(name) if runs else None)
        for name, runs, why in _stages(home, inputs, new_events, missing)
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


def _stages(home: Home, inputs: str, new_events: int, missing: int) -> list[tuple[str, bool, str]]:
    """(name, whether it runs, why)."""
    export = ("export", True, f"{new_events:,} new events" if new_events else "always: it sees what is new")
    releases = ReleaseStore(home.releases)
    before = None if new_events else made_before(releases, inputs)
    if before is not None:
        if before.version == releases.current_version():
            why = f"nothing new since {before.version}, which serves"
            return [export, *((name, False, why) for name in ("encode", "train", *_MAKING, "publish"))]
        why = f"{before.version} was made from the same inputs"
        passed = bool(before.metrics["gate"]["passed"])
        outcome = f"{before.version} does not serve yet" if passed else f"the gate rejected {before.version}"
        return [
            export,
            *((name, False, why) for name in ("encode", "train", *_MAKING)),
            ("publish", passed, outcome),
        ]
    why = (
        f"{new_events:,} new events" if new_events else "items, events or settings differ from every release"
    )
    kept = None if new_events else kept_fitted(WorkFolder(home.work, inputs, 0.0))
    if kept is not None:
        learning = [(name, False, "kept from an interrupted run") for name in ("encode", "train")]
    else:
        texts = f"{missing:,} texts are not in the cache" if missing else "every text is in the cache"
        learning = [("encode", True, texts), ("train", True, why)]
    making = [(name, True, why) for name in _MAKING]
    return [export, *learning, *making, ("publish", True, "if the gate lets it")]
