"""How the updater stands, as a small file that other processes read."""

import json
import logging
import os
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from graph.errors import DamagedStore, DiskFull, StoreConflict, StoreUnavailable, TooManyFiles

logger = logging.getLogger(__name__)

_NAME = "updater.json"
STALE_SECONDS = 10.0
"""An updater that has not written for so long is taken for dead or stuck."""
STEADY_SECONDS = 30.0
"""An updater that lived so long did not end early."""
Served = tuple[str, int]
"""(release that serves, newest event that counts in it as it was made)."""


@dataclass(frozen=True)
class UpdaterStatus:
    """Written about once a second."""

    pid: int = 0
    at: float = 0.0
    """Unix time of writing."""
    sequence: int = 0
    """Newest event in the log."""
    applied_sequence: int = 0
    """Newest event in the graph."""
    visible_sequence: int = 0
    """Newest event that was folded into the release below."""
    release: str | None = None
    lag_seconds: float = 0.0
    """Age of the oldest event that is accepted and not visible yet."""
    trouble: str | None = None
    """What keeps it from going on, in one line; None: nothing."""
    cause: str | None = None
    """`trouble` by its kind, for those who are not to know addresses and paths."""
    carried: bool = False
    """Whether the numbers are those of the process before: this one has counted nothing yet."""
    figures: dict[str, float] = field(default_factory=dict)
    """Counts and times since it started, by metric name."""

    def to_json(self) -> dict[str, Any]:
        """For `ilk status --json`; `/v1/status` tells `cause` alone of a trouble."""
        return {**asdict(self), "running": self.running}

    @property
    def running(self) -> bool:
        """Whether its process is there and wrote lately."""
        return self.alive and is_running(self)

    @property
    def reached(self) -> int:
        """Newest event that is in the graph and, where a release is kept up to date, in its answers."""
        if self.release is None:
            return self.applied_sequence
        return min(self.applied_sequence, self.visible_sequence)

    @property
    def alive(self) -> bool:
        """Whether it wrote lately."""
        return time.time() - self.at < STALE_SECONDS


def carried_on(status: UpdaterStatus, before: UpdaterStatus | None, served: Served | None) -> UpdaterStatus:
    """`status` of an updater that cannot look at the graph or follows no release just now, with what is known
    nevertheless: what stands in `before`, the status that was written last, and that `served` knows of its
    events. Nothing of that is lost because nobody can look at it."""
    before = before or UpdaterStatus()
    release, visible = served or (before.release, 0)
    if release == before.release:
        visible = max(visible, before.visible_sequence)
    return replace(
        status,
        sequence=status.sequence or before.sequence,
        applied_sequence=status.applied_sequence or max(before.applied_sequence, served[1] if served else 0),
        release=status.release or release,
        visible_sequence=status.visible_sequence if status.release else visible,
    )


def cause_of(error: Exception) -> str:
    """What kind of trouble an error is, without what its text may hold: addresses, paths, ids."""
    match error:
        case DiskFull():
            return "the disk of the home is full"
        case DamagedStore():
            return "a database of the home is damaged"
        case TooManyFiles():
            return "the updater may open no further file"
        case StoreUnavailable():
            return "the graph store is out of reach"
        case StoreConflict():
            return "the graph store is held by another writer"
        case OSError():
            return f"a file of the home or its disk refuses: {error.strerror or 'no reason is known'}"
    return type(error).__name__


def write_status(folder: Path, status: UpdaterStatus) -> None:
    """Replace the file at once; a disk that refuses is logged and ignored."""
    temporary = folder / f".{_NAME}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(asdict(status)), "utf-8")
        temporary.replace(folder / _NAME)
    except OSError as error:
        logger.warning("the updater's status was not written: %s", error.strerror)


def read_updater(folder: Path) -> UpdaterStatus | None:
    """What the updater wrote last; None: there is none, or it cannot be read."""
    try:
        return UpdaterStatus(**json.loads((folder / _NAME).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def is_running(status: UpdaterStatus) -> bool:
    """Whether the process that wrote it still runs on this machine."""
    try:
        os.kill(status.pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return status.pid > 0
