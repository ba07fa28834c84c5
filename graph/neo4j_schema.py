"""Constraints, indexes and the store's own node, made idempotently."""

import re
from typing import TYPE_CHECKING

from graph.neo4j_connection import Neo4jConnection
from graph.neo4j_queries import cypher, statements
from graph.neo4j_state import SCHEMA_VERSION, check_schema_version

if TYPE_CHECKING:
    from neo4j import ManagedTransaction

_NAME = re.compile(r"^CREATE (?:CONSTRAINT|INDEX) (\w+) ", re.MULTILINE)


def create_schema(connection: Neo4jConnection) -> None:
    """Make what is missing, constraints before data. Raises `SchemaMismatch` on another version's graph."""
    connection.read(_check_version)
    present = connection.read(_names)
    missing = [one for one in statements("schema") if _name(one) not in present]
    for statement in missing:
        connection.auto_commit(statement)
    if missing:
        connection.auto_commit(cypher("await_indexes"))
    connection.write(_create_state)


def _name(statement: str) -> str:
    found = _NAME.search(statement)
    assert found is not None
    return found[1]


def _names(tx: "ManagedTransaction") -> set[str]:
    return set(tx.run(cypher("schema_names")).single(strict=True)["names"])


def _check_version(tx: "ManagedTransaction") -> None:
    record = tx.run(cypher("store_read")).single()
    if record is not None:
        check_schema_version(record["store"]["schemaVersion"])


def _create_state(tx: "ManagedTransaction") -> None:
    record = tx.run(cypher("store_create"), schemaVersion=SCHEMA_VERSION).single(strict=True)
    check_schema_version(record["schemaVersion"])
