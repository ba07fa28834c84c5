"""Events of the in-memory graph, by number, with what refunds did to them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graph.event_type import RELATION_OF, RELATIONS, EventType, Relation
from graph.refund import take_back
from graph.store import EdgeBlock, NodeKind


@dataclass
class MemoryEdge:
    """One user-item edge."""

    seq: int
    event_id: str
    user: int
    item: int
    relation: Relation
    at: int
    weight: float
    rating: float | None
    review_text: str
    quantity: float | None
    """Pieces; None where not known."""
    helpful: int | None = None
    refunded: float = 0.0
    """Pieces taken back; an unknown quantity counts as one."""

    @property
    def age(self) -> tuple[int, int]:
        """Sort key of time; `seq` decides between equal times."""
        return self.at, self.seq

    @property
    def kept(self) -> float:
        """Share that was not refunded."""
        return 1 - self.refunded / (self.quantity or 1)


@dataclass
class MemoryEdges:
    """All edges, in the order of their numbers, and the refunds that matched one."""

    by_seq: dict[int, MemoryEdge] = field(default_factory=dict)
    refunds: dict[str, tuple[int, int]] = field(default_factory=dict)
    """event_id -> (user, item)"""

    def event_ids(self) -> set[str]:
        """Ids of all events held."""
        return {edge.event_id for edge in self.by_seq.values()} | self.refunds.keys()

    def of(self, kind: NodeKind, index: int) -> list[MemoryEdge]:
        """Edges of a user or an item, the newest first."""
        edges = self.by_seq.values()
        mine = [edge for edge in edges if (edge.user if kind == "user" else edge.item) == index]
        return sorted(mine, key=lambda edge: edge.age, reverse=True)

    def newest(self, kind: NodeKind, index: int) -> dict[int, MemoryEdge]:
        """Node at the other end -> newest edge with it, of a user or an item."""
        return {(edge.item if kind == "user" else edge.user): edge for edge in reversed(self.of(kind, index))}

    def add(self, row: Mapping[str, Any], user: int, item: int, weights: Mapping[EventType, float]) -> None:
        """Add the edge of one event row."""
        kind = EventType(row["event_type"])
        self.by_seq[row["seq"]] = MemoryEdge(
            seq=row["seq"],
            event_id=row["event_id"],
            user=user,
            item=item,
            relation=RELATION_OF[kind],
            at=row["at"],
            weight=weights[kind],
            rating=row["rating"],
            review_text=row["review_text"] or "",
            quantity=row["quantity"] if (row["quantity"] or 0) > 0 else None,
            helpful=row["helpful"],
        )

    def reweigh(self, events: Iterable[tuple[int, str]], weights: Mapping[EventType, float]) -> int:
        """See `GraphStore.reweigh`; events: number, type."""
        changed = 0
        for seq, kind in events:
            edge = self.by_seq.get(seq)
            if edge is not None and edge.weight != weights[EventType(kind)]:
                edge.weight = weights[EventType(kind)]
                changed += 1
        return changed

    def take_refund(self, row: Mapping[str, Any], user: int, item: int) -> bool:
        """Lower the purchases that one refund row matches; False when there is none."""
        matching = [
            (edge.seq, edge.quantity, edge.refunded)
            for edge in self.of("user", user)
            if edge.item == item and edge.relation is Relation.PURCHASED
            if edge.at <= row["at"] and edge.kept > 0
        ]
        taken = take_back(row["quantity"], matching)
        for refunded, seq in taken:
            self.by_seq[seq].refunded = refunded
        if taken:
            self.refunds[row["event_id"]] = (user, item)
        return bool(taken)

    def delete(self, kind: NodeKind, index: int) -> dict[str, int]:
        """Remove all that hangs on a user or an item; place -> how many."""
        gone = self.of(kind, index)
        refunds = [key for key, ends in self.refunds.items() if ends[kind == "item"] == index]
        for edge in gone:
            del self.by_seq[edge.seq]
        for key in refunds:
            del self.refunds[key]
        return {
            "graph.edges": len(gone),
            "graph.reviews": sum(edge.review_text != "" for edge in gone),
            "graph.refunds": len(refunds),
            "graph.event_ids": len(gone) + len(refunds),
        }


def edge_block(edges: list[MemoryEdge]) -> EdgeBlock:
    """The edges as columns."""
    return EdgeBlock(
        seq=np.array([edge.seq for edge in edges], np.int64),
        user=np.array([edge.user for edge in edges], np.int64),
        item=np.array([edge.item for edge in edges], np.int64),
        relation=np.array([RELATIONS.index(edge.relation) for edge in edges], np.int8),
        at=np.array([edge.at for edge in edges], np.int64),
        weight=np.array([edge.weight * edge.kept for edge in edges], np.float32),
        rating=np.array([np.nan if edge.rating is None else edge.rating for edge in edges], np.float32),
    )
