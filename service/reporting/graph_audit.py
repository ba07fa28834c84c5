"""Does the graph hold what the event log says, and nothing that hangs in the air?"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from graph.log import EventLog
from graph.store import GraphStore
from service.shop_snapshot import ShopSnapshot


@dataclass(frozen=True)
class Finding:
    """One thing that was counted."""

    what: str
    count: int
    wrong: bool
    """More than none of these should not be; otherwise it is only worth knowing."""


@dataclass(frozen=True)
class GraphAudit:
    """Counts, and what is wrong with them."""

    log_sequence: int
    """Newest sequence number of the event log."""
    graph_sequence: int
    """Newest one in the graph; equal unless the graph is behind."""
    edges: int
    foreign_adopted: int
    """Edges written by others that this refresh found and took into the log."""
    findings: list[Finding]

    @property
    def sound(self) -> bool:
        """Nothing is wrong."""
        return not any(finding.wrong and finding.count for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """For the report."""
        return {**asdict(self), "sound": self.sound}


def audit_graph(log: EventLog, store: GraphStore, snapshot: ShopSnapshot, foreign: int) -> GraphAudit:
    """Count in the snapshot what a whole graph does not have; milliseconds per million edges.

    Log and store are asked for their sequence numbers: both move on while events arrive.
    """
    edges, alive = snapshot.edges, snapshot.alive
    n_items, n_users = len(alive), len(snapshot.user_ids)
    inside = (edges.item >= 0) & (edges.item < n_items) & (edges.user >= 0) & (edges.user < n_users)
    engaged = np.bincount(edges.item[inside], minlength=n_items) > 0
    titled = (snapshot.items["title"] != "").to_numpy()
    placed = np.zeros(n_items, np.bool_)
    placed[snapshot.item_category[:, 0]] = True
    known = np.array([bool(user_id) for user_id in snapshot.user_ids], np.bool_)
    active = np.bincount(edges.user[inside], minlength=n_users) > 0
    graph_sequence = store.applied_seq()
    count = _counter()
    return GraphAudit(
        log_sequence=log.last_seq(),
        graph_sequence=graph_sequence,
        edges=len(edges.item),
        foreign_adopted=foreign,
        findings=[
            count("edges that lead to no item or user", ~inside, True),
            count("edges of an item that was deleted", ~alive[edges.item[inside]], True),
            count("edges newer than the graph says it is", edges.seq > graph_sequence, True),
            count("categories in a circle", _in_circles(snapshot.category_parent), True),
            count("items without an event", alive & ~engaged, False),
            count("items without a title", alive & ~titled, False),
            count("items without a category", alive & ~placed, False),
            count("items that nothing leads to (no event, title or category)",
                  alive & ~engaged & ~titled & ~placed, False),
            count("users without an event that counts", known & ~active, False),
        ],
    )  # fmt: skip


def _counter() -> Callable[[str, Any, bool], Finding]:
    return lambda what, mask, wrong: Finding(what, int(np.count_nonzero(mask)), wrong)


def _in_circles(parent: Any) -> Any:
    """Categories from which going up never ends."""
    at = np.arange(len(parent))
    for _ in range(len(parent).bit_length() + 1):  # pointer doubling: after k rounds, 2^k steps up
        at = np.where(at >= 0, _step(parent, at), -1)
        parent = np.where(parent >= 0, _step(parent, parent), -1)
    return at >= 0


def _step(parent: Any, at: Any) -> Any:
    return parent[np.maximum(at, 0)]
