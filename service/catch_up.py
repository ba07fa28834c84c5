"""Bring the graph up to the event log: the one way in which events enter the graph."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from graph.log import EventLog
from graph.store import GraphStore
from service.errors import GraphAhead

CATCH_UP_ROWS = 50_000


def catch_up(
    log: EventLog,
    store: GraphStore,
    progress: Callable[[int, int], None] | None = None,
    rows: int = CATCH_UP_ROWS,
) -> npt.NDArray[np.int64]:
    """Apply every event that the log holds now, batch by batch; safe to interrupt and to repeat.

    Events that come meanwhile may be left: where they come faster than a batch takes, a loop until nothing is
    left would not return, and nothing of what was applied would ever be answered with.

    progress: called with (applied sequence number, newest sequence number). rows: per transaction.
    Returns the indices of the items whose edges changed, ascending, unique. Raises `GraphAhead` where the
    graph knows numbers that the log has not given out.
    """
    touched = [np.empty(0, np.int64)]
    applied = store.applied_seq()  # first: the log may grow meanwhile, and the graph after it
    target = log.last_seq()
    ahead = graph_ahead(applied, target)
    if ahead is not None:
        raise GraphAhead(ahead)
    for batch in log.batches(applied, rows):
        upto = int(batch["seq"][-1])
        touched.append(store.apply(batch, upto).touched)
        if progress:
            progress(upto, max(target, upto))
        if upto >= target:
            break
    return np.unique(np.concatenate(touched))


def graph_ahead(applied: int, last: int) -> str | None:
    """What is wrong, and what to do, where a graph was brought to `applied` and the home's log ends at the
    lower number `last`; None where they fit. `applied` has to be read first: the log may grow."""
    if applied <= last:
        return None
    return (
        f"the graph holds events up to number {applied:,}, the log of this home ends at {last:,}: they "
        "do not belong together (another home's database, or a log from a backup); use an empty "
        "database, or the home that this graph was made from"
    )
