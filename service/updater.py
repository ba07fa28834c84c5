"""Follow the event log: every durable event enters the graph within a fraction of a second."""

import logging
import multiprocessing
import os
import signal
import threading
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

from graph.errors import RetryableStoreError
from graph.log import EventLog
from graph.store import GraphStore
from service.catch_up import catch_up
from service.foreign_edges import adopt_foreign
from service.home import Home
from service.settings import Settings, load_settings
from service.stores import closing_both, open_log, open_store

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.1
RETRY_SECONDS = 2.0
FOREIGN_SECONDS = 2.0
"""How often the graph is asked whether others wrote to it; what that costs does not grow with the graph."""


def follow(settings: Settings, stopping: threading.Event) -> None:
    """Apply new events as they come, until `stopping`; a store that is down is tried again."""
    home = Home(settings.home)
    while not stopping.is_set():
        try:
            log, store = open_log(home), open_store(settings, home)
            with closing_both(log, store):
                _follow_open(log, store, stopping)
        except RetryableStoreError as error:
            logger.warning("the graph is behind the event log: %s; trying again", error)
            stopping.wait(RETRY_SECONDS)


def _follow_open(log: EventLog, store: GraphStore, stopping: threading.Event) -> None:
    look_next = 0.0
    while not stopping.wait(POLL_SECONDS):
        if time.monotonic() >= look_next:
            adopt_foreign(log, store)
            look_next = time.monotonic() + FOREIGN_SECONDS
        catch_up(log, store)


def start_updater(settings: Settings) -> BaseProcess:
    """Run `follow` in a process of its own, which ends with this one or on SIGTERM."""
    os.environ["PYTHONSAFEPATH"] = "1"  # a folder `service/` in the current directory must not shadow ours
    process = multiprocessing.get_context("spawn").Process(
        target=_updater_main, args=(settings.home, os.getpid()), name="ilk-updater", daemon=True
    )
    process.start()
    return process


def _updater_main(home: Path, parent: int) -> None:
    settings = load_settings(home)
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends us in order

    def watch() -> None:
        while os.getppid() == parent and not stopping.is_set():
            time.sleep(0.5)
        stopping.set()

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
    follow(settings, stopping)
