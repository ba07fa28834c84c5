"""How the gates have decided lately, how much the newest release changed and what its index finds: for
metrics and alerts."""

from dataclasses import dataclass

from service.home import Home
from service.increments.state import IncrementState
from service.reporting.history import read_history

_NEWEST = 50


@dataclass(frozen=True)
class GateStanding:
    """What alerts look at."""

    refresh_rejections: int = 0
    """Full refreshes in a row that the gate rejected, up to now."""
    increment_rejections: int = 0
    """Increments likewise."""
    neighbour_drift: float | None = None
    """Share of the audited items' neighbours that the newest release of a refresh changed, 0 to 1; None: no
    release was compared with one before."""
    index_recall: float | None = None
    """Share of the nearest items that the index of the newest full refresh finds; None: not measured."""


def read_gate_standing(home: Home) -> GateStanding:
    """From the history of refreshes and what increments remember; a few kilobytes."""
    runs = read_history(home, _NEWEST)
    rejected = 0
    for run in reversed(runs):
        if (run.get("gate") or {}).get("passed", True):
            break
        rejected += 1
    overlaps = [run["overlap"] for run in runs if run.get("overlap") is not None]
    drift = 1.0 - float(overlaps[-1]) if overlaps else None
    recalls = [((run.get("metrics") or {}).get("index") or {}).get("recall@10") for run in runs]
    found = next((recall for recall in reversed(recalls) if recall is not None), None)
    return GateStanding(rejected, IncrementState.read(home, 0).hop.failures, drift, found)
