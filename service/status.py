"""Where a home stands: counts, sequence numbers, release, store."""

import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from graph.errors import StoreUnavailable
from graph.log import EventLog
from graph.store import StoreHealth
from service.catch_up import graph_ahead
from service.foreign_edges import foreign_status
from service.home import Home
from service.intake.sync import source_status
from service.live.updater_status import read_updater
from service.nightly.schedule_state import schedule_status
from service.releases.index_recall import index_warning
from service.releases.store import ReleaseStore
from service.settings import Settings
from service.store_standing import Standing, StoreStanding
from service.stores import backend_of, closing_both, open_log, open_store

UNTOLD = "`ilk status` says why"
LEAST_BYTES = 1 << 20
"""With less left a disk is full for all that is written here."""


def read_status(settings: Settings, home: Home) -> dict[str, Any]:
    """Open the home and look; see `status_of`. With `[[sources]]` also where each stands (`sources`);
    where others may write to the graph, what of that was not taken over (`foreign`)."""
    log, releases = open_log(home), ReleaseStore(home.releases)
    with closing_both(log):
        try:
            store = open_store(settings, home)
        except StoreUnavailable as error:
            away = Standing(StoreHealth(False, backend_of(settings), "", str(error)))
            status = status_of(log, lambda: away, releases, home.fresh)
        else:
            with closing_both(store):
                standing = StoreStanding(store, backend=backend_of(settings))
                status = status_of(log, standing.look, releases, home.fresh)
                foreign = foreign_status(store) if status["store"]["ok"] else None
            if foreign is not None:
                status["foreign"] = foreign
    status["schedule"] = schedule_status(home)
    if settings.sources:
        status["sources"] = source_status(settings, home)
    return status


def status_of(
    log: EventLog, look: Callable[[], Standing], releases: ReleaseStore, fresh: Path | None = None
) -> dict[str, Any]:
    """As in `ilk status --json`: lag shows as `sequence` (accepted) above `applied_sequence` (in the graph)
    above `visible_sequence` (in the served answers). look: at the store. fresh: the home's folder of fresh
    rows. `problem`: what is wrong with all that. Where the graph is ahead of the log nothing can be loaded or
    refreshed; where the store is out of reach counts are those of `counted_at`, or None where nobody here has
    seen any."""
    standing = look()
    stats = standing.stats
    sequence = log.last_seq()  # after the graph's: it may grow
    release = releases.current_summary()
    updater = None if fresh is None else read_updater(fresh)
    visible = (release or {}).get("events_through") or 0
    if updater is not None and release is not None and updater.release == release["version"]:
        visible = max(visible, updater.visible_sequence)
    applied = None if stats is None else stats.applied_seq
    if not standing.health.ok and updater is not None:  # it may have seen the store later than we
        applied = max(applied or 0, updater.applied_sequence)
    return {
        "items": stats and stats.items,
        "users": stats and stats.users,
        "events": stats and stats.events,
        "categories": stats and stats.categories,
        "counted_at": standing.counted_at,
        "sequence": sequence,
        "applied_sequence": applied,
        "visible_sequence": visible,
        "problem": _problem(standing, applied, sequence) or (None if fresh is None else _full(fresh.parent)),
        "index_warning": index_warning(((release or {}).get("metrics") or {}).get("index")),
        "release": release,
        "store": asdict(standing.health),
        "updater": None if updater is None else updater.to_json(),
    }


def for_callers(status: dict[str, Any]) -> dict[str, Any]:
    """A status for everybody with a key, who is not to know where the store and the shop's files are: of what
    failed its kind, not the error's own text. That stands in `ilk status` and in the server's log."""
    told = dict(status)
    if told["updater"] is not None:
        updater = dict(told["updater"])
        cause = updater.pop("cause")
        told["updater"] = updater | {"trouble": updater["trouble"] and (cause or UNTOLD)}
    told["schedule"] = {
        name: job | {"last_message": UNTOLD} if job["last_outcome"] == "failed" else job
        for name, job in told.get("schedule", {}).items()
    }
    if "sources" in told:
        told["sources"] = [one | {"error": one["error"] and UNTOLD} for one in told["sources"]]
    return told


def free_bytes(home: Path) -> int | None:
    """What is free for us where the home lies; None: it cannot be looked at."""
    try:
        return shutil.disk_usage(home).free
    except OSError:
        return None


def _full(home: Path) -> str | None:
    """Said before anything fails, too: while nothing is sent, nothing does."""
    free = free_bytes(home)
    if free is None or free >= LEAST_BYTES:
        return None
    return "the home's disk is full; events are refused until there is space again"


def _problem(standing: Standing, applied: int | None, sequence: int) -> str | None:
    if not standing.health.ok:
        counts = "no counts are known" if standing.stats is None else "counts are those it last told"
        return (
            f"{standing.health.detail}; {counts}; events that are accepted meanwhile come into the graph "
            "once it answers"
        )
    return None if applied is None else graph_ahead(applied, sequence)
