"""Bounded questions about surroundings, answered by the SQLite graph inside a read transaction."""

from typing import Any

import apsw

from graph.errors import NotFound
from graph.event_type import RELATIONS
from graph.store import EvidencePath, NodeKind, SharedEvidence
from graph.view import CHILD_OF, IN_CATEGORY, SIMILAR_TO, Link, Node

_KEY_OF = {
    "user": "SELECT user_id FROM users WHERE idx = ?",
    "item": "SELECT item_id FROM items WHERE idx = ?",
    "category": "SELECT path FROM categories WHERE idx = ?",
}
_INDEX_OF = {
    # a session is shown under its own id, and is found by it where no user has the same one
    "user": "SELECT idx FROM users WHERE user_id = ? ORDER BY anonymous LIMIT 1",
    "item": "SELECT idx FROM items WHERE item_id = ?",
    "category": "SELECT idx FROM categories WHERE path = ?",
}


def index_of(connection: apsw.Connection, kind: NodeKind, key: str) -> int:
    """Index of a node. Raises `NotFound`."""
    index = connection.execute(_INDEX_OF[kind], (key,)).get
    if index is None:
        raise NotFound(f"{kind} {key!r} is not in the graph")
    return int(index)


def known_user(connection: apsw.Connection, user_id: str) -> int:
    """Index of a user who is no session. Raises `NotFound`."""
    index = connection.execute("SELECT idx FROM users WHERE user_id = ? AND NOT anonymous", (user_id,)).get
    if index is None:
        raise NotFound(f"user {user_id!r} is not in the graph")
    return int(index)


def user_history(connection: apsw.Connection, user_id: str, limit: int) -> list[tuple[str, int]]:
    """See `GraphStore.user_history`."""
    newest: dict[str, int] = {}
    # read lazily: a busy user's history ends after the first few of many events
    rows: Any = connection.execute(_EVENTS_OF_USER, (known_user(connection, user_id),))
    while len(newest) < limit and (row := next(rows, None)):
        newest.setdefault(*row)
    rows.close()
    return list(newest.items())


_EVENTS_OF_USER = """
    SELECT i.item_id, e.at FROM edges e INDEXED BY edges_by_user CROSS JOIN items i ON i.idx = e.item
    WHERE e.user = ? ORDER BY e.at DESC, e.seq DESC"""


class SqliteLinks:
    """`graph.view.Links` of the SQLite graph."""

    def __init__(self, connection: apsw.Connection) -> None:
        """Read within this connection's transaction."""
        self._connection = connection

    def key_of(self, node: Node) -> str:
        """External id of a node."""
        return str(self._connection.execute(_KEY_OF[node[0]], (node[1],)).get)

    def links(self, node: Node, limit: int) -> list[Link]:
        """At most `limit` links of a node, in the order that `graph.view.Links` asks for."""
        kind, index = node
        if kind == "user":
            return self._events("user", index, limit)
        if kind == "category":
            return self._of_category(index, limit)
        found = self._of_item(index, limit)
        return found + self._events("item", index, limit - len(found))

    def _events(self, kind: NodeKind, index: int, limit: int) -> list[Link]:
        if kind == "user":
            query = "SELECT user, item, relation FROM edges WHERE user = ? ORDER BY at DESC, seq DESC LIMIT ?"
        else:
            query = "SELECT user, item, relation FROM edges WHERE item = ? ORDER BY at DESC, seq DESC LIMIT ?"
        rows = self._connection.execute(query, (index, limit))
        return [(("user", user), ("item", item), RELATIONS[relation].value) for user, item, relation in rows]

    def _of_item(self, index: int, limit: int) -> list[Link]:
        query = "SELECT category FROM item_category WHERE item = ? ORDER BY category LIMIT ?"
        found: list[Link] = [
            (("item", index), ("category", other), IN_CATEGORY)
            for (other,) in self._connection.execute(query, (index, limit))
        ]
        query = "SELECT neighbour FROM item_similar WHERE item = ? ORDER BY rank, neighbour LIMIT ?"
        return found + [
            (("item", index), ("item", other), SIMILAR_TO)
            for (other,) in self._connection.execute(query, (index, limit - len(found)))
        ]

    def _of_category(self, index: int, limit: int) -> list[Link]:
        execute = self._connection.execute
        above: list[Any] = execute(
            "SELECT parent FROM categories WHERE idx = ? AND parent >= 0", (index,)
        ).fetchall()
        found: list[Link] = [(("category", index), ("category", other), CHILD_OF) for (other,) in above][
            :limit
        ]
        query = "SELECT idx FROM categories WHERE parent = ? ORDER BY idx LIMIT ?"
        below: list[Any] = execute(query, (index, limit - len(found))).fetchall()
        found += [(("category", other), ("category", index), CHILD_OF) for (other,) in below]
        query = "SELECT item FROM item_category WHERE category = ? ORDER BY item DESC LIMIT ?"
        members: list[Any] = execute(query, (index, limit - len(found))).fetchall()
        return found + [(("item", other), ("category", index), IN_CATEGORY) for (other,) in members]


def evidence_paths(connection: apsw.Connection, item_a: str, item_b: str, limit: int) -> list[EvidencePath]:
    """See `GraphStore.paths`: shared categories by number, then shared users, the newest pair first; of a
    user's several events with an item the newest one counts."""
    pair = (index_of(connection, "item", item_a), index_of(connection, "item", item_b))
    shared = """SELECT c.path FROM item_category a JOIN item_category b USING (category)
                JOIN categories c ON c.idx = category WHERE a.item = ? AND b.item = ?
                ORDER BY c.idx LIMIT ?"""
    found = [
        EvidencePath("category", path, IN_CATEGORY, IN_CATEGORY)
        for (path,) in connection.execute(shared, (*pair, limit))
    ]
    rows = connection.execute(_SHARED_USERS, (*pair, limit - len(found)))
    return found + [
        EvidencePath("user", user_id, RELATIONS[relation_a].value, RELATIONS[relation_b].value)
        for user_id, relation_a, relation_b in rows
    ]


_SHARED_USERS = """
    WITH shared AS MATERIALIZED (
      SELECT user FROM edges WHERE item = ?1 INTERSECT SELECT user FROM edges WHERE item = ?2
    ), newest AS MATERIALIZED (
      SELECT item, user, relation, at FROM (
        SELECT item, user, relation, at,
               row_number() OVER (PARTITION BY item, user ORDER BY at DESC, seq DESC) AS nth
        FROM edges WHERE item IN (?1, ?2) AND user IN shared
      ) WHERE nth = 1
    )
    SELECT u.user_id, a.relation, b.relation
    FROM newest a JOIN newest b ON b.user = a.user AND b.item = ?2 JOIN users u ON u.idx = a.user
    WHERE a.item = ?1 ORDER BY max(a.at, b.at) DESC, u.idx LIMIT ?3"""


def shared_evidence(connection: apsw.Connection, item_a: str, item_b: str) -> SharedEvidence:
    """See `GraphStore.evidence`."""
    pair = (index_of(connection, "item", item_a), index_of(connection, "item", item_b))
    shared: list[Any] = connection.execute(_SHARED_COUNTS, pair).fetchall()
    paths: list[Any] = connection.execute(
        """SELECT c.path FROM item_category a JOIN item_category b USING (category)
           JOIN categories c ON c.idx = category WHERE a.item = ? AND b.item = ? ORDER BY c.idx""",
        pair,
    ).fetchall()
    counts = {relation: users for relation, users in shared if relation is not None}
    total = next((users for relation, users in shared if relation is None), 0)
    by_relation = {RELATIONS[relation].value: counts[relation] for relation in sorted(counts)}
    return SharedEvidence(total, by_relation, tuple(path for (path,) in paths))


_SHARED_COUNTS = """
    WITH mine AS MATERIALIZED (
      SELECT DISTINCT user, relation FROM edges
      WHERE item = ?1 AND weight * (1 - refunded / ifnull(quantity, 1)) > 0
    ), theirs AS MATERIALIZED (
      SELECT DISTINCT user, relation FROM edges
      WHERE item = ?2 AND weight * (1 - refunded / ifnull(quantity, 1)) > 0
    )
    SELECT relation, count(*) FROM (SELECT * FROM mine INTERSECT SELECT * FROM theirs) GROUP BY relation
    UNION ALL
    SELECT NULL, count(*) FROM (SELECT user FROM mine INTERSECT SELECT user FROM theirs)"""
