"""Neo4j store against the SQLite store: apply, export, SIMILAR_TO, one run, one machine.

Needs a real server with a database that is empty or marked as the tests' own:
`make neo4j && . .neo4j/env`. Prints medians, 95th percentiles and the ratio of the two stores.

    python benchmarks/neo4j_store.py [--data FOLDER] [--edges 1000000] [--batch 5000]
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from graph.event_id import event_ids
from graph.frames import EVENT_SCHEMA, SEQUENCED_EVENT_SCHEMA
from graph.sqlite_store import SqliteGraphStore
from graph.store import GraphStore, SimilarRow
from tests.graph.neo4j.database import empty_store

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("ILK_TEST_DATA", ROOT.parent / "shared" / "data")) / "amazon23-electronics"


def main() -> int:
    """Run all; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the reviews as parquet")
    parser.add_argument("--edges", type=int, default=1_000_000, help="edges to export (the data, repeated)")
    parser.add_argument("--batch", type=int, default=5_000, help="events per apply")
    options = parser.parse_args()
    print_machine()
    if not os.environ.get("ILK_GRAPH__URL", "").startswith(("bolt", "neo4j")):
        print("no server: make neo4j && . .neo4j/env")
        return 0
    events = read_events(options.data)
    with tempfile.TemporaryDirectory() as folder:
        stores: dict[str, GraphStore] = {
            "neo4j": empty_store(keep_review_texts=False, grace_seconds=1.0),
            "sqlite": SqliteGraphStore(Path(folder) / "graph.sqlite"),
        }
        seconds = {
            name: measure(store, events, options.edges, options.batch) for name, store in stores.items()
        }
        for store in stores.values():
            store.close()
    for task in seconds["neo4j"]:
        neo4j, sqlite = seconds["neo4j"][task], seconds["sqlite"][task]
        print(f"{task}: neo4j takes {np.median(neo4j) / np.median(sqlite):.1f} x sqlite's median")
    return 0


def measure(store: GraphStore, events: pl.DataFrame, edges: int, batch: int) -> dict[str, list[float]]:
    """Seconds of each call, by task."""
    store.ensure_schema()
    health = store.health()
    print(f"== {health.backend} {health.version}")
    found = {"apply, cold": apply_all(store, events, batch)}
    report("apply, cold", found["apply, cold"], events.height)
    # a server that was just started is still compiling its own code: what lasts is the second pass
    found["apply"] = apply_all(store, shifted(events, store.applied_seq()), batch)
    report("apply", found["apply"], events.height)
    fill(store, events, edges)
    total = store.stats().events
    found["export"] = [timed(lambda: sum(len(block.seq) for block in store.export())) for _ in range(5)]
    report("export", found["export"], total)
    rows = similar_rows(store.node_keys("item").ids)
    found["replace_similar"] = [timed(lambda: store.replace_similar("r", rows)) for _ in range(3)]
    report("replace_similar", found["replace_similar"], len(rows))
    return found


def apply_all(store: GraphStore, events: pl.DataFrame, batch: int) -> list[float]:
    """Apply everything in batches; seconds of each."""
    parts = events.iter_slices(batch)
    return [timed(lambda part=part: store.apply(part, part["seq"][-1])) for part in parts]  # type: ignore[misc]


def fill(store: GraphStore, events: pl.DataFrame, edges: int) -> None:
    """Repeat the events, renumbered, until the store holds so many edges."""
    while (have := store.stats().events) < edges:
        more = shifted(events.head(edges - have), store.applied_seq())
        for part in more.iter_slices(50_000):
            store.apply(part, int(part["seq"][-1]))


def shifted(events: pl.DataFrame, shift: int) -> pl.DataFrame:
    """The same events as new ones."""
    return events.with_columns(
        pl.col("seq") + shift, (pl.lit(f"{shift}:") + pl.col("event_id")).alias("event_id")
    )


def similar_rows(item_ids: list[str], items: int = 10_000, k: int = 20) -> list[SimilarRow]:
    """k neighbours of each of the first items."""
    ids = item_ids[:items]
    return [
        SimilarRow(one, ids[(n + 7 * rank) % len(ids)], rank, 1 / rank)
        for n, one in enumerate(ids)
        for rank in range(1, k + 1)
    ]


def read_events(folder: Path) -> pl.DataFrame:
    """The reviews as sequenced events, in the order of time."""
    raw = pl.concat([pl.read_parquet(path) for path in sorted(folder.glob("t*.parquet"))])
    raw = pl.concat([raw, pl.read_parquet(folder / "val.parquet").select(raw.columns)]).sort("timestamp")
    given = raw.select(
        pl.col("user_id").cast(pl.String),
        pl.lit(False).alias("anonymous"),
        pl.col("item_id").cast(pl.String),
        pl.lit("review").alias("event_type"),
        (pl.col("timestamp").cast(pl.Int64) * 1000).alias("at"),
        pl.col("rating").cast(pl.Float32),
    )
    absent = {name: kind for name, kind in EVENT_SCHEMA.items() if name not in (*given.columns, "event_id")}
    events = given.with_columns(pl.lit(None, kind).alias(name) for name, kind in absent.items())
    named = events.with_columns(event_ids(events)).unique("event_id", maintain_order=True)
    numbers = pl.Series("seq", np.arange(1, named.height + 1))
    return named.select(list(EVENT_SCHEMA)).insert_column(0, numbers).select(list(SEQUENCED_EVENT_SCHEMA))


def timed(work: Callable[[], object]) -> float:
    """Seconds that one call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def report(task: str, seconds: list[float], rows: int) -> None:
    """One line: median, 95th percentile, rows per second of the whole."""
    calls = rows if task.startswith("apply") else rows * len(seconds)
    print(
        f"{task:16} median {np.median(seconds):7.3f} s   p95 {np.quantile(seconds, 0.95):7.3f} s   "
        f"{calls / sum(seconds):10,.0f} rows/s   ({len(seconds)} calls, {rows:,} rows)"
    )


def print_machine() -> None:
    """Where and what was measured."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False, cwd=ROOT
    ).stdout.strip()
    load = os.getloadavg()[0]
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {load:.1f}, commit {commit or 'unknown'}")


if __name__ == "__main__":
    sys.exit(main())
