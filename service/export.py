"""Take a shop out of its home: items and events as Ilk's own folder, neighbours, a piece of the graph."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from gnn.objective import Objective
from graph.frames import CATEGORY_SEPARATOR
from graph.log import EventLog
from graph.store import GraphStore
from graph.view import to_graphml
from service.errors import CallerMistake
from service.export_tables import whole_file, write_table
from service.home import Home
from service.release_holder import ReleaseHolder, Serving
from service.release_store import ReleaseStore
from service.settings import Settings
from service.shop_lookup import StoreLookup
from service.similar_items import SimilarItemsService, check_k
from service.stores import closing_both, open_log, open_store

ITEM_BATCH = 10_000
EVENT_BATCH = 50_000
NEIGHBOUR_BATCH = 500
MAX_HOPS = 4
MAX_PER_NODE = 1000

EXPORTED_ITEM = pl.Schema(
    {
        "item_id": pl.String(),
        "title": pl.String(),
        "description": pl.String(),
        "brand": pl.String(),
        "category": pl.List(pl.List(pl.String())),  # paths, each as its names from the root
        "price": pl.Float64(),
        "currency": pl.String(),
        "availability": pl.String(),
        "image_url": pl.String(),
        "attributes": pl.String(),  # a JSON object
    }
)
EXPORTED_EVENT = pl.Schema(
    {
        "event_id": pl.String(),
        "user_id": pl.String(),  # null: a session without a user
        "session_id": pl.String(),
        "item_id": pl.String(),
        "timestamp": pl.Int64(),  # microseconds since 1970 UTC
        "event_type": pl.String(),
        "rating": pl.Float32(),
        "review_text": pl.String(),
        "quantity": pl.Float32(),
        "value": pl.Float64(),
    }
)
EXPORTED_NEIGHBOUR = pl.Schema(
    {
        "item_id": pl.String(),
        "rank": pl.Int64(),  # from 1
        "neighbour_id": pl.String(),
        "score": pl.Float64(),  # higher is better; comparable within one item's list only
        "source": pl.String(),
        "model_version": pl.String(),
    }
)

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
    objective: Objective = Objective.RELATED
    item_id: str | None = None
    """The item in the middle of the piece of graph."""
    hops: int = 2
    per_node: int = 25
    """At most this many edges are followed from each node."""

    def __post_init__(self) -> None:
        check_k(self.k)
        graph = "graph" in self.what
        if graph and len(self.what) > 1:
            raise CallerMistake("--what graph is exported alone")
        if graph != (self.file_format == "graphml"):
            raise CallerMistake("--what graph goes with --format graphml, and nothing else does")
        if graph and self.item_id is None:
            raise CallerMistake("--what graph needs --item ITEM_ID: the graph around it is exported")
        if not 1 <= self.hops <= MAX_HOPS or not 1 <= self.per_node <= MAX_PER_NODE:
            raise CallerMistake(f"--hops is 1 to {MAX_HOPS}, --per-node 1 to {MAX_PER_NODE}")
        if len(self.what) > 1 and self.out.is_file():
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
    log, store = open_log(home), open_store(settings, home)
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
        ids = np.array(keys.ids, dtype=object)
        self._alive: list[str] = ids[keys.alive].tolist()
        gone = set(ids[~keys.alive].tolist()).difference(self._alive, [""])
        self._gone = frozenset(gone)

    def write(self, what: str) -> ExportedFile:
        path = self._request.path_of(what)
        if what == "graph":
            return self._graph(path)
        schema, frames = {
            "items": (EXPORTED_ITEM, self._items),
            "events": (EXPORTED_EVENT, self._events),
            "neighbours": (EXPORTED_NEIGHBOUR, self._neighbours),
        }[what]
        return ExportedFile(what, path, write_table(path, self._request.file_format, schema, frames()))

    def _items(self) -> Iterator[pl.DataFrame]:
        for start in range(0, len(self._alive), ITEM_BATCH):
            frame = self._store.items(self._alive[start : start + ITEM_BATCH])
            names = pl.col("categories").list.eval(pl.element().str.split(CATEGORY_SEPARATOR))
            yield frame.select(names.alias(n) if n == "category" else pl.col(n) for n in EXPORTED_ITEM)
            self._progress(min(start + ITEM_BATCH, len(self._alive)), len(self._alive))

    def _events(self) -> Iterator[pl.DataFrame]:
        last = self._log.last_seq()
        gone = pl.Series(sorted(self._gone), dtype=pl.String).implode()
        for batch in self._log.batches(0, EVENT_BATCH):
            kept = batch.filter(pl.col("event_id") != "", ~pl.col("item_id").is_in(gone))
            session = pl.col("anonymous")
            yield kept.with_columns(
                pl.col("at").alias("timestamp"),
                pl.when(~session).then("user_id").alias("user_id"),
                pl.when(session).then("user_id").alias("session_id"),
            ).select(list(EXPORTED_EVENT))
            self._progress(int(batch["seq"][-1]), max(last, int(batch["seq"][-1])))

    def _neighbours(self) -> Iterator[pl.DataFrame]:
        holder = ReleaseHolder(ReleaseStore(self._home.releases))
        holder.poll()
        serving = holder.serving()
        # one release from the first item to the last, whatever is published meanwhile
        service = SimilarItemsService(lambda: serving, StoreLookup(self._store))
        items = self._answerable(serving)
        for start in range(0, len(items), NEIGHBOUR_BATCH):
            rows = [row for item in items[start : start + NEIGHBOUR_BATCH] for row in self._rows(service, item)]
            yield pl.DataFrame(rows, schema=EXPORTED_NEIGHBOUR, orient="row")
            self._progress(min(start + NEIGHBOUR_BATCH, len(items)), len(items))

    def _answerable(self, serving: Serving) -> list[str]:
        """Living items that the release knows."""
        known = serving.release.items
        rows = ((item, known.index_of(item)) for item in self._alive)
        return [item for item, row in rows if row is not None and known.alive[row]]

    def _rows(self, service: SimilarItemsService, item_id: str) -> list[tuple[object, ...]]:
        answer = service.similar(item_id, self._request.k, self._request.objective)
        found = [result for result in answer.results if result.item_id not in self._gone]
        return [
            (item_id, rank, result.item_id, result.score, result.source.value, answer.model_version)
            for rank, result in enumerate(found, 1)
        ]

    def _graph(self, path: Path) -> ExportedFile:
        request = self._request
        assert request.item_id is not None
        self._require_item(request.item_id)
        piece = self._store.neighbours([("item", request.item_id)], request.hops, request.per_node)
        with whole_file(path) as unfinished:
            unfinished.write_text(to_graphml(piece), "utf-8")
        return ExportedFile("graph", path, len(piece.nodes))

    def _require_item(self, item_id: str) -> None:
        if self._store.items([item_id]).is_empty():
            raise CallerMistake(f"--item {item_id!r}: no such item")
