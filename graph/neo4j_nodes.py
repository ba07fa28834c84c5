"""External ids become numbered nodes, inside the caller's transaction."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from graph.neo4j_queries import cypher

if TYPE_CHECKING:
    from neo4j import ManagedTransaction

Table = Literal["users", "sessions", "items", "categories"]

ROWS = 5_000
"""Rows per statement: measured best between 1,000 and 20,000 on two cores."""


def find(tx: "ManagedTransaction", table: Table, keys: Sequence[str]) -> npt.NDArray[np.int64]:
    """Index of each key, -1 where the graph has no such (numbered) node; shape (n,)."""
    return locate(tx, table, keys)[0]


def locate(
    tx: "ManagedTransaction", table: Table, keys: Sequence[str]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.object_]]:
    """As `find`, and Neo4j's own id of each node, "" where there is none; both of shape (n,)."""
    index, ids = np.full(len(keys), -1, np.int64), np.full(len(keys), "", object)
    for start in range(0, len(keys), ROWS):
        rows = {"keys": keys[start : start + ROWS]}
        record = tx.run(cypher(f"{table}_find"), rows=rows).single(strict=True)
        found = np.array(record["row"], np.int64) + start
        index[found], ids[found] = record["found"], record["id"]
    return index, ids


def add_bare(
    tx: "ManagedTransaction",
    table: Literal["users", "sessions", "items"],
    keys: Sequence[str],
    index: npt.NDArray[np.int64],
) -> npt.NDArray[np.object_]:
    """Make nodes with these numbers, or number those that others made; Neo4j's own ids, shape (n,)."""
    ids = np.full(len(keys), "", object)
    order = np.array(sorted(range(len(keys)), key=keys.__getitem__), np.int64)
    for start in range(0, len(keys), ROWS):
        part = order[start : start + ROWS]
        sent = {"keys": [keys[n] for n in part], "index": index[part].tolist()}
        record = tx.run(cypher(f"{table}_add"), rows=sent).single(strict=True)
        ids[part[np.array(record["row"], np.int64)]] = record["id"]
    return ids


def add_categories(
    tx: "ManagedTransaction",
    keys: Sequence[str],
    index: npt.NDArray[np.int64],
    **columns: Sequence[Any],
) -> None:
    """Make nodes with these numbers, or number those that others made; `columns` run along the keys."""
    for start in range(0, len(keys), ROWS):
        part = slice(start, start + ROWS)
        sent: dict[str, Any] = {name: values[part] for name, values in columns.items()}
        sent |= {"keys": keys[part], "index": index[part].tolist()}
        tx.run(cypher("categories_add"), rows=sent).consume()
