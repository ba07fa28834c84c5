"""The Neo4j server goes away while events are served live: none that was acknowledged is lost or doubled, and
neighbours are answered all the time."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from graph.sqlite_log import SqliteLog
from service.home import Home
from service.stores import closing_both
from tests.e2e.conftest import Run
from tests.e2e.live_load import LiveLoad
from tests.e2e.test_serving import Server
from tests.graph.neo4j.database import driver
from tests.graph.neo4j.own_server import OwnServer

pytestmark = [pytest.mark.neo4j, pytest.mark.slow, pytest.mark.timeout(1200)]

WAYS = ("kill", "stop")
SECONDS = 240.0


@pytest.fixture
def neo4j_server(tmp_path: Path) -> Iterator[OwnServer]:
    made = OwnServer(tmp_path / "neo4j")
    yield made
    made.stop()


def until(reached: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not reached():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def counted(server: Server, sequence: int) -> bool:
    """Whether an answer has an event counted in; while the graph is away there may be none."""
    answer = server.client.get("/v1/items/S0000/similar")
    return answer.status_code == 200 and bool(answer.json()["events_through"] >= sequence)


def last_known(server: Server) -> bool:
    """Whether items are shown as they were last known, as the graph is away."""
    return server.client.get("/v1/items/S0000/similar").json()["store_fallback"] is not None


def test_events_are_taken_while_the_graph_is_away_and_count_once(
    ilk: Run, small_shop: Path, tmp_path: Path, neo4j_server: OwnServer
) -> None:
    to = neo4j_server.address
    where = {"ILK_GRAPH__URL": to.url, "ILK_GRAPH__USER": to.user, "ILK_GRAPH__PASSWORD": to.password}
    home = Home(tmp_path / "home")
    for command in (("load", small_shop), ("refresh",)):
        done = ilk("--home", home.root, *command, environment=where)
        assert done.returncode == 0, done.stderr
    server = Server(home.root, environment={**where, "ILK_UPDATE__POLICY": "fold-in"})
    before = server.client.get("/v1/status").json()["sequence"]
    load = LiveLoad(str(server.client.base_url), [f"S{number:04}" for number in range(20)]).start()
    try:
        until(lambda: load.last() > 0 and counted(server, load.last()), "no event counts")
        for way in WAYS:
            getattr(neo4j_server, way)()
            away = load.last()
            until(lambda away=away: load.last() >= away + 20, "no event is taken")  # type: ignore[misc]
            answer = server.client.get("/v1/items/S0000/similar")
            assert answer.status_code == 200, answer.text
            assert answer.json()["results"]
            assert answer.json()["store_fallback"] is not None
            neo4j_server.start()
            until(lambda: not last_known(server), "items are still shown as they were last known")
            sent = load.last()
            until(lambda sent=sent: counted(server, sent), "events do not count again")  # type: ignore[misc]
    finally:
        load.stop()
        last = load.last()
        until(lambda: counted(server, last), "the last event does not count")
        assert server.stop() == 0
    assert not load.malformed
    log = SqliteLog(home.event_log)
    with closing_both(log):
        logged = log.read(before)
        assert dict(zip(logged["event_id"], logged["seq"], strict=True)) == load.acknowledged
    with driver(to) as others:
        rows = others.execute_query(
            "MATCH ()-[e:VIEWED]->() WHERE e.seq > $before RETURN e.eventId AS id, e.seq AS seq",
            before=before,
            database_=to.database,
        ).records
    assert Counter((row["id"], row["seq"]) for row in rows) == Counter(load.acknowledged.items())
