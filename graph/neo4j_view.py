"""Bounded questions about surroundings, answered by the Neo4j graph inside a read transaction."""

from typing import TYPE_CHECKING

from graph.errors import NotFound
from graph.event_type import RELATIONS
from graph.neo4j_queries import cypher
from graph.store import EvidencePath, NodeKind, SharedEvidence
from graph.view import IN_CATEGORY, Link, Node

if TYPE_CHECKING:
    from neo4j import ManagedTransaction

_ALL = 2**31 - 1
"""As a limit: none."""

_NAMES: dict[NodeKind, str] = {"user": "users_names", "item": "items_names", "category": "categories_names"}

_VIEWS: dict[NodeKind, list[tuple[str, NodeKind, bool]]] = {
    "user": [("view_user", "item", True)],
    "item": [
        ("view_item_categories", "category", True),
        ("view_item_similar", "item", True),
        ("view_item_events", "user", False),
    ],
    "category": [
        ("view_category_parent", "category", True),
        ("view_category_children", "category", False),
        ("view_category_items", "item", False),
    ],
}
"""Kind -> (query, kind of the other end, whether the link leads away), in the order of `graph.view.Links`."""


def index_of(tx: "ManagedTransaction", kind: NodeKind, key: str) -> int:
    """Index of a node. Raises `NotFound`."""
    record = tx.run(cypher(f"{kind}_by_key"), key=key).single()
    if record is None:
        raise NotFound(f"{kind} {key!r} is not in the graph")
    return int(record["index"])


def known_user(tx: "ManagedTransaction", user_id: str) -> int:
    """Index of a user who is no session. Raises `NotFound`."""
    record = tx.run(cypher("user_index"), key=user_id).single()
    if record is None:
        raise NotFound(f"user {user_id!r} is not in the graph")
    return int(record["index"])


def user_history(tx: "ManagedTransaction", user_id: str, limit: int) -> list[tuple[str, int]]:
    """See `GraphStore.user_history`."""
    known_user(tx, user_id)
    found = tx.run(cypher("user_history"), key=user_id, limit=limit)
    return [(record["item"], record["at"]) for record in found]


class Neo4jLinks:
    """`graph.view.Links` of the Neo4j graph."""

    def __init__(self, tx: "ManagedTransaction", similar_batch: int) -> None:
        """Read within this transaction; `similar_batch` says which SIMILAR_TO edges are valid."""
        self._tx = tx
        self._batch = similar_batch

    def key_of(self, node: Node) -> str:
        """External id of a node; "" where it was erased meanwhile."""
        record = self._tx.run(cypher(_NAMES[node[0]]), index=[node[1]]).single()
        return "" if record is None else str(record["key"])

    def links(self, node: Node, limit: int) -> list[Link]:
        """At most `limit` links of a node, in the order that `graph.view.Links` asks for."""
        kind, index = node
        found: list[Link] = []
        for name, other_kind, leads_away in _VIEWS[kind]:
            left = limit - len(found)
            if left <= 0:
                break
            for record in self._tx.run(cypher(name), index=index, limit=left, batch=self._batch):
                other: Node = (other_kind, record["other"])
                ends = (node, other) if leads_away else (other, node)
                found.append((*ends, record["relation"]))
        return found


def evidence_paths(tx: "ManagedTransaction", item_a: str, item_b: str, limit: int) -> list[EvidencePath]:
    """See `GraphStore.paths`: shared categories by number, then shared users, the newest pair first."""
    for item in (item_a, item_b):
        index_of(tx, "item", item)
    shared = tx.run(cypher("paths_categories"), a=item_a, b=item_b, limit=limit)
    found = [EvidencePath("category", record["via"], IN_CATEGORY, IN_CATEGORY) for record in shared]
    users = tx.run(cypher("paths_users"), a=item_a, b=item_b, limit=limit - len(found))
    return found + [
        EvidencePath("user", record["via"], record["relationA"], record["relationB"]) for record in users
    ]


def shared_evidence(tx: "ManagedTransaction", item_a: str, item_b: str) -> SharedEvidence:
    """See `GraphStore.evidence`."""
    for item in (item_a, item_b):
        index_of(tx, "item", item)
    counted = tx.run(cypher("evidence_users"), a=item_a, b=item_b).single(strict=True)
    categories = tx.run(cypher("paths_categories"), a=item_a, b=item_b, limit=_ALL)
    return SharedEvidence(
        counted["users"],
        {relation.value: counted[relation.value] for relation in RELATIONS if counted[relation.value]},
        tuple(record["via"] for record in categories),
    )
