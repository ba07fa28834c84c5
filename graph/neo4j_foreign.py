"""Edges that others wrote straight into Neo4j: found, validated, put into the event log, then ours.

An edge of ours has `seq` and `eventId`; others' edges lack one or both. Adoption has three steps, and a crash
after any of them is mended by doing it again:

1. `ForeignEdges.find` lists them;
2. `ForeignEdges.adopt` writes an `eventId` (and `at`) onto each edge and appends the events to the log;
3. the ordinary `GraphStore.apply` meets the event in the log, finds an edge with its id and without a
   number, and numbers that edge instead of making another.
"""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from graph.event_id import event_ids
from graph.event_type import RELATION_OF, RELATIONS, EventType
from graph.frames import EVENT_SCHEMA, empty_events
from graph.instant import now_microseconds
from graph.log import AppendResult, EventLog
from graph.neo4j_connection import Neo4jConnection
from graph.neo4j_foreign_edge import MalformedEdge, read_edge
from graph.neo4j_queries import cypher
from graph.neo4j_state import read_state

if TYPE_CHECKING:
    from neo4j import ManagedTransaction, Record

MARGIN = 60_000_000
"""Microseconds by which looks overlap: clocks differ, and transactions take time."""


@dataclass(frozen=True)
class FoundEdges:
    """What one look found."""

    events: pl.DataFrame
    """Frame of `EVENT_SCHEMA`: what can be adopted."""
    element_ids: list[str]
    """Neo4j's id of each event's edge."""
    malformed: list[MalformedEdge] = field(default_factory=list)
    """All edges known to be unusable; left untouched."""
    vanished: int = 0
    """Edges of ours that someone deleted from the graph; the log still has their events."""
    new_malformed: int = 0
    """How many of the malformed ones this look found."""


class ForeignEdges:
    """Finds others' edges at a price that does not grow with the graph, as long as there are none.

    The count store says whether there are any (O(1)); an index seek on `at` finds those with a recent time;
    only while counts still disagree all edges of that relation are read. What is malformed is remembered, so
    that it is not looked for again; `audit` forgets that, and finds an edge that came while another went.
    """

    def __init__(self, connection: Neo4jConnection) -> None:
        """Nothing is read yet."""
        self._connection = connection
        self._malformed: dict[str, MalformedEdge] = {}
        self._looked_at = now_microseconds() - 60 * MARGIN

    def find(self, limit: int = 1_000, audit: bool = False) -> FoundEdges:
        """At most `limit` edges of each relation that can be adopted, and all malformed ones known."""
        if audit:
            self._malformed.clear()
        known = frozenset(self._malformed)
        now = now_microseconds()
        missing, vanished = self._missing()
        if not audit and not any(missing):
            return FoundEdges(empty_events(), [], list(self._malformed.values()), vanished)
        records = {} if audit else self._look("foreign_recent", missing, limit)
        for record in records.values():
            missing[record["relation"]] -= record["id"] not in self._malformed
        if audit or any(count > 0 for count in missing):
            records |= self._look("foreign_scan", [1] * len(missing) if audit else missing, limit)
        self._looked_at = now
        new = [record for key, record in records.items() if key not in self._malformed]
        found = self._sort_out(new, now, vanished)
        return replace(found, new_malformed=len(self._malformed.keys() - known))

    def adopt(self, found: FoundEdges, log: EventLog) -> AppendResult:
        """Append the found events to the log; `GraphStore.apply` then numbers their edges.

        An edge whose event the log has had for long (its edge was deleted on purpose) stays without a
        number, and is listed as malformed from then on.
        """
        claim = {
            "id": found.element_ids,
            "eventId": found.events["event_id"].to_list(),
            "at": found.events["at"].to_list(),
        }
        self._connection.write(lambda tx: tx.run(cypher("foreign_claim"), rows=claim).consume())
        result = log.append(found.events)
        applied = self._connection.read(read_state).applied_seq
        for row in np.flatnonzero(~result.accepted & (result.seq <= applied)).tolist():
            reason = f"repeats event {int(result.seq[row])} of the log, whose edge was deleted"
            self._refuse(found.element_ids[row], found.events["event_type"][row], reason)
        return result

    def rehearse(self) -> None:
        """Have the server plan what adoption needs, on nothing: just after its start that takes seconds."""
        nothing: dict[str, list[Any]] = {"id": [], "eventId": [], "at": []}
        for name in ("foreign_recent", "foreign_scan"):
            self._look(name, [0] * len(RELATIONS), 1)
        self._connection.write(lambda tx: tx.run(cypher("foreign_claim"), rows=nothing).consume())
        self._connection.write(lambda tx: tx.run(cypher("claimed_stamp"), rows=nothing).consume())

    def _missing(self) -> tuple[list[int], int]:
        """Per relation how many edges are not accounted for; and how many of ours are gone."""
        counts, known = self._connection.read(_counts)
        ignored = [0] * len(known)
        for one in self._malformed.values():
            ignored[one.relation_number] += 1
        if any(count < ours + bad for count, ours, bad in zip(counts, known, ignored, strict=True) if bad):
            # a malformed edge was mended or went away: look afresh
            self._malformed.clear()
            ignored = [0] * len(known)
        left = [count - ours - bad for count, ours, bad in zip(counts, known, ignored, strict=True)]
        return [max(0, count) for count in left], -sum(min(0, count) for count in left)

    def _look(self, name: str, missing: list[int], limit: int) -> "dict[str, Record]":
        # those that are known to be malformed come up again and must not use up the limit
        sent = {
            "look": [count > 0 for count in missing],
            "limit": [limit + len(self._malformed)] * len(missing),
            "after": self._looked_at - MARGIN,
        }
        return self._connection.read(
            lambda tx: {record["id"]: record for record in tx.run(cypher(name), sent)}
        )

    def _sort_out(self, records: "list[Record]", now: int, vanished: int) -> FoundEdges:
        rows: list[dict[str, Any]] = []
        element_ids: list[str] = []
        for number, record in enumerate(sorted(records, key=lambda one: str(one["id"]))):
            # edges without a time get different ones: two clicks are two events
            row = read_edge(record, now + number)
            if isinstance(row, MalformedEdge):
                self._malformed[row.element_id] = row
            else:
                rows.append(row)
                element_ids.append(record["id"])
        events = _with_ids(pl.DataFrame(rows, schema=EVENT_SCHEMA))
        kept = self._without_repeats(events, element_ids)
        adoptable = [key for key, keep in zip(element_ids, kept, strict=True) if keep]
        return FoundEdges(events.filter(kept), adoptable, list(self._malformed.values()), vanished)

    def _without_repeats(self, events: pl.DataFrame, element_ids: list[str]) -> pl.Series:
        """False where another edge has the same event id; such rows become malformed ones."""
        ids = events["event_id"].to_list()
        sought = {"ids": ids, "has": [True] * (len(RELATIONS) + 1)}
        others = self._connection.read(
            lambda tx: {
                record["eventId"]
                for record in tx.run(cypher("event_ids_find"), rows=sought)
                if record["stamped"]
            }
        )
        kept = events["event_id"].is_first_distinct() & ~events["event_id"].is_in(list(others))
        for key, event_id, kind, keep in zip(element_ids, ids, events["event_type"], kept, strict=True):
            if not keep:
                self._refuse(key, kind, f"repeats event {event_id!r}")
        return kept

    def _refuse(self, element_id: str, event_type: str, reason: str) -> None:
        self._malformed[element_id] = MalformedEdge(element_id, RELATION_OF[EventType(event_type)], reason)


def _counts(tx: "ManagedTransaction") -> tuple[list[int], list[int]]:
    """Edges per relation: all, and the numbered ones."""
    return tx.run(cypher("edge_counts")).single(strict=True)["counts"], read_state(tx).edges


def _with_ids(events: pl.DataFrame) -> pl.DataFrame:
    return events.with_columns(pl.coalesce("event_id", event_ids(events)).alias("event_id"))
