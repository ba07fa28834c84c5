"""The updater as a process of its own beside the API workers, started again when it dies."""

import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

from service.child_process import (
    ASKED_SECONDS,
    ENDED_IN_ORDER,
    fresh_interpreter,
    leave_interrupts_to_parent,
)
from service.home import Home
from service.live.updater_status import STEADY_SECONDS, read_updater
from service.settings import Settings, load_settings

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.2
"""How long the end may wait for the watch; a death is noticed at once."""
PAUSE_SECONDS = (0.0, 0.0, 1.0, 2.0, 5.0)
"""Before each further start after an early end; the last one repeats."""
KILLED_SECONDS = (0.0, 0.0, 0.0, 1.0, 2.0)
"""Likewise after each kill of an updater that was young and had worked, since one lived long; events are to
count again within five seconds even so."""


@dataclass
class RestartPause:
    """How long to wait before an updater is started again.

    One that ends early again and again, of an error of its own or before it has done anything, must not take
    a processor from those who answer. One that was killed after it had counted further events in may have
    done nothing wrong, however young: it is started again at once, for meanwhile no event counts. Killed so
    again and again it may be that the memory does not suffice: pauses come then too, but stay short.
    """

    early: int = 0
    """Ends in a row that were early."""
    killed: int = 0
    """Kills of young updaters that had counted further events, since one lived long. Other early ends between
    them take none back: else an updater killed by turns before and after it counts would never pause."""
    reached: int = 0
    """Newest event that counted, of all that were told of."""

    def after(self, exitcode: int | None, lived: float, reached: int) -> float:
        """Seconds. exitcode: as `multiprocessing` has it. lived: in seconds. reached: newest event that it
        counted, 0 where it told of none."""
        further, self.reached = reached > self.reached, max(reached, self.reached)
        if lived >= STEADY_SECONDS:
            self.early = self.killed = 0
        elif exitcode == -signal.SIGKILL and further:
            self.early, self.killed = 0, self.killed + 1
            return _step(KILLED_SECONDS, self.killed - 1)
        else:
            self.early += 1
        return _step(PAUSE_SECONDS, self.early)


def _step(ladder: Sequence[float], step: int) -> float:
    return ladder[min(step, len(ladder) - 1)]


class UpdaterProcess:
    """Keeps an updater running until `stop`."""

    def __init__(self, settings: Settings, work: Callable[[Path, int, int], None] | None = None) -> None:
        """Start it. work: what the process does, given the home, its parent's id and how often it had to be
        started again; None: follows the event log."""
        self._work = work or _main
        self._home = settings.home
        self._stopping = threading.Event()
        self.restarts = 0
        """How often it had to be started again."""
        self.pauses = RestartPause()
        self._process = self._started()
        self._watch = threading.Thread(target=self._keep, name="updater-watch", daemon=True)
        self._watch.start()

    def keep_no_longer(self) -> None:
        """Everything is about to end: it works on until `stop`, but is not started again. May be called where
        a signal is handled."""
        self._stopping.set()

    def stop(self) -> None:
        """End it in order."""
        self.keep_no_longer()
        self._watch.join()
        self._process.terminate()
        self._process.join(timeout=10)

    def _keep(self) -> None:
        born = time.monotonic()
        while not self._stopping.is_set():
            self._process.join(LOOK_SECONDS)
            if self._process.is_alive() or self._stopping.is_set():
                continue
            code, lived = self._process.exitcode, time.monotonic() - born
            if code in ENDED_IN_ORDER and self._stopping.wait(ASKED_SECONDS):
                return
            seconds = self.pauses.after(code, lived, self._reached())
            when = f" in {seconds:.0f} s" if seconds else ""
            logger.error("the updater ended with code %s; starting it again%s", code, when)
            if self._stopping.wait(seconds):
                return
            self.restarts += 1
            self._process, born = self._started(), time.monotonic()

    def _reached(self) -> int:
        """Newest event that counted with the process that ended, not with one before it."""
        status = read_updater(Home(self._home).fresh)
        if status is None or status.pid != self._process.pid or status.carried:
            return 0
        return status.reached

    def _started(self) -> BaseProcess:
        process = multiprocessing.get_context("spawn").Process(
            target=self._work, args=(self._home, os.getpid(), self.restarts), name="ilk-updater", daemon=True
        )
        with fresh_interpreter():
            process.start()
        return process


def _main(home: Path, parent: int, restarts: int) -> None:
    from service.json_logs import configure_json_logs
    from service.live.updater import follow

    configure_json_logs()
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    leave_interrupts_to_parent()  # which ends us in order

    def watch() -> None:
        while os.getppid() == parent and not stopping.is_set():
            time.sleep(0.5)
        stopping.set()

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
    follow(load_settings(home), stopping, restarts)
