"""Put a shop's files into the home: read, clean, log, apply."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from graph.formats import Batch, ShopReader, open_shop

from graph.errors import UnreadableInput
from graph.log import EventLog
from graph.store import GraphStore
from service.catch_up import catch_up
from service.home import Home
from service.load_report import LoadReport, RowCounts
from service.quarantine import Quarantine
from service.settings import Settings
from service.stores import closing_both, open_log, open_store

RowsFn = Callable[[str, int], None]
"""Called with ("items" or "events", rows read so far)."""


def load(
    path: Path,
    settings: Settings,
    *,
    format_name: str = "auto",
    mapping: Path | None = None,
    on_rows: RowsFn = lambda kind, rows: None,
) -> LoadReport:
    """Load a file or folder into the home; may be repeated, adds only what is new.

    Each batch is durable in the event log before it enters the graph, so an interrupted load is finished by
    running it again. Raises `UnreadableInput` (nothing was loaded), `HomeBusy`, `BadSettings`.
    """
    reader = open_shop(path, format_name, mapping)
    home = Home(settings.home)
    with home.writing("load"):
        log, store = open_log(home), open_store(settings, home)
        with closing_both(log, store):
            return _Loader(reader, log, store, Quarantine(home.quarantine), on_rows).run()


class _Loader:
    """One load: the reader's batches into log and store, every touched row into the quarantine."""

    def __init__(
        self, reader: ShopReader, log: EventLog, store: GraphStore, quarantine: Quarantine, on_rows: RowsFn
    ) -> None:
        self._reader = reader
        self._log = log
        self._store = store
        self._quarantine = quarantine
        self._on_rows = on_rows
        self._report = LoadReport()

    def run(self) -> LoadReport:
        catch_up(self._log, self._store)
        try:
            for batch in self._reader.items():
                self._add_items(batch)
            for batch in self._reader.events():
                self._add_events(batch)
        except UnreadableInput as error:  # a file that ends early: what came before it counts
            if not (self._report.items.read or self._report.events.read):
                raise
            self._report.incomplete = str(error)
        self._report.quarantine = self._quarantine.path
        return self._report

    def _add_items(self, batch: Batch) -> None:
        counts = self._report.items
        self._count(counts, batch)
        changed = self._store.upsert_items(batch.frame)
        counts.accepted += changed
        counts.duplicates += batch.frame.height - changed
        self._on_rows("items", counts.read)

    def _add_events(self, batch: Batch) -> None:
        counts = self._report.events
        self._count(counts, batch)
        accepted = int(self._log.append(batch.frame).accepted.sum())
        counts.accepted += accepted
        counts.duplicates += batch.frame.height - accepted
        catch_up(self._log, self._store)
        self._on_rows("events", counts.read)

    def _count(self, counts: RowCounts, batch: Batch) -> None:
        counts.read += batch.read
        for outcome, counter in (("rejected", counts.rejected), ("repaired", counts.repaired)):
            counter.update(Counter(p.reason for p in batch.problems if p.outcome == outcome))
        self._quarantine.write(batch.problems)
