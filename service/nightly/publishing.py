"""What becomes of a release that a refresh has made: it serves, or is held back."""

from dataclasses import dataclass

from service.home import Home
from service.nightly.refresh_result import REJECTED
from service.nightly.write_back import write_back, writes_back
from service.releases.manifest import ReleaseManifest
from service.releases.store import ReleaseStore
from service.reporter import Reporter
from service.settings import Settings
from service.stores import closing_both, open_store


@dataclass(frozen=True)
class Publication:
    """Which release serves by now, and why."""

    release: str | None
    """The one that serves; `None`: none yet."""
    published: bool
    reason: str


def publish_or_hold(
    made: ReleaseManifest, releases: ReleaseStore, settings: Settings, home: Home, reporter: Reporter
) -> Publication:
    """Publish a release that the gate lets through; write its neighbours into the graph where that is set.

    Held back is what the gate rejected, and what waits for a person (`refresh.approval`).
    """
    gate = made.metrics["gate"]
    held_back = None
    if not gate["passed"]:
        held_back = f"{REJECTED}{gate['reason']}"
    elif settings.refresh.approval and _waits(releases, made.version):
        held_back = f"waits for approval: ilk release approve {made.version}"
    if held_back is not None:
        current = releases.current_version()
        meanwhile = f"{current} goes on serving" if current else "nothing serves yet"
        reporter.say(f"  release {made.version} {held_back}; {meanwhile}")
        return Publication(current, published=False, reason=held_back)
    with reporter.stage("publish") as stage:
        releases.publish(made.version)
        stage.note = made.version
    if writes_back(settings):
        _write_back(made.version, releases, settings, home, reporter)
    return Publication(made.version, published=True, reason=str(gate["reason"]))


def _waits(releases: ReleaseStore, version: str) -> bool:
    """An earlier release that serves again was approved before."""
    return not any(one.published for one in releases.list() if one.version == version)


def _write_back(
    version: str, releases: ReleaseStore, settings: Settings, home: Home, reporter: Reporter
) -> None:
    with reporter.stage("write back") as stage:
        store = open_store(settings, home, patient=True)
        with closing_both(store):
            edges = write_back(releases.open(version), store, settings.graph.similar_edges, stage.progress)
        stage.note = f"{edges:,} SIMILAR_TO edges"
