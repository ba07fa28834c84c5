"""Several processes open one empty database at once: each finds the whole schema, none gives up."""

import threading

import pytest

from graph.errors import GraphError
from graph.neo4j_connection import Neo4jConnection
from graph.neo4j_schema import create_schema
from tests.graph.neo4j.conftest import Cypher
from tests.graph.neo4j.database import address, wipe

OPENING = 4


@pytest.mark.neo4j
def test_several_may_open_an_empty_database_at_once(cypher: Cypher) -> None:
    """Before, three of four ended in `DeadlockDetected` or `EquivalentSchemaRuleAlreadyExists`."""
    to = address()
    wipe(to)
    for record in cypher("SHOW CONSTRAINTS YIELD name"):
        cypher(f"DROP CONSTRAINT {record['name']}")
    for record in cypher("SHOW INDEXES YIELD name, type WHERE type <> 'LOOKUP'"):
        cypher(f"DROP INDEX {record['name']}")
    failures: list[GraphError] = []
    together = threading.Barrier(OPENING)

    def open_it() -> None:
        connection = Neo4jConnection(to)
        try:
            connection.read(lambda tx: tx.run("RETURN 1").consume())
            together.wait()
            create_schema(connection, "one home", beside_others=True)  # the tests' marker is somebody else's
        except GraphError as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=open_it) for _ in range(OPENING)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    (state,) = cypher("MATCH (s:IlkStore) RETURN count(s) AS stores, collect(s.home) AS homes")
    assert (state["stores"], state["homes"]) == (1, ["one home"])
    (found,) = cypher("SHOW CONSTRAINTS YIELD name WHERE name = 'reviewed_event_id' RETURN count(*) AS there")
    assert found["there"] == 1
