"""The audit stage of a refresh: looks at the written release before it may serve, and keeps what it saw."""

import numpy as np

from gnn.shop_arrays import IntArray
from service.home import Home
from service.releases.errors import ReleaseError
from service.releases.manifest import ReleaseManifest
from service.releases.release import Release
from service.releases.store import ReleaseStore
from service.reporter import ProgressFn, Reporter
from service.reporting.abuse_audit import audit_abuse
from service.reporting.cleaning import cleaning_counts
from service.reporting.drift import Drift, drift_from, served_by_day
from service.reporting.graph_audit import GraphAudit
from service.reporting.neighbour_audit import NeighbourAudit, audit_neighbours
from service.reporting.report import write_details
from service.shop_snapshot import ShopSnapshot


class RefreshAudit:
    """Works from what lies on the disk, so an audit that was interrupted is simply made again."""

    def __init__(self, home: Home, sample: int) -> None:
        """sample: items whose neighbours are compared at most."""
        self._home = home
        self._releases = ReleaseStore(home.releases)
        self._sample = sample
        self.graph: GraphAudit | None = None
        """Made while log and store are open."""

    def run(self, made: ReleaseManifest, snapshot: ShopSnapshot, reporter: Reporter) -> None:
        """Compare the release with the one that serves, look at the events, write `report.json`."""
        with reporter.stage("audit") as stage:
            edges = snapshot.edges
            counts = np.bincount(edges.item, minlength=snapshot.items.height)
            neighbours = self._neighbours(made.version, counts, stage.progress)
            drift = self._drift(made.version, counts, neighbours, stage.progress)
            abuse = audit_abuse(edges.user, edges.item, edges.at, snapshot.items["item_id"].to_list())
            stage.note = _note(neighbours, drift, self.graph)
        write_details(
            self._home.releases / made.version,
            {
                "shop": {
                    "items": int(snapshot.alive.sum()),
                    "users": len(np.unique(edges.user)),
                    "edges": len(edges.item),
                },
                "neighbours": None if neighbours is None else neighbours.to_json(),
                "drift": None if drift is None else drift.to_json(),
                "graph": None if self.graph is None else self.graph.to_json(),
                "abuse": abuse.to_json(),
                "cleaning": cleaning_counts(self._home.quarantine),
                "stages": reporter.to_json(),
            },
        )

    def _neighbours(self, version: str, counts: IntArray, progress: ProgressFn) -> NeighbourAudit | None:
        """None where nothing serves (or nothing whole), or where nobody wants to know."""
        old = self._serving(version)
        if old is None or not self._sample:
            return None
        return audit_neighbours(self._releases.open(version), old, counts, self._sample, progress)

    def _drift(
        self, version: str, counts: IntArray, neighbours: NeighbourAudit | None, progress: ProgressFn
    ) -> Drift | None:
        """None where nothing was learned by day, or nothing is compared."""
        if neighbours is None:
            return None
        try:
            served = served_by_day(self._home)
        except ReleaseError:  # switched or torn since
            return None
        if served is None:
            return None
        if served.number or served.release.version != neighbours.against:
            new = self._releases.open(version)
            neighbours = audit_neighbours(new, served.release, counts, self._sample, progress)
        return drift_from(neighbours, served)

    def _serving(self, but: str) -> Release | None:
        try:
            if self._releases.current_version() in (None, but):
                return None
            return self._releases.open_current()
        except ReleaseError:  # torn: the refresh is here to replace it
            return None


def _note(neighbours: NeighbourAudit | None, drift: Drift | None, graph: GraphAudit | None) -> str:
    sound = "graph sound" if graph is None or graph.sound else "the graph has faults, see the report"
    if neighbours is None:
        return f"nothing to compare with, {sound}"
    told = f"{neighbours.overlap:.0%} of the neighbours as in {neighbours.against}"
    if drift is not None:
        told += f", {drift.overlap:.0%} as the day's learning had them"
    return f"{told}, {sound}"
