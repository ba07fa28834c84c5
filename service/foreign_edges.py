"""Edges that someone wrote straight into the graph count too: found, logged, learned from like any event."""

import logging
from typing import Any, Protocol, runtime_checkable

from graph.log import EventLog
from graph.store import GraphStore

logger = logging.getLogger(__name__)

BATCH = 1_000


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
    if found.malformed:
        logger.warning(
            "%d relationships written by others are malformed and left alone", len(found.malformed)
        )
    if found.events.is_empty():
        return 0
    adopted = int(store.adopt(found, log).accepted.sum())
    logger.info("%d relationships written by others were adopted", adopted)
    return adopted
