"""Where a home stands: counts, sequence numbers, release, store."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from graph.log import EventLog
from graph.store import GraphStore
from service.catch_up import graph_ahead
from service.foreign_edges import foreign_status
from service.home import Home
from service.intake.sync import source_status
from service.live.updater_status import read_updater
from service.nightly.schedule_state import schedule_status
from service.releases.store import ReleaseStore
from service.settings import Settings
from service.stores import closing_both, open_log, open_store


def read_status(settings: Settings, home: Home) -> dict[str, Any]:
    """Open the home and look; see `status_of`. With `[[sources]]` also where each stands (`sources`);
    where others may write to the graph, what of that was not taken over (`foreign`)."""
    log, store = open_log(home), open_store(settings, home)
    with closing_both(log, store):
        status = status_of(log, store, ReleaseStore(home.releases), home.fresh)
        foreign = foreign_status(store)
    if foreign is not None:
        status["foreign"] = foreign
    status["schedule"] = schedule_status(home)
    if settings.sources:
        status["sources"] = source_status(settings, home)
    return status


def status_of(
    log: EventLog, store: GraphStore, releases: ReleaseStore, fresh: Path | None = None
) -> dict[str, Any]:
    """As in `ilk status --json`: lag shows as `sequence` (accepted) above `applied_sequence` (in the graph)
    above `visible_sequence` (in the served answers). fresh: the home's folder of fresh rows. `problem`: what
    is wrong with all that, where the graph is ahead of the log; then nothing can be loaded or refreshed."""
    stats = store.stats()
    sequence = log.last_seq()  # after the graph's: it may grow
    release = releases.current_summary()
    updater = None if fresh is None else read_updater(fresh)
    visible = (release or {}).get("events_through") or 0
    if updater is not None and release is not None and updater.release == release["version"]:
        visible = max(visible, updater.visible_sequence)
    return {
        "items": stats.items,
        "users": stats.users,
        "events": stats.events,
        "categories": stats.categories,
        "sequence": sequence,
        "applied_sequence": stats.applied_seq,
        "visible_sequence": visible,
        "problem": graph_ahead(stats.applied_seq, sequence),
        "release": release,
        "store": asdict(store.health()),
        "updater": None if updater is None else updater.to_json(),
    }
