"""The updater's process is started again when it dies: at once where it had worked, later where it cannot,
and not when everything is being ended."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from service.child_process import ASKED_SECONDS
from service.home import Home
from service.live.updater_process import PAUSE_SECONDS, RestartPause, UpdaterProcess
from service.live.updater_status import STEADY_SECONDS, read_updater
from tests.service.conftest import trial_settings
from tests.service.counting_updater import carry_and_wait, count_and_wait

KILLED = -signal.SIGKILL


def test_killed_after_it_had_counted_further_events_it_starts_again_soon() -> None:
    """At once the first times; but the kernel may kill each one, as soon as it takes the memory it needs."""
    pause = RestartPause()
    pauses = [pause.after(KILLED, 2.0, reached) for reached in range(100, 120)]
    assert pauses == [0.0, 0.0, 0.0, 1.0] + [2.0] * 16
    assert pause.after(KILLED, STEADY_SECONDS, 120) == 0.0
    assert pause.after(KILLED, 2.0, 121) == 0.0


@pytest.mark.parametrize(
    ("exitcode", "reached"),
    [
        (KILLED, 0),  # before it had counted anything
        (KILLED, 7),  # without a further one
        (1, None),  # of an error, wherever it has come to
    ],
)
def test_ended_early_again_and_again_it_takes_no_processor_from_others(
    exitcode: int, reached: int | None
) -> None:
    pause = RestartPause(reached=7)
    pauses = [pause.after(exitcode, 2.0, 100 + n if reached is None else reached) for n in range(6)]
    assert pauses == [*PAUSE_SECONDS[1:], *PAUSE_SECONDS[-1:] * 2]


def test_after_it_has_lived_for_long_the_first_pauses_are_short_again() -> None:
    pause = RestartPause(early=9)
    assert pause.after(1, 3600.0, 0) == 0.0
    assert pause.early == 0


def test_killed_before_it_counts_it_is_told_from_the_one_before() -> None:
    """A status that an earlier process wrote says nothing of this one."""
    pause = RestartPause()
    assert pause.after(KILLED, 2.0, 100) == 0.0
    assert [pause.after(KILLED, 0.5, 0) for _ in range(2)] == list(PAUSE_SECONDS[1:3])
    assert pause.after(KILLED, 2.0, 101) == 0.0


def test_killed_by_turns_before_and_after_it_counts_it_pauses_too() -> None:
    pause = RestartPause()
    pauses = [pause.after(KILLED, 2.0, 10 * (n + 1) if n % 2 == 0 else 0) for n in range(10)]
    assert pauses == [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 2.0, 0.0]


def test_killed_often_it_is_started_again_each_time(tmp_path: Path) -> None:
    kills = 5  # by the fourth, an updater that ended early would be waited for
    settings = trial_settings(tmp_path / "home")
    Home(settings.home).create()
    process = UpdaterProcess(settings, count_and_wait)
    try:
        for number in range(kills + 1):
            deadline = time.monotonic() + 60
            while (status := read_updater(Home(settings.home).fresh)) is None or (
                status.applied_sequence != 10 * (number + 1)
            ):
                assert time.monotonic() < deadline
                time.sleep(0.02)
            if number < kills:
                os.kill(status.pid, signal.SIGKILL)
        assert process.restarts == kills
        assert process.pauses.early == 0
    finally:
        process.stop()


def test_what_an_earlier_one_counted_is_no_work_of_a_start_that_fails(tmp_path: Path) -> None:
    """It tells of it, while the store is out of reach; were it taken for its own, nothing would pause it."""
    settings = trial_settings(tmp_path / "home")
    Home(settings.home).create()
    before = set(updaters())
    process = UpdaterProcess(settings, carry_and_wait)
    try:
        (first,) = set(updaters()) - before
        wait_for(lambda: (told := read_updater(Home(settings.home).fresh)) is not None and told.pid == first)
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: process.restarts == 1)
        assert (process.pauses.early, process.pauses.killed, process.pauses.reached) == (1, 0, 0)
    finally:
        process.stop()


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
