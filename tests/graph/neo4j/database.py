"""The real server that tests use: only a database that is empty or marked as theirs is touched."""

import os
import re
from functools import cache

import neo4j
import pytest

from graph.neo4j_connection import Neo4jAddress
from graph.neo4j_store import Neo4jGraphStore

MARKER = "IlkTestDatabase"
SKIP = "NO NEO4J: ILK_GRAPH__URL names no server; to run this test: make neo4j && . .neo4j/env"


def refusal(nodes: int, markers: int) -> str | None:
    """Why tests must not touch a database with so many nodes, so many of them the tests' marker."""
    if nodes == 0 or markers > 0:
        return None
    return f"REFUSED: the database holds {nodes} nodes and no :{MARKER}; tests would delete them"


def address() -> Neo4jAddress:
    """The database that the environment names; the test is skipped loudly where it names none."""
    url = os.environ.get("ILK_GRAPH__URL", "")
    if not re.match(r"(neo4j|bolt)(\+s|\+ssc)?://", url):
        pytest.skip(SKIP)
    return Neo4jAddress(
        url,
        os.environ.get("ILK_GRAPH__USER", "neo4j"),
        os.environ.get("ILK_GRAPH__PASSWORD", ""),
        os.environ.get("ILK_GRAPH__DATABASE", "neo4j"),
    )


def driver(to: Neo4jAddress) -> neo4j.Driver:
    """A driver for what tests do behind the store's back."""
    return neo4j.GraphDatabase.driver(
        to.url, auth=(to.user, to.password), notifications_min_severity="OFF", telemetry_disabled=True
    )


@cache
def _claim(to: Neo4jAddress) -> None:
    """Mark the database as the tests' own, or end the test run."""
    with driver(to) as connected:
        found = connected.execute_query(
            "MATCH (n) RETURN count(n) AS nodes, count(CASE WHEN n:IlkTestDatabase THEN 1 END) AS markers",
            database_=to.database,
        ).records[0]
        reason = refusal(found["nodes"], found["markers"])
        if reason:
            pytest.exit(reason, returncode=2)
        connected.execute_query("MERGE (:IlkTestDatabase {name: 'tests'})", database_=to.database)


def wipe(to: Neo4jAddress) -> None:
    """Empty the tests' database; constraints and indexes stay."""
    _claim(to)
    with driver(to) as connected, connected.session(database=to.database) as session:
        # edges first: a transaction that deletes nodes with all their edges may not fit into a small heap
        session.run("MATCH ()-[e]->() CALL (e) { DELETE e } IN TRANSACTIONS OF 10000 ROWS").consume()
        session.run(
            "MATCH (n) WHERE NOT n:IlkTestDatabase CALL (n) { DELETE n } IN TRANSACTIONS OF 10000 ROWS"
        ).consume()


def empty_store(**options: object) -> Neo4jGraphStore:
    """A store on the emptied test database, review texts kept in the graph, its schema not yet ensured."""
    to = address()
    wipe(to)
    settings = {"keep_review_texts": True, "grace_seconds": 0.0, **options}
    return Neo4jGraphStore(to, **settings)  # type: ignore[arg-type]  # options of the constructor
