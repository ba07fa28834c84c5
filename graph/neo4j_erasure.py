"""Deleting items and erasing users of the Neo4j graph, inside the caller's transaction."""

from typing import TYPE_CHECKING, Literal

from graph.errors import NotFound
from graph.event_type import RELATIONS
from graph.neo4j_queries import cypher
from graph.neo4j_state import StoreState
from graph.store import ErasureReceipt

if TYPE_CHECKING:
    from neo4j import ManagedTransaction

REMAINS = "neo4j: transaction logs and backups, until the server rotates them"
"""What no statement can reach; docs/neo4j.md says how to shorten it."""


def delete_item(tx: "ManagedTransaction", state: StoreState, item_id: str) -> None:
    """See `GraphStore.delete_item`; the id stays, as `DeletedItem`, so that later events are ignored."""
    _delete(tx, state, "item", item_id)
    state.item_holes += 1


def delete_user(tx: "ManagedTransaction", state: StoreState, user_id: str) -> ErasureReceipt:
    """See `GraphStore.delete_user`."""
    places = _delete(tx, state, "user", user_id)
    state.user_holes += 1
    return ErasureReceipt(user_id, places["graph.edges"], {**places, "graph.users": 1, REMAINS: 0})


def _delete(
    tx: "ManagedTransaction", state: StoreState, kind: Literal["user", "item"], key: str
) -> dict[str, int]:
    """Remove a node with all that hangs on it; rows removed by place. Raises `NotFound`."""
    counts = list(tx.run(cypher(f"{kind}_edge_counts"), key=key))
    if not counts:
        raise NotFound(f"{kind} {key!r} is not in the graph")
    edges = reviews = 0
    for record in counts:
        if record["relation"] is not None:
            state.edges[RELATIONS.index(record["relation"])] -= record["edges"]
            edges += record["edges"]
            reviews += record["reviews"]
    index = counts[0]["index"]
    refunds = tx.run(cypher(f"{kind}_refunds_delete"), index=index).single(strict=True)["refunds"]
    state.refunds -= refunds
    tx.run(cypher(f"{kind}_delete"), key=key).consume()
    return {"graph.edges": edges, "graph.reviews": reviews, "graph.refunds": refunds}
