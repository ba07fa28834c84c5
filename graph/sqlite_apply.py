"""Events become edges: the write path of the SQLite graph, inside the caller's transaction."""

from collections.abc import Mapping
from typing import Any, cast

import apsw
import numpy as np
import numpy.typing as npt
import polars as pl

from graph.edge_columns import edge_columns, edge_weight
from graph.event_type import RELATION_OF, RELATIONS, EventType, Relation
from graph.refund import refund_rows, take_back
from graph.store import ApplyResult

_PURCHASED = RELATIONS.index(Relation.PURCHASED)

_INSERT_EDGE = """
    INSERT INTO edges (seq, event_id, user, item, relation, at, weight, rating, quantity)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_EDGE_COLUMNS = ("seq", "event_id", "user", "item", "relation", "at", "weight", "rating", "quantity")

_OPEN_PURCHASES = f"""
    SELECT e.seq, e.quantity, e.refunded
    FROM users u, items i, edges e INDEXED BY open_purchases
    WHERE u.user_id = ? AND u.anonymous = ? AND i.item_id = ? AND e.user = u.idx AND e.item = i.idx
      AND e.relation = {_PURCHASED} AND e.seq < ? AND e.at <= ? AND e.refunded < ifnull(e.quantity, 1)
    ORDER BY e.at DESC, e.seq DESC"""  # noqa: S608  # a constant of ours, no value


def apply_events(
    connection: apsw.Connection, events: pl.DataFrame, upto_seq: int, weights: Mapping[EventType, float]
) -> ApplyResult:
    """Insert checked events (`check_sequenced`) and move the watermark; see `GraphStore.apply`."""
    mark = applied_seq(connection)
    seq = events["seq"].to_numpy()
    # events of erased users come out of the log without a user
    above = _kept(events, (seq > mark) & (events["user_id"] != "").to_numpy())
    fresh = _kept(above, _is_new(connection, above["event_id"]).to_numpy())
    duplicates = int((seq <= mark).sum()) + above.height - fresh.height
    wanted = _kept(fresh, ~_is_deleted(connection, fresh["item_id"]))
    refund = refund_rows(wanted)
    edges = _edges(connection, _kept(wanted, ~refund), weights)
    _insert_edges(connection, edges)
    refunded = _take_refunds(connection, wanted.filter(refund)) if refund.any() else []
    connection.execute("UPDATE meta SET value = max(value, ?) WHERE key = 'applied_seq'", (upto_seq,))
    touched = np.unique(np.concatenate([edges["item"].to_numpy(), np.array(refunded, np.int64)]))
    return ApplyResult(edges.height + len(refunded), duplicates, touched)


def _kept(events: pl.DataFrame, kept: npt.NDArray[np.bool_]) -> pl.DataFrame:
    """Some rows; mostly all, which costs nothing."""
    return events if kept.all() else events.filter(kept)


def applied_seq(connection: apsw.Connection) -> int:
    """The watermark."""
    return int(connection.execute("SELECT value FROM meta WHERE key = 'applied_seq'").get)


def _is_new(connection: apsw.Connection, event_ids: pl.Series) -> pl.Series:
    """First rows of ids that the store does not hold."""
    look = "SELECT ? FROM event_ids WHERE event_id = ?"
    order = event_ids.arg_sort()  # in key order the index pages are read once
    keys = zip(order.to_list(), event_ids.gather(order).to_list(), strict=True)
    known = [row for (row,) in connection.executemany(look, keys)]
    return event_ids.is_first_distinct().scatter(known, False)


def _is_deleted(connection: apsw.Connection, item_ids: pl.Series) -> npt.NDArray[np.bool_]:
    """Rows whose item was deleted and not revived, (n,)."""
    if not connection.execute("SELECT EXISTS (SELECT 1 FROM deleted_items)").get:
        return np.zeros(len(item_ids), np.bool_)
    look = "SELECT item_id FROM deleted_items WHERE item_id = ?"
    deleted = [one for (one,) in connection.executemany(look, ((one,) for one in item_ids.unique()))]
    return item_ids.is_in(deleted).to_numpy()


def reweigh(connection: apsw.Connection, events: pl.DataFrame, weights: Mapping[EventType, float]) -> int:
    """See `GraphStore.reweigh`."""
    before = connection.total_changes()
    rows = events.filter(pl.col("event_type").is_in([kind.value for kind in RELATION_OF]))
    now = rows.select(edge_weight(weights))["weight"]
    connection.executemany(
        "UPDATE edges SET weight = ?1 WHERE seq = ?2 AND weight <> ?1", zip(now, rows["seq"], strict=True)
    )
    return connection.total_changes() - before


def _edges(
    connection: apsw.Connection, events: pl.DataFrame, weights: Mapping[EventType, float]
) -> pl.DataFrame:
    """Events with `user`, `item`, `relation` and `weight`; unknown users and items become nodes."""
    users = _nodes(connection, "users", events.select("user_id", "anonymous"))
    items = _nodes(connection, "items", events.select("item_id"))
    return (
        events.join(users, on=["user_id", "anonymous"], how="left", maintain_order="left")
        .join(items, on="item_id", how="left", maintain_order="left")
        .with_columns(edge_columns(weights))
    )


_LOOK = {
    "users": "SELECT ?3, idx FROM users WHERE user_id = ?1 AND anonymous = ?2",
    "items": "SELECT ?2, idx FROM items WHERE item_id = ?1",
}
_ADD = {
    "users": "INSERT INTO users (idx, user_id, anonymous) VALUES (?3, ?1, ?2)",
    "items": "INSERT INTO items (idx, item_id) VALUES (?2, ?1)",
}


def _nodes(connection: apsw.Connection, table: str, keys: pl.DataFrame) -> pl.DataFrame:
    """Distinct keys with their index in a column named like one node (`user`, `item`); adds new ones."""
    distinct = keys.unique(maintain_order=True)
    rows = distinct.rows()
    index = np.full(len(rows), -1, np.int64)
    look = ((*key, row) for row, key in enumerate(rows))
    for row, found in connection.executemany(_LOOK[table], look):
        index[row] = found
    new = np.flatnonzero(index < 0)
    start = next_index(connection, table)
    index[new] = np.arange(start, start + len(new))
    connection.executemany(_ADD[table], [(*rows[row], int(index[row])) for row in new.tolist()])
    return distinct.with_columns(pl.Series(table[:-1], index))


_NEXT = {
    "users": "SELECT ifnull(max(idx) + 1, 0) FROM users",
    "items": "SELECT ifnull(max(idx) + 1, 0) FROM items",
    "categories": "SELECT ifnull(max(idx) + 1, 0) FROM categories",
}


def next_index(connection: apsw.Connection, table: str) -> int:
    """Number of the next node of a table; rows are never deleted, so none is given out twice."""
    return int(connection.execute(_NEXT[table]).get)


def _insert_edges(connection: apsw.Connection, edges: pl.DataFrame) -> None:
    columns = [edges[name].to_list() for name in _EDGE_COLUMNS]
    connection.executemany(_INSERT_EDGE, zip(*columns, strict=True))
    keys = sorted(edges["event_id"].to_list())
    connection.executemany("INSERT INTO event_ids VALUES (?)", ((key,) for key in keys))
    if edges["review_text"].null_count() == edges.height:
        return
    reviews = edges.filter(pl.col("review_text").fill_null("") != "").select("seq", "review_text", "helpful")
    connection.executemany("INSERT INTO reviews VALUES (?, ?, ?)", reviews.iter_rows())


def _take_refunds(connection: apsw.Connection, refunds: pl.DataFrame) -> list[int]:
    """Lower the weights of the purchases that the refunds match; their items, one per matched refund.

    A refund without a matching purchase leaves no trace. They are a few per cent of all events and each
    depends on the ones before it, hence row by row.
    """
    items: list[int] = []
    names = ("seq", "event_id", "user_id", "anonymous", "item_id", "at", "quantity")
    for seq, event_id, user_id, anonymous, item_id, at, quantity in refunds.select(names).iter_rows():
        open_purchases: Any = connection.execute(_OPEN_PURCHASES, (user_id, anonymous, item_id, seq, at))
        taken = take_back(quantity, open_purchases)
        open_purchases.close()
        if taken:
            connection.executemany("UPDATE edges SET refunded = ? WHERE seq = ?", taken)
            ends = connection.execute("SELECT user, item FROM edges WHERE seq = ?", (taken[0][1],)).fetchone()
            user, item = cast("tuple[int, int]", ends)
            connection.execute("INSERT INTO refunds VALUES (?, ?, ?, ?)", (seq, event_id, user, item))
            connection.execute("INSERT INTO event_ids VALUES (?)", (event_id,))
            items.append(item)
    return items
