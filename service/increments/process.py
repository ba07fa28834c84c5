"""Increments beside the service: made when due, in a process of their own that gives way to the others."""

import logging
import multiprocessing
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import psutil

from gnn.freed_memory import keep_few_arenas
from graph.errors import GraphError
from graph.log import EventLog
from service.child_process import (
    ASKED_SECONDS,
    ENDED_IN_ORDER,
    fresh_interpreter,
    leave_interrupts_to_parent,
)
from service.errors import ServiceError
from service.home import Home
from service.increments.giving_way import give_way
from service.increments.state import IncrementState, trained_through
from service.releases.errors import ReleaseError
from service.releases.manifest import read_manifest
from service.releases.store import ReleaseStore
from service.settings import IncrementSettings, Settings, load_settings
from service.stores import closing_both, open_log
from service.told_reason import ToldReason

logger = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
PATIENCE_SECONDS = 120.0
"""After so long an increment that had no tenth of a processor is begun anew with a share of its own."""
LEAST_SHARE = 0.1
POLICIES = ("touched", "full")
"""Values of `update.policy` under which increments are made."""


def due(new_events: int, waited: float, edges: int, settings: IncrementSettings) -> bool:
    """Whether to make one. waited: seconds since the last; edges: what the hop asks for just now."""
    if new_events >= edges:
        return True
    return waited >= settings.seconds and new_events >= max(edges // 10, 1)


def rest_after(duration: float, settings: IncrementSettings) -> float:
    """Seconds until the next one may be made, after one that took `duration` seconds."""
    return min(settings.rest * duration, settings.seconds)


class IncrementProcess:
    """Looks every few seconds until `stop`; never more than one increment at a time."""

    def __init__(
        self,
        settings: Settings,
        look_seconds: float = LOOK_SECONDS,
        work: Callable[[Path, bool, Connection], None] | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        """Start looking, unless `update.policy` wants none.

        work: what a process of its own does for the home; None: one increment. It is told whether to leave
        others every processor they want (`run_increment`), and sends a byte once that is over.
        patience_seconds: how long it may get next to nothing until then, where others take all processors.
        """
        self._settings = settings
        self._home = Home(settings.home)
        self._look_seconds = look_seconds
        self._work = work or _main
        self._patience = patience_seconds
        self._stopping = threading.Event()
        self._last = time.monotonic()
        self._not_before = 0.0
        self._why_not = ToldReason()
        self._thread: threading.Thread | None = None
        if settings.update.policy in POLICIES:
            self._thread = threading.Thread(target=self._watch, name="increments", daemon=True)
            self._thread.start()

    def keep_no_longer(self) -> None:
        """Everything is about to end: make no further one, drop the one under way. May be called where a
        signal is handled."""
        self._stopping.set()

    def stop(self) -> None:
        """End it; an increment under way is dropped, nothing of it is published."""
        self.keep_no_longer()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        while not self._stopping.wait(self._look_seconds):
            if time.monotonic() < self._not_before:
                continue
            try:
                log = open_log(self._home)
                with closing_both(log):
                    wanted = self._wanted(log)
            except (GraphError, ReleaseError, ServiceError, OSError) as error:
                if self._why_not.is_news(str(error)):
                    logger.warning("no increment now: %s", error)
                continue
            self._why_not.is_over()
            if wanted:
                self._make()

    def _wanted(self, log: EventLog) -> bool:
        version = ReleaseStore(self._home.releases).current_version()
        if version is None:
            return False
        manifest = read_manifest(self._home.releases / version)
        state = IncrementState.read(self._home, self._settings.increment.edges)
        since = max(trained_through(manifest), state.through)
        waited = time.monotonic() - self._last
        return due(log.last_seq() - since, waited, state.hop.edges, self._settings.increment)

    def _make(self) -> None:
        began = time.monotonic()
        exitcode, starved = self._run(idle=True)
        if starved and not self._stopping.is_set():
            logger.warning("others leave an increment no processor; begun anew with a share of its own")
            began = time.monotonic()
            exitcode, _ = self._run(idle=False)
        self._last = time.monotonic()
        self._not_before = self._last + rest_after(self._last - began, self._settings.increment)
        if exitcode and not self._stopping.wait(ASKED_SECONDS if exitcode in ENDED_IN_ORDER else 0.0):
            wait = self._settings.increment.seconds
            self._not_before = self._last + wait
            logger.warning("an increment ended with code %s; the next one in %g s", exitcode, wait)

    def _run(self, *, idle: bool) -> tuple[int | None, bool]:
        """(exit code, whether it was ended because it got next to nothing). idle: see `run_increment`."""
        context = multiprocessing.get_context("spawn")
        over, told = context.Pipe(duplex=False)
        process: BaseProcess = context.Process(
            target=self._work, args=(self._home.root, idle, told), name="ilk-increment", daemon=True
        )
        with over:
            with told, fresh_interpreter():
                process.start()
            starved = self._watched(process, over) if idle else False
            while process.is_alive() and not starved and not self._stopping.wait(0.1):
                pass
            if process.is_alive():
                process.terminate()
            process.join()
        return process.exitcode, starved

    def _watched(self, process: BaseProcess, over: Connection) -> bool:
        """Whether a process gets next to nothing, until it tells that it is idle no more: from then on it is
        not to be ended, for it publishes."""
        began = time.monotonic()
        while process.is_alive() and not over.poll() and not self._stopping.wait(0.1):
            waited = time.monotonic() - began
            if waited >= self._patience and _worked(process) < LEAST_SHARE * waited:
                return True
        return False


def _worked(process: BaseProcess) -> float:
    """Seconds of a processor that a process has had."""
    try:
        times = psutil.Process(process.pid).cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def _main(home: Path, idle: bool, over: Connection) -> None:
    """Make one increment, and the refresh that repeated rejection asks for."""
    leave_interrupts_to_parent()  # which ends us in order
    give_way()
    keep_few_arenas()
    import torch  # only here: the process that serves never loads it
    from rich.console import Console

    from service.increments.increment import run_increment
    from service.json_logs import configure_json_logs
    from service.nightly.refresh import refresh
    from service.reporter import Reporter

    configure_json_logs()
    torch.set_num_threads(1)
    settings = load_settings(home)
    reporter = Reporter(Console(quiet=True))
    try:
        result = run_increment(settings, reporter, idle=idle, idled=lambda: over.send_bytes(b"."))
        if result.full_refresh_wanted and settings.update.policy == "full":
            refresh(settings, reporter)
        elif result.full_refresh_wanted:
            logger.warning("increments keep being rejected; run `ilk refresh`")
    except (GraphError, ReleaseError, ServiceError) as error:
        logger.warning("no increment: %s", error)
        sys.exit(1)
