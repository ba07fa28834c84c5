"""Deleting items and erasing users of the SQLite graph, inside the caller's transaction."""

import apsw

from graph.errors import NotFound
from graph.store import ErasureReceipt


def delete_item(connection: apsw.Connection, item_id: str) -> None:
    """See `GraphStore.delete_item`."""
    item = connection.execute("SELECT idx FROM items WHERE item_id = ?", (item_id,)).get
    if item is None:
        raise NotFound(f"item {item_id!r} is not in the graph")
    _delete_edges(connection, "item", item)
    for statement in (
        "DELETE FROM item_category WHERE item = ?",
        "DELETE FROM item_similar WHERE item = ?",
        "DELETE FROM item_similar WHERE neighbour = ?",
        """UPDATE items SET item_id = NULL, title = '', description = '', brand = '', categories = '[]',
           price = NULL, currency = '', availability = '', image_url = '', attributes = '{}' WHERE idx = ?""",
    ):
        connection.execute(statement, (item,))
    connection.execute("INSERT INTO deleted_items VALUES (?)", (item_id,))


def delete_user(connection: apsw.Connection, user_id: str) -> ErasureReceipt:
    """See `GraphStore.delete_user`."""
    look = "SELECT idx FROM users WHERE user_id = ? AND NOT anonymous"
    user = connection.execute(look, (user_id,)).get
    if user is None:
        raise NotFound(f"user {user_id!r} is not in the graph")
    removed = _delete_edges(connection, "user", user)
    connection.execute("UPDATE users SET user_id = NULL WHERE idx = ?", (user,))
    places = {f"graph.{table}": rows for table, rows in removed.items()} | {"graph.users": 1}
    return ErasureReceipt(user_id, removed["edges"], places)


_DELETE_EDGES = {
    "reviews": "DELETE FROM reviews WHERE seq IN (SELECT seq FROM edges WHERE {node} = ?)",
    "event_ids": """DELETE FROM event_ids WHERE event_id IN (
        SELECT event_id FROM edges WHERE {node} = ?1
        UNION ALL SELECT event_id FROM refunds WHERE {node} = ?1)""",
    "refunds": "DELETE FROM refunds WHERE {node} = ?",
    "edges": "DELETE FROM edges WHERE {node} = ?",
}


def _delete_edges(connection: apsw.Connection, node: str, index: int) -> dict[str, int]:
    """Remove all that hangs on a node (`user` or `item`); rows removed by table."""
    removed = {}
    for table, statement in _DELETE_EDGES.items():
        connection.execute(statement.format(node=node), (index,))
        removed[table] = connection.changes()
    return removed
