"""Put a shop's files into the home: read, clean, log, apply."""

from collections.abc import Callable
from pathlib import Path

from graph.formats import Batch, ShopReader, open_shop
from graph.log import EventLog
from graph.store import GraphStore
from service.catch_up import CATCH_UP_ROWS, catch_up
from service.home import Home
from service.intake.load_report import LoadReport
from service.intake.named_items import NamedItems
from service.intake.quarantine import Quarantine
from service.settings import Settings
from service.stores import closing_both, note_reload, open_log, open_store

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
    running it again. Raises `UnreadableInput` (nothing was loaded), `HomeBusy`.
    """
    reader = open_shop(path, format_name, mapping, settings.cleaning.rules())
    home = Home(settings.home)
    with home.writing("load"):
        log, store = open_log(home), open_store(settings, home, patient=True)
        with closing_both(log, store):
            quarantine = Quarantine(home.quarantine, excerpts=not log.has_erased())
            into_empty = store.stats().items == 0
            report = load_reader(reader, log, store, quarantine, on_rows, settings.load.batch_rows)
            report.into_empty = into_empty
            if report.items.accepted:
                note_reload(home, store)
    return report


def load_reader(
    reader: ShopReader,
    log: EventLog,
    store: GraphStore,
    quarantine: Quarantine,
    on_rows: RowsFn = lambda kind, rows: None,
    graph_rows: int = CATCH_UP_ROWS,
) -> LoadReport:
    """As `load`, from a reader into an open log and store; the caller holds the home's lock.

    graph_rows: events per transaction of the graph.
    """
    return _Loader(reader, log, store, quarantine, on_rows, graph_rows).run()


class _Loader:
    """One load: the reader's batches into log and store, every touched row into the quarantine."""

    def __init__(
        self,
        reader: ShopReader,
        log: EventLog,
        store: GraphStore,
        quarantine: Quarantine,
        on_rows: RowsFn,
        graph_rows: int,
    ) -> None:
        self._graph_rows = graph_rows
        self._reader = reader
        self._log = log
        self._store = store
        self._quarantine = quarantine
        self._on_rows = on_rows
        self._report = LoadReport(format=reader.format)
        self._named = NamedItems()

    def run(self) -> LoadReport:
        catch_up(self._log, self._store)
        for batch in self._reader.items():
            self._add_items(batch)
        for batch in self._reader.events():
            self._add_events(batch)
        self._report.quarantine = self._quarantine.path
        note = self._named.note()
        hollow = [f"{file}: holds no row" for file in self._report.hollow]
        self._report.notes = [*self._reader.notes, *hollow, *([note] if note else [])]
        return self._report

    def _add_items(self, batch: Batch) -> None:
        self._report.add("items", batch, self._store.upsert_items(batch.frame))
        self._named.tell(batch.frame)
        self._quarantine.write(batch.problems)
        self._on_rows("items", self._report.items.read)

    def _add_events(self, batch: Batch) -> None:
        accepted = int(self._log.append(batch.frame).accepted.sum())
        catch_up(self._log, self._store, rows=self._graph_rows)
        self._report.add("events", batch, accepted)
        self._named.name(batch.frame)
        self._quarantine.write(batch.problems)
        self._on_rows("events", self._report.events.read)
