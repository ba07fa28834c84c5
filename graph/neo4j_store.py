"""The graph in a Neo4j server (Community edition, 5.26 LTS or newer)."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from graph import neo4j_catalogue, neo4j_erasure, neo4j_export, neo4j_similar, neo4j_view
from graph.errors import GraphError
from graph.event_type import EventType
from graph.interaction import check_sequenced
from graph.item import check_items
from graph.log import AppendResult, EventLog
from graph.neo4j_apply import apply_events
from graph.neo4j_connection import (
    READ_RETRY_SECONDS,
    WRITE_RETRY_SECONDS,
    Neo4jAddress,
    Neo4jConnection,
)
from graph.neo4j_foreign import ForeignEdges, FoundEdges
from graph.neo4j_foreign_items import AdoptedNodes, adopt_nodes
from graph.neo4j_queries import cypher
from graph.neo4j_rehearsal import rehearse
from graph.neo4j_reviews import texts_from_log
from graph.neo4j_reweigh import reweigh
from graph.neo4j_schema import claim, create_schema
from graph.neo4j_state import LockedWrite, StoreState, read_state
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

if TYPE_CHECKING:
    from neo4j import ManagedTransaction

logger = logging.getLogger(__name__)
ResultT = TypeVar("ResultT")


class Neo4jGraphStore:
    """`GraphStore` in a Neo4j database; usable from several threads.

    Choices are those of `SqliteGraphStore`. Two differ, because the server leaves none: blocks of an export
    show the state when each was read, and SIMILAR_TO edges that are not of the valid batch may lie beside
    the valid ones for some seconds (`graph.neo4j_similar`).

    Review texts are personal and the graph is there to be looked at, so they stay in the event log unless
    `keep_review_texts` is set.
    """

    def __init__(
        self,
        address: Neo4jAddress,
        weights: Mapping[EventType, float] = DEFAULT_WEIGHTS,
        log: EventLog | None = None,
        keep_review_texts: bool = False,
        write_retry_seconds: float = WRITE_RETRY_SECONDS,
        grace_seconds: float = 1.0,
        read_retry_seconds: float = READ_RETRY_SECONDS,
        home: str = "",
        beside_others: bool = False,
    ) -> None:
        """Name the database; connections open at first use.

        weights: weight of one event of each type, for events applied from now on.
        log: where `review_texts` come from; not closed by `close`.
        keep_review_texts: put them into the graph instead (property `reviewText`).
        write_retry_seconds: how long a write waits for a server that restarts.
        grace_seconds: how long replaced SIMILAR_TO edges stay, for queries that are under way.
        home: name of the home whose graph this is; a graph that another one began is refused. "": any.
            With a `log`, a graph that does not say whose it is, and is not ahead of the log, becomes its own.
        beside_others: a graph may begin in a database that holds other things.
        read_retry_seconds: how long a read waits for one; longer for commands that nobody waits for.
        """
        self._connection = Neo4jConnection(address, write_retry_seconds, read_retry_seconds)
        self._weights = {**DEFAULT_WEIGHTS, **weights}
        self._log = log
        self._keep_texts = keep_review_texts
        self._grace_seconds = grace_seconds
        self._foreign = ForeignEdges(self._connection)
        self._home, self._beside_others = home, beside_others

    def ensure_schema(self) -> None:
        """See `GraphStore.ensure_schema`; raises `NotOurs`."""
        create_schema(self._connection, self._home, self._beside_others)
        if self._home and self._log is not None:
            claim(self._connection, self._home, self._log.last_seq)

    def apply(self, events: pl.DataFrame, upto_seq: int) -> ApplyResult:
        """See `GraphStore.apply`. One transaction: batches beyond some 100,000 rows want a larger heap."""
        checked = check_sequenced(events, upto_seq)
        return self._write(
            lambda tx, state: apply_events(tx, state, checked, upto_seq, self._weights, self._keep_texts)
        )

    def reweigh(self, events: pl.DataFrame, weights: Mapping[EventType, float]) -> int:
        """See `GraphStore.reweigh`. One transaction."""
        return self._write(lambda tx, _: reweigh(tx, events, weights))

    def warm_up(self) -> None:
        """Have the server plan the statements of `apply`, `adopt` and `export`; the graph stays as it is.

        Just after a server's start that takes seconds, which the day's first events need not wait for.
        """
        rehearse(self._connection, self._weights, self._keep_texts)
        self._foreign.rehearse()
        list(self.export(self.applied_seq() - 1))

    def applied_seq(self) -> int:
        """See `GraphStore.applied_seq`."""
        return self._connection.read(lambda tx: read_state(tx).applied_seq)

    def upsert_items(self, items: pl.DataFrame) -> int:
        """See `GraphStore.upsert_items`."""
        checked = check_items(items)
        return self._write(lambda tx, state: neo4j_catalogue.upsert_items(tx, state, checked))

    def upsert_categories(self, paths: Sequence[str]) -> int:
        """See `GraphStore.upsert_categories`."""
        return self._write(lambda tx, state: neo4j_catalogue.upsert_categories(tx, state, paths))

    def items(self, item_ids: Sequence[str] | None = None) -> pl.DataFrame:
        """See `GraphStore.items`; unknown ids are left out."""
        return self._connection.read(lambda tx: neo4j_catalogue.read_items(tx, item_ids))

    def item_rows(self, item_ids: Sequence[str]) -> list[dict[str, Any]]:
        """See `GraphStore.item_rows`."""
        return self.items(item_ids).to_dicts()

    def export(self, since: int = 0, block_rows: int = 500_000) -> Iterator[EdgeBlock]:
        """See `GraphStore.export`: a block covers `block_rows` sequence numbers, so it may hold fewer edges.

        What is deleted meanwhile may be missing from some blocks already.
        """
        if block_rows < 1:
            raise ValueError(f"block_rows: {block_rows} is not positive")
        last = self.applied_seq()
        for start in range(since, last, block_rows):
            block = neo4j_export.read_edges(self._connection, start, min(start + block_rows, last))
            if block is not None:
                yield block

    def deleted_items(self) -> list[str]:
        """See `GraphStore.deleted_items`."""
        return self._connection.read(neo4j_catalogue.read_deleted)

    def item_categories(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """See `GraphStore.item_categories`."""
        pairs = self._connection.read(neo4j_catalogue.read_item_categories)
        return pairs[0], pairs[1]

    def category_parents(self) -> npt.NDArray[np.int64]:
        """See `GraphStore.category_parents`."""
        return self._connection.read(lambda tx: neo4j_catalogue.read_category_parents(tx, read_state(tx)))

    def review_texts(self, since: int = 0) -> pl.DataFrame:
        """See `GraphStore.review_texts`: from the graph where it keeps them, else from the log.

        With neither the frame is empty, and a warning is logged: nothing is lost, the texts are in the log.
        """
        if self._keep_texts or self._log is None:
            found = self._connection.read(lambda tx: neo4j_export.read_review_texts(tx, since))
            if not self._keep_texts:
                logger.warning("review texts are neither kept in Neo4j nor read from a log: there are none")
            return found
        return texts_from_log(self._log, self.export(since), since)

    def node_keys(self, kind: NodeKind) -> NodeKeys:
        """See `GraphStore.node_keys`."""
        return self._connection.read(lambda tx: neo4j_export.read_keys(tx, read_state(tx), kind))

    def user_index(self, user_id: str) -> int:
        """See `GraphStore.user_index`."""
        return self._connection.read(lambda tx: neo4j_view.known_user(tx, user_id))

    def user_history(self, user_id: str, limit: int = 50) -> list[tuple[str, int]]:
        """See `GraphStore.user_history`."""
        return self._connection.read(lambda tx: neo4j_view.user_history(tx, user_id, limit))

    def neighbours(self, keys: Sequence[tuple[NodeKind, str]], hops: int, per_node: int) -> Neighbourhood:
        """See `GraphStore.neighbours`; raises `NotFound`. `graph.view.Links` says which edges come first."""

        def work(tx: "ManagedTransaction") -> tuple[Neighbourhood, bool]:
            batch = read_state(tx).similar_batch
            start = [(kind, neo4j_view.index_of(tx, kind, key)) for kind, key in keys]
            found = walk(neo4j_view.Neo4jLinks(tx, batch), start, hops, per_node)
            return found, read_state(tx).similar_batch == batch

        found, is_consistent = self._connection.read(work)
        while not is_consistent:  # releases are minutes apart: a second look is enough
            found, is_consistent = self._connection.read(work)
        return found

    def paths(self, item_a: str, item_b: str, limit: int = 100) -> list[EvidencePath]:
        """See `GraphStore.paths`; raises `NotFound`."""
        return self._connection.read(lambda tx: neo4j_view.evidence_paths(tx, item_a, item_b, limit))

    def evidence(self, item_a: str, item_b: str) -> SharedEvidence:
        """See `GraphStore.evidence`; raises `NotFound`."""
        return self._connection.read(lambda tx: neo4j_view.shared_evidence(tx, item_a, item_b))

    def replace_similar(self, version: str, rows: Sequence[SimilarRow]) -> int:
        """See `GraphStore.replace_similar`; rows of items that are gone are left out and not counted."""
        return neo4j_similar.replace_similar(self._connection, version, rows, self._grace_seconds)

    def record_release(self, version: str, properties: Mapping[str, str | int | float]) -> None:
        """Make or change the `(:Release)` node of a version.

        properties: camelCase names; `eventsThrough` (sequence number) is what the kit's queries read.
        """
        sent = {"version": version, "properties": dict(properties)}
        self._connection.write(lambda tx: tx.run(cypher("release_write"), sent).consume())

    def delete_item(self, item_id: str) -> None:
        """See `GraphStore.delete_item`."""
        self._write(lambda tx, state: neo4j_erasure.delete_item(tx, state, item_id))

    def delete_user(self, user_id: str) -> ErasureReceipt:
        """See `GraphStore.delete_user`; the receipt also names what the server keeps for a while."""
        return self._write(lambda tx, state: neo4j_erasure.delete_user(tx, state, user_id))

    def find_foreign(self, limit: int = 1_000, audit: bool = False) -> FoundEdges:
        """Edges that others wrote straight into Neo4j, and the malformed ones among them.

        limit: edges of each relation. audit: read every edge, whatever the counts say (for the night).
        """
        return self._foreign.find(limit, audit)

    def adopt(self, found: FoundEdges, log: EventLog) -> AppendResult:
        """Append found edges to the log; `apply` of the log's next events then makes them ours."""
        return self._foreign.adopt(found, log)

    def adopt_nodes(self, limit: int = 1_000) -> AdoptedNodes:
        """Number items and categories that others wrote; to be called before `find_foreign`."""
        return adopt_nodes(self._connection, limit)

    def stats(self) -> StoreStats:
        """See `GraphStore.stats`; users include sessions. What others wrote counts once it is adopted."""
        state = self._connection.read(read_state)
        return StoreStats(
            state.users - state.user_holes,
            state.items - state.item_holes,
            state.categories,
            sum(state.edges),
            state.applied_seq,
        )

    def health(self) -> StoreHealth:
        """See `GraphStore.health`."""
        try:
            applied = self.applied_seq()
        except GraphError as error:
            return StoreHealth(False, "neo4j", self._connection.version, str(error))
        return StoreHealth(True, "neo4j", self._connection.version, f"applied_seq {applied}")

    def close(self) -> None:
        """See `GraphStore.close`."""
        self._connection.close()

    def _write(self, work: "Callable[[ManagedTransaction, StoreState], ResultT]") -> ResultT:
        return self._connection.write(LockedWrite(work))
