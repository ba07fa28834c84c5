"""The whole path with a real Neo4j: load, refresh, write-back, serve, an edge written by somebody else."""

import json
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import Run
from tests.e2e.test_serving import Server
from tests.graph.neo4j.database import address, driver, wipe

pytestmark = pytest.mark.neo4j

SOMEBODY_ELSES = """
MATCH (u:User {userId: $user}), (i:Item {itemId: $item})
CREATE (u)-[:PURCHASED {at: $at}]->(i)
"""


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
            others.execute_query(
                SOMEBODY_ELSES,
                user="shopper-0001",
                item="S0000",
                at=time.time_ns() // 1000,
                database_=to.database,
            )
            deadline = time.monotonic() + 30
            while server.client.get("/v1/status").json()["applied_sequence"] <= before:
                assert time.monotonic() < deadline, "the edge was not adopted"
                time.sleep(0.2)
            assert server.client.get("/v1/items/S0000/similar").status_code == 200
        finally:
            assert server.stop() == 0
