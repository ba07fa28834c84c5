"""How far what was learned by day (increments, fold-in) is from what the night learned from everything."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from service.home import Home
from service.increments.state import TRAINED_THROUGH
from service.releases.holder import ReleaseHolder, Serving
from service.releases.store import ReleaseStore
from service.reporting.neighbour_audit import NeighbourAudit, Overlap


@dataclass(frozen=True)
class Drift:
    """Neighbours that the day's incremental model and the full one share: overlap@10, `related`."""

    against: str
    """Version of the release that served when the night's was compared."""
    increment: bool
    """Whether an increment had made that release."""
    folded_in: int
    """Events that were folded into it since it was made."""
    items: int
    """Items asked for: living in both."""
    overlap: float
    """Mean over the items; the drift is what is missing to 1."""
    by_popularity: list[Overlap]
    by_category: list[Overlap]

    def to_json(self) -> dict[str, Any]:
        """For the report."""
        return asdict(self)


def served_by_day(home: Home) -> Serving | None:
    """What answers now: the current release with the rows that were folded in.

    None: nothing of it was learned by day, or nothing serves. Raises what opening a release raises.
    """
    store = ReleaseStore(home.releases)
    if store.current_version() is None:
        return None
    holder = ReleaseHolder(store, fresh=home.fresh)
    holder.poll()
    serving = holder.serving()
    return serving if learned_by_day(serving) else None


def learned_by_day(serving: Serving) -> bool:
    """Whether an increment made it, or events were folded in."""
    manifest = serving.release.manifest
    return TRAINED_THROUGH in manifest.config or serving.events_through > manifest.events_through


def drift_from(audit: NeighbourAudit, serving: Serving) -> Drift:
    """audit: of the night's release against `serving`."""
    manifest = serving.release.manifest
    return Drift(
        against=serving.release.version,
        increment=TRAINED_THROUGH in manifest.config,
        folded_in=serving.events_through - manifest.events_through,
        items=audit.items,
        overlap=audit.overlap,
        by_popularity=audit.by_popularity,
        by_category=audit.by_category,
    )


def history_line(drift: Mapping[str, Any]) -> dict[str, Any]:
    """What the history keeps of a report's drift: the overlaps by name."""

    def named(groups: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        return {group["name"]: group["overlap"] for group in groups}

    kept = {name: drift[name] for name in ("against", "increment", "folded_in", "overlap")}
    return kept | {name: named(drift[name]) for name in ("by_popularity", "by_category")}
