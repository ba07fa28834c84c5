"""The whole path with a real Neo4j: load, refresh, write-back, serve, an edge written by somebody else."""

import json
import time
from pathlib import Path
from typing import Any

import neo4j
import pytest

from tests.e2e.conftest import Run
from tests.e2e.test_serving import Server
from tests.graph.events import STRANGE_IDS
from tests.graph.neo4j.database import address, driver, wipe

pytestmark = pytest.mark.neo4j

SOMEBODY_ELSES = """
MATCH (u:User {userId: $user}), (i:Item {itemId: $item})
CREATE (u)-[:PURCHASED {at: $at}]->(i)
"""

WITHOUT_TIME = """
MATCH (u:User {userId: $user}), (i:Item {itemId: $item})
CREATE (u)-[:VIEWED]->(i)
"""
MALFORMED = "MATCH (i:Item {itemId: 'S0000'}) CREATE (:Nobody)-[:VIEWED]->(i)"


def test_the_graph_lives_in_neo4j(ilk: Run, small_shop: Path, tmp_path: Path) -> None:
    to = address()
    wipe(to)
    where = {"ILK_GRAPH__URL": to.url, "ILK_GRAPH__USER": to.user, "ILK_GRAPH__PASSWORD": to.password}
    home = tmp_path / "home"
    loaded = json.loads(ilk("--home", home, "load", small_shop, "--json", "-", environment=where).stdout)
    refreshed = json.loads(ilk("--home", home, "refresh", "--json", "-", environment=where).stdout)
    assert refreshed["published"]
    assert refreshed["stages"][-1]["name"] == "write back"
    assert not (home / "graph.db").exists()
    with driver(to) as others:
        edges = others.execute_query(
            "MATCH (:Item)-[s:SIMILAR_TO {modelVersion: $version}]->(:Item) RETURN count(s) AS n",
            version=refreshed["release"],
            database_=to.database,
        ).records[0]["n"]
        assert edges == 10 * loaded["items"]["accepted"]
        told = others.execute_query(
            "MATCH (:Item {itemId: 'S0000'})-[s:SIMILAR_TO]->() RETURN s.score AS score, s.why AS why",
            database_=to.database,
        ).records
        for edge in told:
            parts = [float(part.rpartition(" ")[2]) for part in edge["why"].split(", ")]
            assert abs(sum(parts) - edge["score"]) < 0.05
        node = others.execute_query(
            "MATCH (r:Release {version: $version}) RETURN r",
            version=refreshed["release"],
            database_=to.database,
        ).records[0]["r"]
        assert node["eventsThrough"] == loaded["events"]["accepted"]
        assert node["coverage"] == refreshed["metrics"]["gate"]["coverage"]
        server = Server(home, environment=where)
        try:
            before = server.client.get("/v1/status").json()["sequence"]
            assert before == loaded["events"]["accepted"]
            for number, more in enumerate((SOMEBODY_ELSES, WITHOUT_TIME), 1):
                others.execute_query(
                    more,
                    user="shopper-0001",
                    item="S0000",
                    at=time.time_ns() // 1000,
                    database_=to.database,
                )
                answer = until_counted(server, before + number)
                assert answer["events_through"] >= before + number
            strange_ids_are_plain_data(server, others)
            others.execute_query(MALFORMED, database_=to.database)
            assert server.client.get("/v1/items/S0000/similar").status_code == 200
        finally:
            assert server.stop() == 0
    status = json.loads(ilk("--home", home, "status", "--json", "-", environment=where).stdout)
    assert (status["foreign"]["malformed"], status["foreign"]["waiting"]) == (1, 0)
    assert status["foreign"]["examples"][0]["relation"] == "VIEWED"
    assert "malformed 1" in ilk("--home", home, "status", environment=where).stdout
    assert status["events"] == before + 2 + len(STRANGE_IDS)


def strange_ids_are_plain_data(server: Server, others: neo4j.Driver) -> None:
    """Events with ids that have broken stores: taken, counted, found again; nothing else is changed."""
    count = "MATCH (n) WHERE n:Item OR n:User RETURN count(n) AS nodes"
    nodes = others.execute_query(count).records[0]["nodes"]
    events = [
        {"event_id": odd, "user_id": odd, "item_id": odd, "event_type": "purchase"} for odd in STRANGE_IDS
    ]
    told = server.client.post("/v1/events", json={"events": events}).json()
    assert [row["event_id"] for row in told["results"]] == list(STRANGE_IDS)
    assert {row["status"] for row in told["results"]} == {"accepted"}
    until_counted(server, told["sequence"])
    for odd in STRANGE_IDS:
        answer = server.client.get("/v1/similar", params={"item_id": odd})
        assert answer.status_code == 200, (odd, answer.text)
        assert answer.json()["item_id"] == odd
        shown = server.client.get("/v1/explain", params={"item_id": odd, "other": "S0000"})
        assert shown.status_code == 200, (odd, shown.text)
        edges = others.execute_query(
            "MATCH (:User {userId: $odd})-[e:PURCHASED {eventId: $odd}]->(:Item {itemId: $odd}) RETURN e",
            odd=odd,
        ).records
        assert len(edges) == 1, odd
    assert others.execute_query(count).records[0]["nodes"] == nodes + 2 * len(STRANGE_IDS)


def until_counted(server: Server, sequence: int) -> dict[str, Any]:
    """The first answer in which events up to a number count."""
    deadline = time.monotonic() + 60
    while True:
        answer = server.client.get("/v1/items/S0000/similar")
        assert answer.status_code == 200
        if answer.json()["events_through"] >= sequence:
            found: dict[str, Any] = answer.json()
            return found
        assert time.monotonic() < deadline, "the edge does not count"
        time.sleep(0.2)


@pytest.mark.slow
def test_the_demo_runs_on_it(ilk: Run, small_shop: Path, tmp_path: Path) -> None:
    to = address()
    wipe(to)
    where = {"ILK_GRAPH__URL": to.url, "ILK_GRAPH__USER": to.user, "ILK_GRAPH__PASSWORD": to.password}
    command = ("demo", "--store", "neo4j", "--data", small_shop, "--no-serve")
    done = ilk("--home", tmp_path / "home", *command, environment=where, timeout=600)
    assert done.returncode == 0, done.stderr
    assert "`ilk inspect open`" in done.stdout
    assert not (tmp_path / "home" / "graph.db").exists()
