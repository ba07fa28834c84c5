"""Take a shop out of its home: items and events as Ilk's own folder, neighbours, a piece of the graph."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from graph.log import EventLog
from graph.store import GraphStore, Neighbourhood
from graph.view import to_graphml
from service.errors import CallerMistake
from service.home import Home
from service.intake.shop_files import EVENT_COLUMNS, ITEM_COLUMNS, event_columns, item_columns
from service.keeping.export_tables import whole_file, write_table
from service.settings import Settings
from service.stores import closing_both, open_log, open_store

ITEM_BATCH = 10_000
EVENT_BATCH = 50_000
SUFFIXES = (".parquet", ".jsonl")
MAX_HOPS = 4
MAX_PER_NODE = 1000

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class ExportRequest:
    """What `ilk export` was asked for. Raises `CallerMistake` where the parts do not fit together."""

    out: Path
    """A file where one thing is exported, else a folder."""
    what: tuple[str, ...] = ("items", "events")
    """Of `items`, `events`, `neighbours`, `graph`."""
    file_format: str = "parquet"
    """`parquet`, `jsonl`, or for a piece of the graph `graphml`."""
    k: int = 10
    """Neighbours per item."""
    objective: str = "related"
    item_id: str | None = None
    """The item in the middle of the piece of graph."""
    hops: int = 2
    per_node: int = 25
    """At most this many edges are followed from each node."""

    def __post_init__(self) -> None:
        graph = "graph" in self.what
        if graph and len(self.what) > 1:
            raise CallerMistake("--what graph is exported alone")
        if graph != (self.file_format == "graphml"):
            raise CallerMistake("--what graph goes with --format graphml, and nothing else does")
        if graph and self.item_id is None:
            raise CallerMistake("--what graph needs --item ITEM_ID: the graph around it is exported")
        if not 1 <= self.hops <= MAX_HOPS or not 1 <= self.per_node <= MAX_PER_NODE:
            raise CallerMistake(f"--hops is 1 to {MAX_HOPS}, --per-node 1 to {MAX_PER_NODE}")
        if len(self.what) > 1 and (self.out.is_file() or self.out.suffix in SUFFIXES):
            raise CallerMistake(f"--out {self.out}: {' and '.join(self.what)} need a folder")

    def path_of(self, what: str) -> Path:
        """The file for one thing: `out` itself where it has a name with a suffix, else a file in it."""
        if len(self.what) == 1 and self.out.suffix and not self.out.is_dir():
            return self.out
        return self.out / f"{what}.{self.file_format}"


@dataclass(frozen=True)
class ExportedFile:
    """One written file."""

    what: str
    path: Path
    rows: int
    """Items, events, neighbours; of a piece of graph: its nodes."""

    def to_json(self) -> dict[str, object]:
        """As in `--json`."""
        return {
            "what": self.what,
            "path": str(self.path),
            "rows": self.rows,
            "bytes": self.path.stat().st_size,
        }


def export(
    request: ExportRequest, settings: Settings, progress: Progress = lambda done, total: None
) -> list[ExportedFile]:
    """Write what was asked for; a file appears when it is complete.

    `items` and `events` in one folder are Ilk's own format: loaded into another home they give the same
    counts. Deleted items with their events and erased users are left out. Memory holds one batch and the
    item ids. Raises `CallerMistake`, `NotFound` (item of the graph), `NoRelease` (neighbours).
    """
    home = Home(settings.home)
    home.require()
    log, store = open_log(home), open_store(settings, home, patient=True)
    with closing_both(log, store):
        exporter = _Exporter(request, home, log, store, progress)
        return [exporter.write(what) for what in request.what]


class _Exporter:
    """One call of `export` with everything open."""

    def __init__(
        self, request: ExportRequest, home: Home, log: EventLog, store: GraphStore, progress: Progress
    ) -> None:
        self._request = request
        self._home = home
        self._log = log
        self._store = store
        self._progress = progress
        keys = store.node_keys("item")
        self._alive = [item for item, alive in zip(keys.ids, keys.alive, strict=True) if alive]
        self._any_gone = not keys.alive.all()

    def write(self, what: str) -> ExportedFile:
        path = self._request.path_of(what)
        if what == "graph":
            return self._graph(path)
        schema, frames = self._table(what)
        return ExportedFile(what, path, write_table(path, self._request.file_format, schema, frames))

    def _table(self, what: str) -> tuple[pl.Schema, Iterator[pl.DataFrame]]:
        if what == "items":
            return ITEM_COLUMNS, self._items()
        if what == "events":
            return EVENT_COLUMNS, self._events()
        # imported late: the learning libraries are not needed for the rest
        from service.keeping.export_neighbours import EXPORTED_NEIGHBOUR, NeighbourRows

        request = self._request
        rows = NeighbourRows(self._home, self._store, self._alive, request.k, request.objective)
        return EXPORTED_NEIGHBOUR, rows.frames(self._progress)

    def _items(self) -> Iterator[pl.DataFrame]:
        for start in range(0, len(self._alive), ITEM_BATCH):
            yield item_columns(self._store.items(self._alive[start : start + ITEM_BATCH]))
            self._progress(min(start + ITEM_BATCH, len(self._alive)), len(self._alive))

    def _events(self) -> Iterator[pl.DataFrame]:
        last = self._log.last_seq()
        kept = pl.col("event_id") != ""
        if self._any_gone:
            # of a deleted item only a hole is left: what the graph has seen and does not know is gone
            living = pl.Series(self._alive, dtype=pl.String).implode()
            kept &= pl.col("item_id").is_in(living) | (pl.col("seq") > self._store.applied_seq())
        for batch in self._log.batches(0, EVENT_BATCH):
            yield event_columns(batch.filter(kept))
            self._progress(int(batch["seq"][-1]), max(last, int(batch["seq"][-1])))

    def _graph(self, path: Path) -> ExportedFile:
        request = self._request
        assert request.item_id is not None
        self._require_item(request.item_id)
        piece = self._store.neighbours([("item", request.item_id)], request.hops, request.per_node)
        with whole_file(path) as unfinished:
            unfinished.write_text(to_graphml(piece, self._titles(piece)), "utf-8")
        return ExportedFile("graph", path, len(piece.nodes))

    def _titles(self, piece: Neighbourhood) -> dict[str, str]:
        rows = self._store.item_rows([key for kind, key in piece.nodes if kind == "item"])
        return {row["item_id"]: row["title"] for row in rows}

    def _require_item(self, item_id: str) -> None:
        if self._store.items([item_id]).is_empty():
            raise CallerMistake(f"--item {item_id!r}: no such item")
