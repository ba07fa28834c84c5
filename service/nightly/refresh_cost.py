"""How long the stages of a refresh may take, by the seconds that earlier refreshes of the home took."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

NEWEST_RUNS = 5
"""Runs that an estimate rests on: machines and settings change."""
_UNIT_OF = {"encode": "encoded", "index": "items", "write": "items", "audit": "", "publish": ""}
"""What a stage's seconds grow with; the others grow with the edges, and those of "" do not grow."""


@dataclass(frozen=True)
class RefreshWork:
    """How much there is to do."""

    edges: int
    items: int
    encoded: int
    """Texts that are not in the cache."""


def expected_seconds(history: Sequence[Mapping[str, Any]], work: RefreshWork) -> dict[str, float]:
    """Seconds of each stage that an earlier run tells something about, by name.

    history: lines of `service.reporting.history`, oldest first. The median of the newest runs' seconds per
    edge, item or text; stages that were skipped, or that lines of an older make do not count, tell nothing.
    """
    rates: dict[str, list[float]] = {}
    for run in reversed(history):
        for stage in run.get("stages", ()):
            name = stage["name"]
            units = _units(name, run)
            known = rates.setdefault(name, [])
            if units and not stage["skipped"] and len(known) < NEWEST_RUNS:
                known.append(stage["seconds"] / units)
    now = {"edges": work.edges, "items": work.items, "encoded": work.encoded}
    return {name: median(known) * (_units(name, now) or 0) for name, known in rates.items() if known}


def _units(stage: str, counts: Mapping[str, Any]) -> int | None:
    unit = _UNIT_OF.get(stage, "edges")
    return counts.get(unit) if unit else 1
