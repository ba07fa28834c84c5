"""Edges that someone wrote straight into the graph count too: found, logged, learned from like any event."""

import logging
from typing import Any, Protocol, runtime_checkable

from graph.log import EventLog
from graph.store import GraphStore

logger = logging.getLogger(__name__)

BATCH = 1_000
SHOWN = 20


@runtime_checkable
class OpenToOthers(Protocol):
    """A store that others write to as well (Neo4j)."""

    def adopt_nodes(self, limit: int = BATCH) -> Any:
        """Number the nodes that others wrote."""

    def find_foreign(self, limit: int = BATCH, audit: bool = False) -> Any:
        """Edges that others wrote; `audit`: read every edge, whatever the counts say."""

    def adopt(self, found: Any, log: EventLog) -> Any:
        """Append found edges to the log."""


def adopt_foreign(log: EventLog, store: GraphStore, *, audit: bool = False) -> int:
    """Append what others wrote to the log; returns how many edges. The next catch-up numbers them.

    Stores that only Ilk writes to (SQLite) have none. Malformed edges are left untouched and logged.
    """
    if not isinstance(store, OpenToOthers):
        return 0
    store.adopt_nodes()
    found = store.find_foreign(BATCH, audit)
    if found.new_malformed:
        logger.warning(
            "%d relationships written by others are malformed and left alone; `ilk status` lists them",
            found.new_malformed,
        )
    if found.events.is_empty():
        return 0
    adopted = int(store.adopt(found, log).accepted.sum())
    logger.info("%d relationships written by others were adopted", adopted)
    return adopted


def foreign_status(store: GraphStore) -> dict[str, Any] | None:
    """What others wrote and Ilk did not take over (at most `SHOWN` malformed edges); None where only Ilk
    writes."""
    if not isinstance(store, OpenToOthers):
        return None
    found = store.find_foreign(BATCH)
    shown = [
        {"relation": one.relation.value, "reason": one.reason, "element_id": one.element_id}
        for one in found.malformed[:SHOWN]
    ]
    return {
        "waiting": found.events.height,
        "malformed": len(found.malformed),
        "vanished": found.vanished,
        "examples": shown,
    }
