"""Releases that the gate let through and that wait for a person."""

from collections.abc import Iterable

from service.releases.errors import NotWaiting, UnknownRelease
from service.releases.manifest import version_counter
from service.releases.release import ReleaseSummary
from service.releases.store import ReleaseStore


def waiting(releases: Iterable[ReleaseSummary]) -> list[str]:
    """Versions that a person may let serve, newest first: whole, let through by the gate, newer than what
    serves, never published."""
    found = list(releases)
    current = next((version_counter(one.version) for one in found if one.current), 0)
    return [one.version for one in found if version_counter(one.version) > current and _may_serve(one)]


def approve(releases: ReleaseStore, version: str) -> str | None:
    """Let a waiting release serve; returns the version that served before.

    Raises `UnknownRelease`, `NotWaiting`, `TornRelease`, `ForeignRelease`, `HomeBusy`.
    """
    found = releases.list()
    if version not in {one.version for one in found}:
        raise UnknownRelease(f"there is no release {version!r}; `ilk release list` shows all")
    if version not in waiting(found):
        raise NotWaiting(
            f"release {version} does not wait: it served before, is older than what serves, or the gate "
            "rejected it"
        )
    before = releases.current_version()
    releases.publish(version)
    return before


def _may_serve(release: ReleaseSummary) -> bool:
    gate = (release.metrics or {}).get("gate") or {}
    return not release.published and release.problem is None and bool(gate.get("passed"))
