"""The updater's process is kept running, but not when everything is being ended."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from service.child_process import ASKED_SECONDS
from service.home import Home
from service.live.updater_process import UpdaterProcess
from tests.service.conftest import trial_settings


def updaters() -> list[int]:
    return [child.pid or 0 for child in multiprocessing.active_children() if child.name == "ilk-updater"]


def wait_for(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_an_ended_updater_is_started_again_unless_all_is_ending(tmp_path: Path) -> None:
    settings = trial_settings(tmp_path / "home")
    Home(settings.home).create()
    before = set(updaters())
    kept = UpdaterProcess(settings)
    try:
        (first,) = set(updaters()) - before
        os.kill(first, signal.SIGTERM)
        wait_for(lambda: kept.restarts == 1 and len(set(updaters()) - before) == 1)
        (second,) = set(updaters()) - before
        assert second != first
        kept.keep_no_longer()
        os.kill(second, signal.SIGTERM)
        wait_for(lambda: not set(updaters()) - before)
        time.sleep(ASKED_SECONDS + 1)
        assert kept.restarts == 1
        assert not set(updaters()) - before
    finally:
        kept.stop()
