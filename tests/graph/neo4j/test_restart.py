"""The server goes away in the middle of a load: nothing is lost, nothing counts twice."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from graph.neo4j_connection import READ_RETRY_SECONDS, Neo4jConnection
from graph.neo4j_schema import create_schema
from graph.neo4j_state import LockedWrite
from graph.neo4j_store import Neo4jGraphStore
from graph.sqlite_store import SqliteGraphStore
from graph.store import ApplyResult
from tests.graph.events import edges, event, sequenced
from tests.graph.neo4j.own_server import OwnServer

pytestmark = [pytest.mark.neo4j, pytest.mark.slow]

ROWS = 500
BATCHES = 60


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServer]:
    made = OwnServer(tmp_path_factory.mktemp("neo4j"))
    yield made
    made.stop()


def batches() -> list[pl.DataFrame]:
    """Purchases and refunds of 200 users and 300 items."""
    rng = np.random.default_rng(7)
    kinds = np.array(["view_item", "purchase", "purchase", "refund", "review"])
    total = ROWS * BATCHES
    columns = zip(
        rng.integers(0, 200, total), rng.integers(0, 300, total), rng.choice(kinds, total), strict=True
    )
    rows = [
        event(str(n), f"u{user}", f"i{item}", str(kind), at=n) for n, (user, item, kind) in enumerate(columns)
    ]
    frame = sequenced(*rows)
    return list(frame.iter_slices(ROWS))


@pytest.mark.parametrize("way", ["kill", "stop"])
def test_a_load_goes_on_by_itself(server: OwnServer, tmp_path: Path, way: str) -> None:
    store = Neo4jGraphStore(server.address, keep_review_texts=True)
    store.ensure_schema()
    first = store.applied_seq()
    todo = [part.with_columns(pl.col("seq") + first, pl.col("event_id") + way) for part in batches()]
    results: list[ApplyResult] = []
    load = threading.Thread(target=lambda: results.extend(store.apply(one, one["seq"][-1]) for one in todo))
    before = store.stats().events
    load.start()
    while store.applied_seq() - first < ROWS * BATCHES // 4:
        time.sleep(0.05)
    getattr(server, way)()
    assert load.is_alive()
    time.sleep(2.0)
    server.start()
    load.join(timeout=300)
    assert not load.is_alive()
    model = SqliteGraphStore(tmp_path / "model.sqlite")
    model.ensure_schema()
    expected = [model.apply(one, one["seq"][-1]) for one in todo]
    assert [one.inserted for one in results] == [one.inserted for one in expected]
    assert [one.duplicates for one in results] == [0] * BATCHES
    assert store.stats().events - before == model.stats().events
    mine, theirs = edges(store, since=first), edges(model, since=first)
    assert mine["seq"].tolist() == theirs["seq"].tolist()
    np.testing.assert_array_equal(mine["at"], theirs["at"])
    if before == 0:
        np.testing.assert_array_equal(mine["weight"], theirs["weight"])
        np.testing.assert_array_equal(mine["item"], theirs["item"])
    store.close()


def test_a_patient_read_outlasts_a_restart(server: OwnServer) -> None:
    """As those of `ilk copy` and `ilk refresh`; others give up after `READ_RETRY_SECONDS`."""
    store = Neo4jGraphStore(server.address, read_retry_seconds=120.0)
    store.ensure_schema()
    before, read = store.applied_seq(), list[int]()
    server.kill()
    reading = threading.Thread(target=lambda: read.append(store.applied_seq()))
    reading.start()
    reading.join(timeout=READ_RETRY_SECONDS + 3.0)
    assert reading.is_alive()
    server.start()
    reading.join(timeout=60)
    assert read == [before]
    store.close()


def test_an_answer_that_got_lost_is_given_again(server: OwnServer) -> None:
    """The commit went through, its confirmation did not: the second attempt answers as the first one."""
    connection = Neo4jConnection(server.address)
    create_schema(connection)
    calls: list[int] = []

    def work(_tx: object, _state: object) -> int:
        calls.append(1)
        return len(calls)

    write: LockedWrite[int] = LockedWrite(work)
    assert [connection.write(write), connection.write(write)] == [1, 1]
    assert len(calls) == 1
    connection.close()
