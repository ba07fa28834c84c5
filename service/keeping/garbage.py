"""What a home need not keep for ever: old releases, quarantine files, other models' vectors, checkpoints."""

import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from service.errors import HomeBusy
from service.home import Home
from service.releases.errors import ReleaseError
from service.releases.manifest import read_manifest
from service.releases.store import ReleaseStore
from service.settings import RetentionSettings

DAY = 86_400.0


@dataclass
class GarbageReport:
    """What was removed, or would be."""

    releases: list[str] = field(default_factory=list)
    quarantine_files: int = 0
    cached_texts: int = 0
    """Vectors of text models that the serving release does not use."""
    checkpoints: int = 0
    bytes: int = 0
    """Of releases, quarantine files and checkpoints; the cache's file reuses its space."""
    skipped: list[str] = field(default_factory=list)
    """What could not be looked at now, and why."""

    def to_json(self) -> dict[str, Any]:
        """As in `--json`."""
        return asdict(self)


def collect_garbage(
    home: Home, keep: RetentionSettings, *, dry_run: bool = False, clock: Callable[[], float] = time.time
) -> GarbageReport:
    """Remove what the settings no longer keep; never the serving release, nor the one before it.

    Safe while serving: who has a removed release open goes on using it. Raises `HomeBusy` during a load, an
    erasure or a backup.
    """
    report = GarbageReport()
    with home.writing("gc"):
        _releases(home, keep.releases, report, dry_run)
        _quarantine(home, clock() - keep.quarantine_days * DAY, report, dry_run)
        _cache(home, report, dry_run)
        _checkpoints(home, clock() - keep.checkpoint_days * DAY, report, dry_run)
    return report


def _releases(home: Home, keep: int, report: GarbageReport, dry_run: bool) -> None:
    store = ReleaseStore(home.releases)
    try:
        current = store.current_version()
        needed = set() if current is None else {current, read_manifest(home.releases / current).parent}
    except ReleaseError as error:
        report.skipped.append(f"releases: {error}")
        return
    doomed = [version for version in store.versions()[keep:] if version not in needed]
    report.bytes += sum(_size(home.releases / version) for version in doomed)
    report.releases = doomed if dry_run else list(store.remove(doomed))


def _quarantine(home: Home, before: float, report: GarbageReport, dry_run: bool) -> None:
    old = [path for path in home.quarantine.glob("*.jsonl") if path.stat().st_mtime < before]
    report.quarantine_files = len(old)
    report.bytes += sum(path.stat().st_size for path in old)
    for path in old if not dry_run else ():
        path.unlink(missing_ok=True)


def _cache(home: Home, report: GarbageReport, dry_run: bool) -> None:
    """Vectors of models that the serving release does not use; without a release nothing is certain."""
    summary = ReleaseStore(home.releases).current_summary()
    fingerprint = None if summary is None else summary["encoder_fingerprint"]
    if fingerprint is None or not home.text_cache.exists():
        return
    from encoders import EmbeddingCache  # here: only this needs it

    try:
        with home.writing("gc", "refresh"):  # a refresh with another model fills the cache with its vectors
            cache = EmbeddingCache(home.text_cache)
            try:
                others = cache.count_others if dry_run else cache.forget_others
                report.cached_texts = others(fingerprint)
            finally:
                cache.close()
    except HomeBusy:
        report.skipped.append("text cache: a refresh is at work")


def _checkpoints(home: Home, before: float, report: GarbageReport, dry_run: bool) -> None:
    old = [path for path in home.work.glob("*") if path.stat().st_mtime < before]
    if not old:
        return
    try:
        with home.writing("gc", "refresh"):
            report.checkpoints = len(old)
            report.bytes += sum(_size(path) for path in old)
            for path in old if not dry_run else ():
                shutil.rmtree(path)
    except HomeBusy:
        report.skipped.append("checkpoints: a refresh is at work")


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
