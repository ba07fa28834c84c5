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
    index = np.full(len(keys), -1, np.int64)
    for start in range(0, len(keys), ROWS):
        rows = {"keys": keys[start : start + ROWS]}
        record = tx.run(cypher(f"{table}_find"), rows=rows).single(strict=True)
        index[np.array(record["row"], np.int64) + start] = record["found"]
    return index


def add(
    tx: "ManagedTransaction",
    table: Table,
    keys: Sequence[str],
    index: npt.NDArray[np.int64],
    **columns: Sequence[Any],
) -> None:
    """Make nodes with these numbers, or number those that others made; `columns` run along the keys."""
    numbers = index.tolist()
    order = sorted(range(len(keys)), key=keys.__getitem__) if not columns else range(len(keys))
    for start in range(0, len(keys), ROWS):
        part = order[start : start + ROWS]
        sent: dict[str, Any] = {name: [values[n] for n in part] for name, values in columns.items()}
        sent |= {"keys": [keys[n] for n in part], "index": [numbers[n] for n in part]}
        tx.run(cypher(f"{table}_add"), rows=sent).consume()
