"""Events become edges: the write path of the Neo4j graph, inside the caller's transaction."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from graph import neo4j_nodes
from graph.edge_columns import edge_columns
from graph.event_type import RELATIONS, EventType
from graph.neo4j_queries import cypher
from graph.neo4j_refunds import take_refunds
from graph.neo4j_state import StoreState
from graph.refund import is_refund
from graph.store import ApplyResult

if TYPE_CHECKING:
    from neo4j import ManagedTransaction

_EDGE_COLUMNS = {
    "seq": "seq", "eventId": "event_id", "user": "user_node", "item": "item_node", "at": "at",
    "weight": "weight", "rating": "rating", "quantity": "quantity", "reviewText": "review_text",
    "helpful": "helpful",
}  # fmt: skip
"""Property (or end) of an edge -> column."""


def apply_events(
    tx: "ManagedTransaction",
    state: StoreState,
    events: pl.DataFrame,
    upto_seq: int,
    weights: Mapping[EventType, float],
    keep_texts: bool,
) -> ApplyResult:
    """Insert checked events (`check_sequenced`) and move the watermark; see `GraphStore.apply`.

    keep_texts: put review texts into the graph.
    """
    # events of erased users come out of the log without a user
    above = events.filter(pl.col("seq") > state.applied_seq, pl.col("user_id") != "")
    stamped, claimed = _known(tx, state, above["event_id"])
    fresh = above.filter(above["event_id"].is_first_distinct() & ~above["event_id"].is_in(stamped))
    duplicates = int((events["seq"] <= state.applied_seq).sum()) + above.height - fresh.height
    wanted = fresh.filter(~_is_deleted(tx, state, fresh["item_id"]))
    edges = _numbered(tx, state, wanted.filter(~is_refund()), weights, keep_texts)
    is_claimed = edges["event_id"].is_in(claimed)
    _create(tx, edges.filter(~is_claimed))
    _stamp(tx, edges.filter(is_claimed))
    refunded = take_refunds(tx, state, wanted.filter(is_refund()))
    added = np.bincount(edges["relation"].to_numpy(), minlength=len(RELATIONS))
    state.edges = [int(old + new) for old, new in zip(state.edges, added, strict=True)]
    state.applied_seq = max(state.applied_seq, upto_seq)
    touched = np.unique(np.concatenate([edges["item"].to_numpy(), np.array(refunded, np.int64)]))
    return ApplyResult(edges.height + len(refunded), duplicates, touched)


def _known(tx: "ManagedTransaction", state: StoreState, event_ids: pl.Series) -> tuple[list[str], list[str]]:
    """Ids that the graph holds: on numbered edges, and on adopted ones that await their number."""
    ids = event_ids.unique().sort().to_list()
    # the count store answers in O(1): relations without an edge need no look
    counts = tx.run(cypher("edge_counts")).single(strict=True)["counts"]
    has = [count > 0 for count in counts] + [state.refunds > 0]
    stamped: list[str] = []
    claimed: list[str] = []
    for start in range(0, len(ids), neo4j_nodes.ROWS):
        part = ids[start : start + neo4j_nodes.ROWS]
        for record in tx.run(cypher("event_ids_find"), rows={"ids": part, "has": has}):
            (stamped if record["stamped"] else claimed).append(record["eventId"])
    return stamped, claimed


def _is_deleted(tx: "ManagedTransaction", state: StoreState, item_ids: pl.Series) -> pl.Series:
    """Rows whose item was deleted and not revived."""
    deleted: list[str] = []
    if state.item_holes:
        keys = item_ids.unique().to_list()
        deleted = tx.run(cypher("deleted_items_find"), rows={"keys": keys}).single(strict=True)["keys"]
    return item_ids.is_in(deleted)


def _numbered(
    tx: "ManagedTransaction",
    state: StoreState,
    events: pl.DataFrame,
    weights: Mapping[EventType, float],
    keep_texts: bool,
) -> pl.DataFrame:
    """Events with `user`, `item`, `relation` and `weight`; unknown users and items become nodes."""
    users = _users(tx, state, events.select("user_id", "anonymous"))
    items = _items(tx, state, events.select("item_id"))
    text = pl.col("review_text") if keep_texts else pl.lit(None, pl.String())
    return (
        events.join(users, on=["user_id", "anonymous"], how="left", maintain_order="left")
        .join(items, on="item_id", how="left", maintain_order="left")
        .with_columns(
            *edge_columns(weights),
            pl.when(text != "").then(text).alias("review_text"),
        )
    )


def _users(tx: "ManagedTransaction", state: StoreState, keys: pl.DataFrame) -> pl.DataFrame:
    """Distinct (user_id, anonymous) with their index in the column `user` and Neo4j's own id in `user_node`;
    adds new ones in order."""
    distinct = keys.unique(maintain_order=True)
    ids = distinct["user_id"].to_list()
    is_session = distinct["anonymous"].to_numpy()
    index, nodes = np.full(len(ids), -1, np.int64), np.full(len(ids), "", object)
    halves: list[tuple[Literal["users", "sessions"], npt.NDArray[np.int64]]] = [
        ("users", np.flatnonzero(~is_session)),
        ("sessions", np.flatnonzero(is_session)),
    ]
    for table, rows in halves:
        index[rows], nodes[rows] = neo4j_nodes.locate(tx, table, [ids[row] for row in rows])
    is_new = index < 0
    index[is_new] = state.users + np.arange(int(is_new.sum()))
    state.users += int(is_new.sum())
    for table, rows in halves:
        new = rows[is_new[rows]]
        nodes[new] = neo4j_nodes.add_bare(tx, table, [ids[row] for row in new], index[new])
    return distinct.with_columns(
        pl.Series("user", index), pl.Series("user_node", nodes.tolist(), pl.String())
    )


def _items(tx: "ManagedTransaction", state: StoreState, keys: pl.DataFrame) -> pl.DataFrame:
    """Distinct item ids with their index in the column `item` and Neo4j's own id in `item_node`; adds new
    ones in order."""
    distinct = keys.unique(maintain_order=True)
    ids = distinct["item_id"].to_list()
    index, nodes = neo4j_nodes.locate(tx, "items", ids)
    new = np.flatnonzero(index < 0)
    index[new] = state.items + np.arange(len(new))
    state.items += len(new)
    nodes[new] = neo4j_nodes.add_bare(tx, "items", [ids[row] for row in new], index[new])
    return distinct.with_columns(
        pl.Series("item", index), pl.Series("item_node", nodes.tolist(), pl.String())
    )


def _named(name: str, index: npt.NDArray[np.int64], nodes: npt.NDArray[np.object_]) -> list[pl.Series]:
    """Columns `name` and `<name>_node`."""
    return [pl.Series(name, index), pl.Series(f"{name}_node", nodes.tolist(), pl.String())]


def _create(tx: "ManagedTransaction", edges: pl.DataFrame) -> None:
    """Edges of one relation per statement, by user and item: neighbours lie on the same pages."""
    for (number,), group in edges.sort("user", "item").group_by("relation"):
        for part in group.iter_slices(neo4j_nodes.ROWS):
            _run(tx, "edges_create", part, type=RELATIONS[int(str(number))].value)


def _stamp(tx: "ManagedTransaction", edges: pl.DataFrame) -> None:
    for part in edges.iter_slices(neo4j_nodes.ROWS):
        _run(tx, "claimed_stamp", part)


def _run(tx: "ManagedTransaction", name: str, rows: pl.DataFrame, **extra: Any) -> None:
    columns = {key: _compact(rows[column]).to_list() for key, column in _EDGE_COLUMNS.items()}
    tx.run(cypher(name), rows={**columns, **extra}).consume()


def _compact(column: pl.Series) -> pl.Series:
    """Whole numbers as integers: half the space in Neo4j, where an edge's properties decide its cost."""
    is_whole = column.dtype.is_float() and bool((column == column.round()).all())
    return column.cast(pl.Int64) if is_whole else column
