"""When scheduled jobs run, what becomes of them, and that nothing is left behind."""

import json
import os
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from apscheduler.triggers.cron import CronTrigger

from service.errors import BadSettings, HomeBusy
from service.home import Home
from service.intake.load import load
from service.intake.sync import source_status
from service.nightly.refresh import refresh
from service.nightly.schedule import WAIT_SECONDS, Schedule, arguments_of, outcome_of, scheduling
from service.nightly.schedule_state import JobState, read_schedule, schedule_path
from service.nightly.schedule_times import trigger_of
from service.releases.store import ReleaseStore
from service.settings import load_settings
from service.status import read_status
from tests.service.conftest import TRIAL_FLAGS, quiet, trial_settings


def next_times(trigger: CronTrigger, now: datetime, n: int = 1) -> list[datetime]:
    found: list[datetime] = []
    last = None
    while len(found) < n:
        last = trigger.get_next_fire_time(last, now)
        if last is None:
            break
        found.append(last)
        now = last
    return found


def times(when: str, zone: str, start: str, n: int) -> list[str]:
    trigger = trigger_of(when, zone)
    return [t.isoformat() for t in next_times(trigger, datetime.fromisoformat(start), n)]


def test_a_time_of_day_follows_the_zone_over_a_change_of_clocks() -> None:
    assert times("03:30", "Europe/Berlin", "2026-03-27T12:00+00:00", 3) == [
        "2026-03-28T03:30:00+01:00",
        "2026-03-29T03:30:00+02:00",
        "2026-03-30T03:30:00+02:00",
    ]
    skipped = times("02:30", "Europe/Berlin", "2026-03-28T12:00+00:00", 2)
    assert len(set(skipped)) == 2


@pytest.mark.parametrize(
    ("weekday", "days"),
    [("0", [6]), ("7", [6]), ("1-5", [0, 1, 2, 3, 4]), ("0-2", [0, 1, 6]), ("5-1", [0, 4, 5, 6]),
     ("1-5/2", [0, 2, 4]), ("sat,0", [5, 6]), ("*", [0, 1, 2, 3, 4, 5, 6])],
)  # fmt: skip
def test_days_of_the_week_are_those_of_cron(weekday: str, days: list[int]) -> None:
    trigger = trigger_of(f"15 4 * * {weekday}")
    found = next_times(trigger, datetime(2026, 1, 1, tzinfo=UTC), 7)
    assert sorted({one.weekday() for one in found}) == days


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"refresh": "25:00"}, "neither a time"),
        ({"refresh": "61 3 * * *"}, "minute|61"),
        ({"refresh": "03:30", "timezone": "Mars/Olympus"}, "no time zone"),
        ({"timezone": "../etc"}, "no time zone"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused_at_once(
    tmp_path: Path, flags: dict[str, str], message: str
) -> None:
    with pytest.raises(BadSettings, match=message):
        load_settings(tmp_path, {"schedule": flags})


def test_jitter_stays_within_its_bounds() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    found = [next_times(trigger_of("03:30", "UTC", 600), start)[0] for _ in range(50)]
    planned = datetime(2026, 1, 1, 3, 30, tzinfo=UTC)
    assert max(abs((one - planned).total_seconds()) for one in found) <= 600
    assert len(set(found)) > 10


def wait_for(home: Home, job: str, done: Callable[[JobState], bool]) -> JobState:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        state = read_schedule(home).get(job, JobState())
        if done(state):
            return state
        time.sleep(0.1)
    raise AssertionError(read_schedule(home))


def scheduled(home: Path, **schedule: Any) -> Any:
    return load_settings(home, {**TRIAL_FLAGS, "schedule": schedule})


@pytest.fixture
def trial_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings for the processes that the schedule starts."""
    monkeypatch.setenv("ILK_ENCODER__MODEL", "hashing:64")
    monkeypatch.setenv("ILK_MODEL__OPTIONS", json.dumps({"training": {"max_epochs": 2}}))


@pytest.mark.usefixtures("trial_environment")
def test_a_missed_refresh_is_made_up_for(tmp_path: Path, shop_folder: Path) -> None:
    settings = scheduled(tmp_path / "home", refresh="03:30")
    home = Home(settings.home)
    load(shop_folder, trial_settings(settings.home))
    with scheduling(settings):
        state = read_schedule(home)["refresh"]
        assert state.next_run is not None
        assert state.runs == 0
    planned = state.next_run
    with scheduling(settings, clock=lambda: planned - 1):
        assert read_schedule(home)["refresh"].runs == 0
    with scheduling(settings, clock=lambda: planned + 1):
        state = wait_for(home, "refresh", lambda job: job.runs == 1)
    assert state.last_outcome == "published"
    assert ReleaseStore(home.releases).current_version() is not None
    skipping = scheduled(tmp_path / "home", refresh="03:30", missed="skip")
    with scheduling(skipping, clock=lambda: planned + 10**6):
        time.sleep(0.5)
    assert read_schedule(home)["refresh"].runs == 1


def test_a_refresh_that_is_due_during_an_increment_waits_for_it(tmp_path: Path, shop_folder: Path) -> None:
    assert arguments_of("refresh") == ("refresh", "--wait", "1800", "--json", "-")
    assert arguments_of("sync") == ("sync", "--json", "-")
    settings = trial_settings(tmp_path / "home")
    home = Home(settings.home)
    load(shop_folder, settings)
    with ThreadPoolExecutor(1) as threads:
        with home.writing("increment", "refresh"):
            with pytest.raises(HomeBusy, match=r"another process is writing to .*home; wait for it"):
                refresh(settings, quiet())  # who calls it by hand is told at once
            waiting = threads.submit(refresh, settings, quiet(), float(WAIT_SECONDS))
            time.sleep(1.5)
            assert not waiting.done()
        result = waiting.result(timeout=120)
    assert result.waited_seconds >= 1
    outcome, message = outcome_of("refresh", 0, json.dumps(result.to_json()), "")
    assert outcome == "published"
    assert re.search(r"\(waited \d+ s for another refresh or increment\)$", message)


def test_a_wait_has_an_end_that_says_how_long_it_was(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with (
        home.writing("increment", "refresh"),
        pytest.raises(HomeBusy, match=r"\(waited 1 s\); wait for it, then refresh again"),
        home.writing("refresh", "refresh", wait_seconds=1.0),
    ):
        raise AssertionError("two hold one lock")


@pytest.mark.usefixtures("trial_environment")
def test_sync_runs_again_and_again_and_tells_what_fails(tmp_path: Path) -> None:
    settings = scheduled(tmp_path / "home", sync_seconds=1)
    with scheduling(settings):
        state = wait_for(Home(settings.home), "sync", lambda job: job.failures >= 2)
    assert state.last_outcome == "failed"
    assert "no sources" in state.last_message


@pytest.mark.slow  # the first wait for a source that failed is half a minute
@pytest.mark.usefixtures("trial_environment")
def test_a_source_that_failed_is_read_while_the_schedule_runs(tmp_path: Path) -> None:
    sources = [{"name": name, "path": str(tmp_path / name)} for name in ("feed", "erp")]
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "ilk.toml").write_text(
        "".join(f"[[sources]]\nname = '{one['name']}'\npath = '{one['path']}'\n" for one in sources), "utf-8"
    )
    (tmp_path / "feed").mkdir()
    row = {"user_id": "u", "item_id": "a", "timestamp": 1_600_000_000}
    (tmp_path / "feed" / "events.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    settings = load_settings(
        tmp_path / "home", {**TRIAL_FLAGS, "sources": sources, "schedule": {"sync_seconds": 1}}
    )
    home = Home(settings.home)
    with scheduling(settings):
        wait_for(home, "sync", lambda job: job.failures >= 1)
        feed, erp = source_status(settings, home)
        assert (feed["failures"], feed["pending"]) == (0, 0)  # one that fails stops nobody
        assert erp["failures"] == 1
        (tmp_path / "erp").mkdir()
        (tmp_path / "erp" / "events.jsonl").write_text(json.dumps({**row, "user_id": "v"}) + "\n", "utf-8")
        wait_for(home, "sync", lambda _: source_status(settings, home)[1]["pending"] == 0)
    assert source_status(settings, home)[1]["failures"] == 0
    assert read_status(settings, home)["events"] == 2


def test_stopping_ends_what_runs(tmp_path: Path, shop_folder: Path) -> None:
    settings = scheduled(tmp_path / "home", refresh="03:30")
    home = Home(settings.home)
    load(shop_folder, trial_settings(settings.home))
    with scheduling(settings):
        planned = read_schedule(home)["refresh"].next_run
    assert planned is not None
    schedule = Schedule(settings, clock=lambda: planned + 1)
    schedule.start()
    wait_for(home, "refresh", lambda job: job.running_since is not None)
    (process,) = schedule._running.values()
    assert os.getpriority(os.PRIO_PROCESS, process.pid) == 10
    schedule.stop()
    assert process.returncode is not None
    with scheduling(settings, clock=lambda: 0.0):
        assert read_schedule(home)["refresh"].running_since is None


def test_nothing_planned_leaves_nothing(tmp_path: Path) -> None:
    settings = trial_settings(tmp_path / "home")
    with scheduling(settings):
        assert read_schedule(Home(settings.home)) == {}
    assert not schedule_path(Home(settings.home)).exists()


def test_outcomes_are_told_apart() -> None:
    done = {"release": "r1", "published": True, "reason": "fine", "waited_seconds": 0.0}
    assert outcome_of("refresh", 0, json.dumps(done), "") == ("published", "r1: fine")
    late = json.dumps({**done, "waited_seconds": 61.4})
    told = ("published", "r1: fine (waited 61 s for another refresh or increment)")
    assert outcome_of("refresh", 0, late, "") == told
    rejected = {**done, "published": False, "reason": "rejected: worse", "rejected": True}
    assert outcome_of("refresh", 1, json.dumps(rejected), "ilk: x") == ("rejected", "rejected: worse")
    waits = {**rejected, "reason": "waits for approval", "rejected": False}
    assert outcome_of("refresh", 0, json.dumps(waits), "") == ("waits", "waits for approval")
    same = {**done, "published": False, "reason": "unchanged"}
    assert outcome_of("refresh", 0, json.dumps(same), "")[0] == "unchanged"
    assert outcome_of("refresh", 1, "", "warning\nilk: the home is busy\n") == ("failed", "the home is busy")
    assert outcome_of("refresh", -15, "", "")[0] == "ended"
    assert outcome_of("refresh", 130, "", "ilk: interrupted; what was finished is kept\n")[0] == "ended"
    read = {"sources": [{"name": "a", "outcome": "read"}, {"name": "b", "outcome": "unchanged"}]}
    assert outcome_of("sync", 0, json.dumps(read), "") == ("read", "read a")
