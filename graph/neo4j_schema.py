"""Constraints, indexes and the store's own node, made idempotently."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from graph.errors import GraphError
from graph.neo4j_connection import Neo4jConnection
from graph.neo4j_queries import cypher, statements
from graph.neo4j_state import SCHEMA_VERSION, check_schema_version

if TYPE_CHECKING:
    from neo4j import ManagedTransaction


class NotOurs(GraphError):
    """The database belongs to another shop or another program."""


_NAME = re.compile(r"^CREATE (?:CONSTRAINT|INDEX) (\w+) ", re.MULTILINE)


def create_schema(connection: Neo4jConnection, home: str = "", beside_others: bool = False) -> None:
    """Make what is missing, constraints before data. Raises `SchemaMismatch` on another version's graph.

    home: who the graph belongs to from its first moment on; "": anybody. beside_others: a graph may begin in
    a database that holds other things. Raises `NotOurs` on another home's graph and, without
    `beside_others`, on a database of somebody else; nothing was changed then.
    """
    if not connection.read(lambda tx: _is_there(tx, home)) and not beside_others:
        connection.read(_refuse_others)
    present = connection.read(_names)
    missing = [one for one in statements("schema") if _name(one) not in present]
    for statement in missing:
        connection.auto_commit(statement)
    if missing:
        connection.auto_commit(cypher("await_indexes"))
    connection.write(lambda tx: _create_state(tx, home))


def claim(connection: Neo4jConnection, home: str, last_seq: Callable[[], int]) -> None:
    """Have a graph of an older version, which does not say whose it is, say `home` from now on, unless it is
    ahead of the home's log: then it is another's, or the log is old.

    last_seq: of the home's log; asked after the graph, since both may grow. Raises `NotOurs` where another
    home was quicker.
    """
    state = connection.read(lambda tx: tx.run(cypher("store_read")).single(strict=True)["store"])
    if state.get("home") or state["appliedSeq"] > last_seq():
        return
    owner = connection.write(lambda tx: tx.run(cypher("store_claim"), home=home).single(strict=True)["home"])
    _refuse_another(owner, home)


def _name(statement: str) -> str:
    found = _NAME.search(statement)
    assert found is not None
    return found[1]


def _names(tx: "ManagedTransaction") -> set[str]:
    return set(tx.run(cypher("schema_names")).single(strict=True)["names"])


def _is_there(tx: "ManagedTransaction", home: str) -> bool:
    """Whether a graph has begun here, one that this home may use."""
    record = tx.run(cypher("store_read")).single()
    if record is None:
        return False
    check_schema_version(record["store"]["schemaVersion"])
    _refuse_another(record["store"].get("home"), home)
    return True


def _refuse_another(owner: str | None, home: str) -> None:
    """owner: None in graphs of older versions, which do not say."""
    if home and owner and owner != home:
        raise NotOurs(
            "the database holds the graph of another home: one shop, one database (set graph.database, or "
            "start another server); if it is this shop's after all: MATCH (s:IlkStore) REMOVE s.home"
        )


def _refuse_others(tx: "ManagedTransaction") -> None:
    found = tx.run(cypher("others_nodes")).single(strict=True)
    if found["nodes"]:
        raise NotOurs(
            f"the database holds nodes of somebody else ({', '.join(found['labels'])}): name an empty one "
            "(graph.database), or set graph.beside_others = true to begin a graph beside them"
        )


def _create_state(tx: "ManagedTransaction", home: str) -> None:
    sent = {"schemaVersion": SCHEMA_VERSION, "home": home or None}
    record = tx.run(cypher("store_create"), sent).single(strict=True)
    check_schema_version(record["schemaVersion"])
    # the node may be one that another home made since `_is_there` looked
    _refuse_another(record["home"], home)
