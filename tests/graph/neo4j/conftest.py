"""A real, emptied Neo4j database; every test that asks for it is marked and skipped where there is none."""

from collections.abc import Callable, Iterator
from typing import Any

import neo4j
import pytest

from graph.neo4j_store import Neo4jGraphStore
from tests.graph.neo4j.database import address, driver, empty_store

Cypher = Callable[..., list[neo4j.Record]]


@pytest.fixture
def neo4j_store() -> Iterator[Neo4jGraphStore]:
    """An empty store on the test database, its schema ensured."""
    store = empty_store()
    store.ensure_schema()
    yield store
    store.close()


@pytest.fixture
def cypher() -> Iterator[Cypher]:
    """Runs a plain statement, as somebody else would; returns its records."""
    to = address()
    with driver(to) as connected:

        def run(statement: str, **parameters: Any) -> list[neo4j.Record]:
            return connected.execute_query(statement, parameters, database_=to.database).records

        yield run
