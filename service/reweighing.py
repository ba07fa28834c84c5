"""Weights of event types that were changed in the settings, brought to the edges that are in the graph."""

import json
from collections.abc import Mapping

from graph.event_type import EventType
from graph.log import EventLog
from graph.store import DEFAULT_WEIGHTS, GraphStore
from service.home import Home
from service.stores import note_reload

_NAME = "weights.json"


def reweigh_when_changed(
    home: Home, log: EventLog, store: GraphStore, weights: Mapping[EventType, float]
) -> int:
    """Give every edge the weight that its event's type has now; returns how many changed.

    Does nothing where the weights are those of the last time (a file in the home). Interrupted, it begins
    again. A running updater reads the graph anew afterwards.
    """
    path = home.root / _NAME
    now = {kind.value: float(weights[kind]) for kind in DEFAULT_WEIGHTS}
    default = {kind.value: weight for kind, weight in DEFAULT_WEIGHTS.items()}
    if now == (json.loads(path.read_text("utf-8")) if path.exists() else default):
        return 0
    changed = sum(store.reweigh(batch.select("seq", "event_type"), weights) for batch in log.batches(0))
    temporary = path.with_suffix(".writing")
    temporary.write_text(json.dumps(now), "utf-8")
    temporary.replace(path)
    if changed:
        note_reload(home)
    return changed
