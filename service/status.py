"""Where a home stands: counts, sequence numbers, release, store."""

from dataclasses import asdict
from typing import Any

from service.home import Home
from service.release_store import ReleaseStore
from service.settings import Settings
from service.stores import closing_both, open_log, open_store


def read_status(settings: Settings, home: Home) -> dict[str, Any]:
    """As in `ilk status --json`: lag shows as `sequence` (accepted) above `applied_sequence` (in the graph)
    above `visible_sequence` (in the served answers)."""
    log, store = open_log(home), open_store(settings, home)
    with closing_both(log, store):
        stats, health = store.stats(), store.health()
        sequence = log.last_seq()
    release = ReleaseStore(home.releases).current_summary()
    return {
        "items": stats.items,
        "users": stats.users,
        "events": stats.events,
        "categories": stats.categories,
        "sequence": sequence,
        "applied_sequence": stats.applied_seq,
        "visible_sequence": release.get("events_through", 0) if release else 0,
        "release": release,
        "store": asdict(health),
    }
