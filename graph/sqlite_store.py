"""The graph in one SQLite file: the embedded default store."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import numpy.typing as npt
import polars as pl

from graph import sqlite_apply, sqlite_catalogue, sqlite_erasure, sqlite_view
from graph.errors import GraphError
from graph.event_type import EventType
from graph.frames import REVIEW_TEXT_SCHEMA
from graph.interaction import check_sequenced
from graph.item import check_items
from graph.sqlite_file import SqliteFile
from graph.sqlite_schema import GRAPH_SCHEMA
from graph.store import (
    DEFAULT_WEIGHTS,
    ApplyResult,
    EdgeBlock,
    ErasureReceipt,
    EvidencePath,
    Neighbourhood,
    NodeKeys,
    NodeKind,
    SharedEvidence,
    SimilarRow,
    StoreHealth,
    StoreStats,
)
from graph.view import walk

_EDGE_ROW = np.dtype(
    [("seq", "i8"), ("user", "i8"), ("item", "i8"), ("relation", "i1"), ("at", "i8"), ("weight", "f4"),
     ("rating", "f4")]
)  # fmt: skip
# a missing rating travels as infinity (9e999): SQLite has no NaN
_EXPORT = """
    SELECT seq, user, item, relation, at, weight * (1 - refunded / ifnull(quantity, 1)),
           ifnull(rating, 9e999)
    FROM edges WHERE seq > ? ORDER BY seq"""

_KEYS = {
    "user": "SELECT ifnull(user_id, ''), user_id IS NOT NULL, anonymous FROM users ORDER BY idx",
    "item": "SELECT ifnull(item_id, ''), item_id IS NOT NULL, 0 FROM items ORDER BY idx",
    "category": "SELECT path, 1, 0 FROM categories ORDER BY idx",
}


class SqliteGraphStore:
    """`GraphStore` in a SQLite file (WAL, `synchronous=FULL`); usable from several threads.

    Where the port leaves a choice: a deleted item that is upserted again comes back with a NEW index, its
    old edges stay gone; events of deleted items, of erased users (rows without `user_id`) and refunds
    without a matching purchase are ignored, leave no trace, and are counted neither as inserted nor as
    duplicates. A user who was erased and acts again is a new user.
    """

    def __init__(
        self,
        path: Path,
        weights: Mapping[EventType, float] = DEFAULT_WEIGHTS,
        busy_seconds: float = 30.0,
    ) -> None:
        """Name the file; it is opened at first use.

        weights: weight of one event of each type, for events applied from now on.
        busy_seconds: how long a write waits for another process's before `StoreConflict`.
        """
        self._file = SqliteFile(path, GRAPH_SCHEMA, busy_seconds)
        self._weights = {**DEFAULT_WEIGHTS, **weights}

    def ensure_schema(self) -> None:
        """See `GraphStore.ensure_schema`."""
        self._file.create()

    def apply(self, events: pl.DataFrame, upto_seq: int) -> ApplyResult:
        """See `GraphStore.apply`."""
        checked = check_sequenced(events, upto_seq)
        with self._file.writing() as connection:
            return sqlite_apply.apply_events(connection, checked, upto_seq, self._weights)

    def reweigh(self, events: pl.DataFrame, weights: Mapping[EventType, float]) -> int:
        """See `GraphStore.reweigh`."""
        with self._file.writing() as connection:
            return sqlite_apply.reweigh(connection, events, weights)

    def applied_seq(self) -> int:
        """See `GraphStore.applied_seq`."""
        with self._file.reading() as connection:
            return sqlite_apply.applied_seq(connection)

    def upsert_items(self, items: pl.DataFrame) -> int:
        """See `GraphStore.upsert_items`."""
        checked = check_items(items)
        with self._file.writing() as connection:
            return sqlite_catalogue.upsert_items(connection, checked)

    def upsert_categories(self, paths: Sequence[str]) -> int:
        """See `GraphStore.upsert_categories`."""
        with self._file.writing() as connection:
            return sqlite_catalogue.upsert_categories(connection, paths)

    def items(self, item_ids: Sequence[str] | None = None) -> pl.DataFrame:
        """See `GraphStore.items`; unknown ids are left out."""
        with self._file.reading() as connection:
            return sqlite_catalogue.read_items(connection, item_ids)

    def item_rows(self, item_ids: Sequence[str]) -> list[dict[str, Any]]:
        """See `GraphStore.item_rows`."""
        with self._file.reading() as connection:
            return sqlite_catalogue.read_item_rows(connection, item_ids)

    def export(self, since: int = 0, block_rows: int = 500_000) -> Iterator[EdgeBlock]:
        """See `GraphStore.export`. All blocks show the state at the first one."""
        if block_rows < 1:
            raise ValueError(f"block_rows: {block_rows} is not positive")
        with self._file.snapshot() as connection:
            rows = connection.execute(_EXPORT, (since,))
            while len(block := np.fromiter(islice(rows, block_rows), _EDGE_ROW)):
                yield _edge_block(block)

    def deleted_items(self) -> list[str]:
        """See `GraphStore.deleted_items`."""
        with self._file.reading() as connection:
            rows = connection.execute("SELECT item_id FROM deleted_items ORDER BY item_id").fetchall()
        return [str(item_id) for (item_id,) in rows]

    def item_categories(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """See `GraphStore.item_categories`."""
        with self._file.reading() as connection:
            pairs = sqlite_catalogue.read_item_categories(connection)
        return pairs[0], pairs[1]

    def category_parents(self) -> npt.NDArray[np.int64]:
        """See `GraphStore.category_parents`."""
        with self._file.reading() as connection:
            rows = connection.execute("SELECT parent FROM categories ORDER BY idx").fetchall()
        return np.array(rows, np.int64).reshape(-1)

    def review_texts(self, since: int = 0) -> pl.DataFrame:
        """See `GraphStore.review_texts`."""
        with self._file.reading() as connection:
            rows = connection.execute(
                """SELECT seq, item, rating, at, review_text, helpful FROM reviews JOIN edges USING (seq)
                   WHERE seq > ? ORDER BY seq""",
                (since,),
            ).fetchall()
        return pl.DataFrame(rows, schema=REVIEW_TEXT_SCHEMA, orient="row")

    def node_keys(self, kind: NodeKind) -> NodeKeys:
        """See `GraphStore.node_keys`."""
        with self._file.reading() as connection:
            rows = connection.execute(_KEYS[kind]).fetchall()
        ids, alive, anonymous = zip(*rows, strict=True) if rows else ((), (), ())
        return NodeKeys(list(ids), np.array(alive, np.bool_), np.array(anonymous, np.bool_))

    def user_index(self, user_id: str) -> int:
        """See `GraphStore.user_index`."""
        with self._file.reading() as connection:
            return sqlite_view.known_user(connection, user_id)

    def user_history(self, user_id: str, limit: int = 50) -> list[tuple[str, int]]:
        """See `GraphStore.user_history`."""
        with self._file.reading() as connection:
            return sqlite_view.user_history(connection, user_id, limit)

    def neighbours(self, keys: Sequence[tuple[NodeKind, str]], hops: int, per_node: int) -> Neighbourhood:
        """See `GraphStore.neighbours`; raises `NotFound`. `graph.view.Links` says which edges come first."""
        with self._file.reading() as connection:
            start = [(kind, sqlite_view.index_of(connection, kind, key)) for kind, key in keys]
            return walk(sqlite_view.SqliteLinks(connection), start, hops, per_node)

    def paths(self, item_a: str, item_b: str, limit: int = 100) -> list[EvidencePath]:
        """See `GraphStore.paths`; raises `NotFound`."""
        with self._file.reading() as connection:
            return sqlite_view.evidence_paths(connection, item_a, item_b, limit)

    def evidence(self, item_a: str, item_b: str) -> SharedEvidence:
        """See `GraphStore.evidence`; raises `NotFound`."""
        with self._file.reading() as connection:
            return sqlite_view.shared_evidence(connection, item_a, item_b)

    def replace_similar(self, version: str, rows: Sequence[SimilarRow]) -> int:
        """See `GraphStore.replace_similar`; rows of items that are gone are left out and not counted."""
        with self._file.writing() as connection:
            return sqlite_catalogue.replace_similar(connection, version, rows)

    def delete_item(self, item_id: str) -> None:
        """See `GraphStore.delete_item`; the bytes leave the disk too."""
        with self._file.writing() as connection:
            sqlite_erasure.delete_item(connection, item_id)
        self._file.truncate_wal()

    def delete_user(self, user_id: str) -> ErasureReceipt:
        """See `GraphStore.delete_user`; the bytes leave the disk too."""
        with self._file.writing() as connection:
            receipt = sqlite_erasure.delete_user(connection, user_id)
        self._file.truncate_wal()
        return receipt

    def stats(self) -> StoreStats:
        """See `GraphStore.stats`; users include sessions."""
        with self._file.reading() as connection:
            counts: Any = connection.execute(
                """SELECT (SELECT count(user_id) FROM users), (SELECT count(item_id) FROM items),
                   (SELECT count(*) FROM categories), (SELECT count(*) FROM edges),
                   (SELECT value FROM meta WHERE key = 'applied_seq')"""
            ).fetchone()
            return StoreStats(*counts)

    def health(self) -> StoreHealth:
        """See `GraphStore.health`."""
        try:
            applied = self.applied_seq()
        except (GraphError, apsw.Error) as error:
            return StoreHealth(False, "sqlite", apsw.sqlite_lib_version(), str(error))
        return StoreHealth(True, "sqlite", apsw.sqlite_lib_version(), f"applied_seq {applied}")

    def close(self) -> None:
        """See `GraphStore.close`."""
        self._file.close()


def _edge_block(rows: npt.NDArray[np.void]) -> EdgeBlock:
    columns = {name: np.ascontiguousarray(rows[name]) for name in _EDGE_ROW.names or ()}
    columns["rating"][np.isinf(columns["rating"])] = np.nan
    return EdgeBlock(**columns)
