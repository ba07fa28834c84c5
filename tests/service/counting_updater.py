"""In place of an updater, in a process of its own; in a module that imports little."""

import os
import time
from pathlib import Path

from service.home import Home
from service.live.updater_status import UpdaterStatus, write_status


def count_and_wait(home: Path, parent: int, restarts: int) -> None:
    """Tell of ten further events each time it is started, then wait for the end."""
    status = UpdaterStatus(pid=os.getpid(), at=time.time(), applied_sequence=10 * (restarts + 1))
    write_status(Home(home).fresh, status)
    while os.getppid() == parent:
        time.sleep(0.05)
