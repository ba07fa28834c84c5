"""What only the SQLite store promises: its file, its processes, its weights, its speed."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import apsw
import numpy as np
import polars as pl
import pytest

from graph.errors import SchemaMismatch, StoreConflict, StoreUnavailable
from graph.event_type import EventType
from graph.frames import SEQUENCED_EVENT_SCHEMA
from graph.sqlite_log import SqliteLog
from graph.sqlite_store import SqliteGraphStore
from graph.store import SimilarRow
from tests.graph.events import apply, catalogue, edges, event, sequenced


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store lies."""
    return tmp_path / "graph.sqlite"


@pytest.fixture
def graph(path: Path) -> Iterator[SqliteGraphStore]:
    """An empty store."""
    made = SqliteGraphStore(path)
    made.ensure_schema()
    yield made
    made.close()


def test_weights_are_a_setting(path: Path) -> None:
    store = SqliteGraphStore(path, weights={EventType.PURCHASE: 5.0, EventType.VIEW_ITEM: 0.0})
    store.ensure_schema()
    apply(store, event("1"), event("2", kind="purchase", quantity=4.0), event("3", kind="review"))
    apply(store, event("r", kind="refund", quantity=1.0))
    assert edges(store)["weight"].tolist() == [0.0, 3.75, 1.0]
    store.close()


def test_everything_is_there_after_reopening(graph: SqliteGraphStore, path: Path) -> None:
    graph.upsert_items(catalogue("i", categories=("X",)))
    apply(graph, event("1", kind="review", review_text="t"))
    graph.close()
    again = SqliteGraphStore(path)
    again.ensure_schema()
    assert again.stats().events == 1
    assert again.review_texts()["review_text"].to_list() == ["t"]
    again.close()


def test_another_process_file_kinds_are_not_mixed_up(path: Path) -> None:
    SqliteLog(path).close()
    with pytest.raises(SchemaMismatch, match="another program's database"):
        SqliteGraphStore(path).ensure_schema()


def test_another_version_is_refused(graph: SqliteGraphStore, path: Path) -> None:
    graph.close()
    connection = apsw.Connection(str(path))
    connection.pragma("user_version", 99)
    connection.close()
    with pytest.raises(SchemaMismatch, match="schema version 99, this program needs 2; a newer Ilk"):
        SqliteGraphStore(path).applied_seq()


def test_a_graph_of_the_first_version_is_upgraded_by_whoever_opens_it(path: Path) -> None:
    graph = SqliteGraphStore(path)
    graph.ensure_schema()
    apply(graph, event("1", kind="review", review_text="old"))
    graph.close()
    connection = apsw.Connection(str(path))
    connection.execute("ALTER TABLE reviews DROP COLUMN helpful")
    connection.pragma("user_version", 1)
    connection.close()
    reader, writer = SqliteGraphStore(path), SqliteGraphStore(path)
    assert reader.review_texts()["helpful"].to_list() == [None]
    apply(writer, event("2", "v", kind="review", review_text="new", helpful=7))
    assert reader.review_texts().select("review_text", "helpful").rows() == [("old", None), ("new", 7)]
    reader.close()
    writer.close()


def test_health_says_what_is_wrong(graph: SqliteGraphStore, path: Path) -> None:
    assert graph.health().detail == "applied_seq 0"
    graph.close()
    graph.close()
    assert (graph.health().ok, "closed" in graph.health().detail) == (False, True)
    missing = SqliteGraphStore(path.parent / "none" / "graph.sqlite").health()
    assert (missing.ok, missing.backend, "cannot be opened" in missing.detail) == (False, "sqlite", True)


def test_writers_wait_and_readers_do_not(graph: SqliteGraphStore, path: Path) -> None:
    apply(graph, event("1"))
    holder = apsw.Connection(str(path))
    holder.execute("BEGIN IMMEDIATE")
    hasty = SqliteGraphStore(path, busy_seconds=0.05)
    assert hasty.stats().events == 1
    with pytest.raises(StoreConflict):
        apply(hasty, event("2"))
    holder.execute("ROLLBACK")
    holder.close()
    assert apply(hasty, event("2")).inserted == 1
    hasty.close()


def test_an_export_shows_one_state_while_others_write(graph: SqliteGraphStore, path: Path) -> None:
    apply(graph, *(event(str(number), kind="purchase") for number in range(6)))
    blocks = graph.export(block_rows=2)
    first = next(blocks)
    apply(graph, event("r", kind="refund"), event("7"))
    graph.delete_item("i")  # cannot empty the write-ahead log yet: the export still reads it
    rest = list(blocks)
    assert [one.seq.tolist() for one in (first, *rest)] == [[1, 2], [3, 4], [5, 6]]
    assert all(one.weight.tolist() == [1.0, 1.0] for one in rest)
    assert edges(graph)["seq"].tolist() == []
    graph.upsert_categories(["X"])
    assert (path.parent / "graph.sqlite-wal").stat().st_size == 0


def test_a_failed_batch_changes_nothing(graph: SqliteGraphStore) -> None:
    batch = sequenced(event("1"), event("2")).with_columns(event_type=pl.Series(["view_item", "stare"]))
    with pytest.raises(pl.exceptions.InvalidOperationError):
        graph.apply(batch, 2)
    assert graph.stats().users == graph.applied_seq() == 0
    assert apply(graph, event("1")).inserted == 1


def test_threads_share_one_store(graph: SqliteGraphStore) -> None:
    failures: list[BaseException] = []
    done = threading.Event()

    def read() -> None:
        try:
            while not done.is_set():
                stats = graph.stats()
                assert stats.events == stats.applied_seq
                assert len(edges(graph)["seq"]) >= stats.events
                time.sleep(0.002)
        except BaseException as error:
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(20):
        apply(graph, event(f"a{number}"), event(f"b{number}"))
        time.sleep(0.002)
    done.set()
    for reader in readers:
        reader.join()
    assert failures == []


def test_erased_bytes_leave_the_disk(graph: SqliteGraphStore, path: Path) -> None:
    apply(
        graph,
        *(
            event(f"order-{n}-of-somebody", "somebody", kind="review", review_text="confession")
            for n in range(50)
        ),
    )
    graph.upsert_items(catalogue("i", title="secret title"))
    receipt = graph.delete_user("somebody")
    assert receipt.places == {
        "graph.edges": 50, "graph.reviews": 50, "graph.event_ids": 50, "graph.refunds": 0, "graph.users": 1,
    }  # fmt: skip
    graph.delete_item("i")
    for file in path.parent.iterdir():
        for word in (b"somebody", b"confession", b"secret"):
            assert word not in file.read_bytes(), (file, word)


def test_similar_rows_of_both_versions_are_never_seen(graph: SqliteGraphStore) -> None:
    names = [f"i{number}" for number in range(20)]
    graph.upsert_items(catalogue(*names))
    graph.replace_similar("0", [SimilarRow("i0", one, 1, 1.0) for one in names[1:10]])
    seen: set[frozenset[str]] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            near = graph.neighbours([("item", "i0")], 1, 50)
            seen.add(frozenset(end[1] for _, end, _ in near.edges))

    reader = threading.Thread(target=read)
    reader.start()
    versions = [frozenset(names[1:10]), frozenset(names[10:])]
    for number in range(30):
        graph.replace_similar(str(number), [SimilarRow("i0", one, 1, 1.0) for one in versions[number % 2]])
    done.set()
    reader.join()
    assert seen <= set(versions)
    assert seen


def test_a_store_without_schema_says_so(path: Path) -> None:
    apsw.Connection(str(path)).close()
    path.touch()
    with pytest.raises(SchemaMismatch, match="no schema of ours"):
        SqliteGraphStore(path).stats()
    path.unlink()
    with pytest.raises(StoreUnavailable, match="cannot be opened"):
        SqliteGraphStore(path).stats()


@pytest.mark.slow
def test_a_million_edges_in_and_out(graph: SqliteGraphStore) -> None:
    rng = np.random.default_rng(0)
    count = 1_000_000
    events = pl.DataFrame(
        {
            "seq": np.arange(1, count + 1),
            "event_id": rng.permutation(count),
            "user_id": rng.integers(0, 50_000, count),
            "item_id": rng.zipf(1.3, count) % 20_000,
            "at": np.arange(count),
        }
    ).cast({"event_id": pl.String, "user_id": pl.String, "item_id": pl.String})
    events = pl.concat([sequenced(), events], how="diagonal").with_columns(
        anonymous=False, event_type=pl.lit("purchase")
    )
    start = time.process_time()
    for batch in events.select(list(SEQUENCED_EVENT_SCHEMA)).iter_slices(100_000):
        graph.apply(batch, int(batch["seq"][-1]))
    assert count / (time.process_time() - start) > 30_000
    start = time.process_time()
    sizes = [len(block.seq) for block in graph.export(block_rows=300_000)]
    assert time.process_time() - start < 5
    assert sizes == [300_000, 300_000, 300_000, 100_000]
