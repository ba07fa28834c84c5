"""The Neo4j graph in bulk: edges, keys and review texts as columns."""

import math
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from graph.frames import REVIEW_TEXT_SCHEMA
from graph.neo4j_connection import Neo4jConnection
from graph.neo4j_queries import cypher
from graph.neo4j_state import StoreState
from graph.store import EdgeBlock, NodeKeys, NodeKind

if TYPE_CHECKING:
    from neo4j import ManagedTransaction, Record

Columns = dict[str, npt.NDArray[Any]]

WINDOW = 65_536
"""Sequence numbers per query: the server holds the columns of one window in its heap."""

THREADS = 2
"""Windows read at a time: while one travels the server works on the next."""

_COLUMNS: dict[str, type[np.generic]] = {
    "seq": np.int64,
    "user": np.int64,
    "item": np.int64,
    "relation": np.int8,
    "at": np.int64,
    "weight": np.float32,
    "rating": np.float32,
}
_EXPORT = cypher("edges_export")
_KEYS: dict[NodeKind, str] = {"user": "users_keys", "item": "items_keys", "category": "categories_keys"}


def read_edges(connection: Neo4jConnection, since: int, until: int) -> EdgeBlock | None:
    """Edges with `since < seq <= until`, ascending; None where there are none.

    One row per relation and 8,192 numbers, each a few long lists: ten times faster than a row per edge.
    """
    starts = range(since, until, WINDOW)
    bounds = [{"since": start, "until": min(start + WINDOW, until), "none": math.nan} for start in starts]

    def window(limits: dict[str, float]) -> list[Columns]:
        return connection.read(lambda tx: [_columns(record) for record in tx.run(_EXPORT, limits)])

    if len(bounds) == 1:
        parts = window(bounds[0])
    else:
        with ThreadPoolExecutor(THREADS) as pool:
            parts = [part for found in pool.map(window, bounds) for part in found]
    if not parts:
        return None
    columns = {name: np.concatenate([part[name] for part in parts]) for name in _COLUMNS}
    order = np.argsort(columns["seq"], kind="stable")
    return EdgeBlock(**{name: column[order] for name, column in columns.items()})


def _columns(record: "Record") -> Columns:
    relation = np.full(len(record["seq"]), record["relation"], np.int8)
    read = {name: np.array(record[name], dtype) for name, dtype in _COLUMNS.items() if name != "relation"}
    return {**read, "relation": relation}


def read_keys(tx: "ManagedTransaction", state: StoreState, kind: NodeKind) -> NodeKeys:
    """See `GraphStore.node_keys`."""
    size = {"user": state.users, "item": state.items, "category": state.categories}[kind]
    ids = np.full(size, "", object)
    anonymous = np.zeros(size, np.bool_)
    for record in tx.run(cypher(_KEYS[kind])):
        index = np.array(record["index"], np.int64)
        # nodes that came after the counters were read
        within = index < size
        ids[index[within]] = np.array(record["key"], object)[within]
        if record["anonymous"]:
            anonymous[index[within]] = np.array(record["anonymous"], np.bool_)[within]
    return NodeKeys(ids.tolist(), ids != "", anonymous)


def read_review_texts(tx: "ManagedTransaction", since: int) -> pl.DataFrame:
    """Texts that the graph itself keeps; see `GraphStore.review_texts`."""
    rows = [record.values() for record in tx.run(cypher("review_texts"), since=since)]
    return pl.DataFrame(rows, schema=REVIEW_TEXT_SCHEMA, orient="row")
