"""Bring the home up to its sources: read what is new, settle conflicts; no source stops the others."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from graph.errors import GraphError, UnreadableInput
from graph.log import EventLog
from graph.store import GraphStore
from service.errors import CallerMistake
from service.home import Home
from service.intake.load import load_reader
from service.intake.load_report import LoadReport
from service.intake.quarantine import Quarantine
from service.intake.sync_files import ChosenItems, changed_files, looks_changed, open_changed, source_files
from service.intake.sync_state import SourceMark, SyncState
from service.settings import Settings, SourceSettings
from service.stores import closing_both, note_reload, open_log, open_store

FIRST_WAIT = 30.0
LONGEST_WAIT = 3600.0

Clock = Callable[[], float]


@dataclass
class SourceReport:
    """What a sync did with one source."""

    name: str
    outcome: str = "unchanged"
    """`read`, `unchanged`, `failed`, `waiting` (after an error) or `not due` (by its schedule)."""
    files_read: int = 0
    load: LoadReport = field(default_factory=LoadReport)
    error: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As in `--json`."""
        return {
            "name": self.name,
            "outcome": self.outcome,
            "files_read": self.files_read,
            "events": self.load.events.as_dict(),
            "items": self.load.items.as_dict(),
            "error": self.error,
        }


def sync(settings: Settings, *, now_all: bool = False, clock: Clock = time.time) -> list[SourceReport]:
    """Read the new and changed files of every source that is due; safe to kill and to repeat.

    A file counts as read once its rows are in; of a changed file the rows that are known already are
    duplicates. Items: a source of higher `priority` wins, among equals the file changed last, whatever the
    order of arrival. A source that fails is tried again after 30 s, then twice as long each time, at most an
    hour.

    now_all: try every source, due or not. clock: Unix seconds. Raises `CallerMistake` (no sources),
    `HomeBusy`.
    """
    if not settings.sources:
        raise CallerMistake("no sources: name them in ilk.toml, each as [[sources]] with name and path")
    home = Home(settings.home)
    with home.writing("sync"):
        log, store, state = (
            open_log(home),
            open_store(settings, home, patient=True),
            SyncState(home.sync_state),
        )
        with closing_both(log, store, state):
            run = _Sync(home, log, store, state, clock, settings)
            return [run.one(source, now_all=now_all) for source in settings.sources]


def source_status(settings: Settings, home: Home, clock: Clock = time.time) -> list[dict[str, Any]]:
    """Per source: `pending` files (new, changed or never read to their end), `lag_seconds` (age of the oldest
    of them; None where the source cannot be looked at), and how it fared."""
    state = SyncState(home.sync_state)
    with closing_both(state):
        return [_status(source, state, clock()) for source in settings.sources]


class _Sync:
    """One sync with everything open."""

    def __init__(
        self,
        home: Home,
        log: EventLog,
        store: GraphStore,
        state: SyncState,
        clock: Clock,
        settings: Settings,
    ) -> None:
        self._settings = settings
        self._home = home
        self._log = log
        self._store = store
        self._state = state
        self._clock = clock

    def one(self, source: SourceSettings, *, now_all: bool) -> SourceReport:
        report = SourceReport(source.name)
        before = self._state.source(source.name)
        if not now_all and self._clock() < before.retry_at:
            report.outcome, report.error = "waiting", before.error
            return report
        if not now_all and self._clock() < (before.succeeded or 0.0) + source.schedule_seconds:
            report.outcome = "not due"
            return report
        try:
            self._read(source, report)
        except (GraphError, OSError) as error:
            report.outcome, report.error = "failed", " ".join(str(error).split())
            wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(before.failures, 10))
            mark = SourceMark(before.succeeded, before.failures + 1, self._clock() + wait, report.error)
        else:
            mark = SourceMark(self._clock())
        self._state.mark_source(source.name, mark)
        return report

    def _read(self, source: SourceSettings, report: SourceReport) -> None:
        """Read the changed files, folder by folder. Raises `UnreadableInput` at the end where some could not
        be read to theirs."""
        files = source_files(source)
        damaged: list[str] = []
        for folder, group in groupby(files, key=lambda path: path.parent):
            damaged += self._read_folder(source, folder, list(group), report)
        if damaged:
            raise UnreadableInput(f"{', '.join(damaged)}: ends early or is damaged; what could be read is in")

    def _read_folder(
        self, source: SourceSettings, folder: Path, files: list[Path], report: SourceReport
    ) -> list[str]:
        """Returns the names of files that could not be read to their end; they are read again next time."""
        changed = changed_files(source, files, self._state)
        if not changed:
            return []
        with tempfile.TemporaryDirectory(prefix="ilk-sync-") as stage:
            opened = open_changed(source, files, changed, Path(stage), self._settings.cleaning.rules())
            mtimes = {one.path.name: one.mark.mtime for one in changed}
            reader = ChosenItems(opened, self._state, source.priority, mtimes)
            found = load_reader(
                reader,
                self._log,
                self._store,
                Quarantine(self._home.quarantine, excerpts=not self._log.has_erased()),
                graph_rows=self._settings.load.batch_rows,
            )
        report.outcome = "read"
        report.files_read += len(changed)
        if found.items.accepted:
            note_reload(self._home, self._store)
        report.load.items.merge(found.items)
        report.load.events.merge(found.events)
        if found.incomplete:
            return [f"a file of {folder}"]
        for one in changed:
            if one.unchanged_since:
                self._state.mark_file(source.name, str(one.path), one.mark)
        return []


def _status(source: SourceSettings, state: SyncState, now: float) -> dict[str, Any]:
    mark = state.source(source.name)
    status: dict[str, Any] = {"name": source.name, "files": None, "pending": None, "lag_seconds": None}
    error = mark.error
    try:
        files = source_files(source)
        known = state.files(source.name)
        ages = [now - path.stat().st_mtime for path in files if looks_changed(path, known.get(str(path)))]
        status |= {"files": len(files), "pending": len(ages), "lag_seconds": round(max(0.0, *ages, 0.0), 3)}
    except (GraphError, OSError) as reason:
        error = error or " ".join(str(reason).split())
    return status | {
        "succeeded": mark.succeeded,
        "failures": mark.failures,
        "retry_at": mark.retry_at or None,
        "error": error,
    }
