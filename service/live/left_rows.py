"""What an updater that ended left behind: another one goes on from it and computes everything later."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graph.refund import refund_rows
from service.change_log import ChangeKind
from service.live.fresh_record import FreshRecord
from service.live.live_sources import LiveSources
from service.releases.reader import LoadRows
from service.releases.release import Release
from service.settings import Settings

MOST_EVENTS = 1000
"""With more to fold in, computing everything anew is as quick."""


@dataclass(frozen=True)
class LeftRows:
    """Fresh rows of a release as they were published."""

    rows: Sequence[Any]
    """In order."""
    through: int
    """Newest event that counts in them."""
    changes_through: int
    """Newest entry of the change log that counts in them."""


def made_with(settings: Settings) -> str:
    """Digest of the settings that decide which events fresh rows count, and how."""
    update = settings.update
    told = [update.caps.model_dump(), sorted(update.freeze), settings.selection.model_dump()]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def usable_rows(
    release: Release, left: Sequence[FreshRecord], sources: LiveSources, load: LoadRows, settings: Settings
) -> LeftRows | None:
    """The rows of records that follow each other, the first one full; None where they would say something
    that does not hold any more: after a refund, a deletion, an erasure, events taken out, or with other
    settings. Those, and whatever only shows in the store, are told by computing everything."""
    last = left[-1]
    if not left[0].full or last.changes_through is None or last.made_with != made_with(settings):
        return None
    through, applied = last.events_through, sources.store.applied_seq()
    if not release.manifest.events_through <= through <= applied <= through + MOST_EVENTS:
        return None
    changes = sources.changes.since(last.changes_through)
    if changes is None or any(one.kind is not ChangeKind.PUT for one in changes):
        return None
    if refund_rows(sources.log.read(through, MOST_EVENTS)).any():
        return None
    rows = [load(one.arrays, one.config) for one in left if one.arrays]
    return LeftRows(rows, through, last.changes_through)
