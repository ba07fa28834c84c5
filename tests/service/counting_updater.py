"""In place of an updater, in a process of its own; in a module that imports little."""

import os
import time
from dataclasses import replace
from pathlib import Path

from service.home import Home
from service.live.updater_status import UpdaterStatus, write_status


def count_and_wait(home: Path, parent: int, restarts: int) -> None:
    """Tell of ten further events each time it is started, then wait for the end."""
    _tell_and_wait(home, parent, UpdaterStatus(applied_sequence=10 * (restarts + 1)))


def carry_and_wait(home: Path, parent: int, _restarts: int) -> None:
    """Tell of what an earlier one counted, as where the store is away, then wait for the end."""
    _tell_and_wait(home, parent, UpdaterStatus(applied_sequence=10, carried=True))


def _tell_and_wait(home: Path, parent: int, status: UpdaterStatus) -> None:
    write_status(Home(home).fresh, replace(status, pid=os.getpid(), at=time.time()))
    while os.getppid() == parent:
        time.sleep(0.05)
