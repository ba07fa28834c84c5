"""What the updater follows."""

from dataclasses import dataclass

from graph.log import EventLog
from graph.store import GraphStore
from service.change_log import ChangeLog


@dataclass(frozen=True)
class LiveSources:
    """Each object may be used by several threads."""

    log: EventLog
    store: GraphStore
    changes: ChangeLog
