"""The updater as a process of its own beside the API workers, started again when it dies."""

import logging
import multiprocessing
import os
import signal
import threading
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

from service.child_process import (
    ASKED_SECONDS,
    ENDED_IN_ORDER,
    fresh_interpreter,
    leave_interrupts_to_parent,
)
from service.settings import Settings, load_settings

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.2
PAUSE_SECONDS = (0.0, 0.0, 1.0, 2.0, 5.0)
"""Before each further start of an updater that lives less than `STEADY_SECONDS`; the last one repeats."""
STEADY_SECONDS = 30.0


class UpdaterProcess:
    """Keeps an updater running until `stop`."""

    def __init__(self, settings: Settings) -> None:
        """Start it."""
        self._home = settings.home
        self._stopping = threading.Event()
        self.restarts = 0
        """How often it had to be started again."""
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
        quick, born = 0, time.monotonic()
        while not self._stopping.wait(LOOK_SECONDS):
            if self._process.is_alive():
                continue
            if self._process.exitcode in ENDED_IN_ORDER and self._stopping.wait(ASKED_SECONDS):
                return
            quick = quick + 1 if time.monotonic() - born < STEADY_SECONDS else 0
            logger.error("the updater ended with code %s; starting it again", self._process.exitcode)
            if self._stopping.wait(PAUSE_SECONDS[min(quick, len(PAUSE_SECONDS) - 1)]):
                return
            self.restarts += 1
            self._process, born = self._started(), time.monotonic()

    def _started(self) -> BaseProcess:
        process = multiprocessing.get_context("spawn").Process(
            target=_main, args=(self._home, os.getpid(), self.restarts), name="ilk-updater", daemon=True
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
