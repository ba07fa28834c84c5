"""Increments beside the service: when they are due, and a real one in its own process."""

import operator
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from graph.errors import SchemaMismatch
from graph.event_type import EventType
from graph.interaction import Interaction
from graph.log import EventLog
from service.home import Home
from service.increments import process
from service.increments.process import IncrementProcess, due, rest_after
from service.intake.load import load
from service.nightly.refresh import refresh
from service.releases.store import ReleaseStore
from service.settings import IncrementSettings, Settings, load_settings
from service.stores import open_log
from tests.service.conftest import TRIAL_FLAGS, quiet
from tests.service.ended_increment import failing, quick
from tests.service.increments.test_increment import LENIENT, halves, settings_of
from tests.service.release_toys import ToyShop, publish, toy_store
from tests.service.starved_increment import publishing, starved


@pytest.mark.parametrize(
    ("new_events", "waited", "edges", "expected"),
    [
        (2000, 0.0, 2000, True),
        (1999, 0.0, 2000, False),
        (200, 900.0, 2000, True),  # few, but long ago
        (199, 9000.0, 2000, False),
        (2000, 0.0, 4000, False),  # after a failure the hop is wider
        (0, 9000.0, 2000, False),
    ],
)
def test_due_after_enough_events_or_long_enough(
    new_events: int, waited: float, edges: int, expected: bool
) -> None:
    assert due(new_events, waited, edges, IncrementSettings()) is expected


@pytest.mark.slow
def test_an_increment_is_made_by_itself(tmp_path: Path) -> None:
    """The child process reads the home's `ilk.toml`, as in production."""
    old, new = halves(tmp_path)
    home = tmp_path / "home"
    home.mkdir()
    gate = "\n".join(f"{name} = {value}" for name, value in LENIENT.items())
    (home / "ilk.toml").write_text(
        "[encoder]\nmodel = 'hashing:64'\n[model.options.training]\nmax_epochs = 2\n"
        f"[update]\npolicy = 'touched'\n[increment]\nedges = 100\n[increment.gate]\n{gate}\n",
        "utf-8",
    )
    settings = settings_of(home, LENIENT)
    assert settings.update.policy == "touched"
    load(old, settings)
    refresh(settings, quiet())
    releases = ReleaseStore(Home(home).releases)
    parent = releases.current_version()
    running = IncrementProcess(settings, look_seconds=0.2)
    try:
        load(new, settings)
        deadline = time.monotonic() + 240
        while releases.current_version() == parent and time.monotonic() < deadline:
            time.sleep(0.2)
    finally:
        running.stop()
    made = releases.open_current()
    assert made.manifest.parent == parent
    assert made.manifest.metrics["increment"]["steps"] > 0


def waiting_events(root: Path, rest: float = 0) -> Settings:
    """Settings of a home whose events wait for an increment."""
    increment = {"edges": 20, "seconds": 3600.0, "rest": rest}
    flags = TRIAL_FLAGS | {"update": {"policy": "touched"}, "increment": increment}
    settings = load_settings(root, flags)
    publish(toy_store(Home(root).releases), ToyShop(n=20), 0)
    log = open_log(Home(root))
    log.append(Interaction.to_frame(Interaction(f"e{n}", "u", "i", EventType.PURCHASE, n) for n in range(30)))
    log.close()
    return settings


def test_it_rests_so_many_times_as_long_as_it_took_but_never_longer_than_it_may_wait() -> None:
    settings = IncrementSettings(rest=3, seconds=60)
    assert rest_after(10, settings) == 30
    assert rest_after(50, settings) == 60


@pytest.mark.parametrize("work", [failing, quick])
def test_one_that_ended_is_not_followed_by_another_at_once(
    tmp_path: Path, work: Callable[[Path, bool, Connection], None]
) -> None:
    running = IncrementProcess(waiting_events(tmp_path, rest=100), look_seconds=0.05, work=work)
    try:
        deadline = time.monotonic() + 120
        while not (tmp_path / "began").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(5)  # a hundred looks; another one would begin within a second or two
    finally:
        running.stop()
    assert (tmp_path / "began").read_text("utf-8") == "x"


def busy_until_begun(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it takes until the work begins: only then it may be called starved."""
    worked = process._worked
    monkeypatch.setattr(
        process, "_worked", lambda one: worked(one) if (home / "began").exists() else float("inf")
    )


def said_at_last(home: Path, word: str, seconds: float) -> str:
    """What the work has written, once the word is in it."""
    deadline = time.monotonic() + seconds
    while not (told := _text(home / "began")) or word not in told:
        assert time.monotonic() < deadline, told
        time.sleep(0.05)
    return told


def test_one_that_gets_no_processor_is_begun_anew_with_a_share_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy_until_begun(tmp_path, monkeypatch)
    running = IncrementProcess(waiting_events(tmp_path), look_seconds=0.05, work=starved, patience_seconds=5)
    try:
        told = said_at_last(tmp_path, "own", seconds=180)
    finally:
        running.stop()
    assert told == "idle own"


def test_none_is_begun_anew_once_everything_is_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end may be asked for while one that got no processor is being ended."""
    running, begun = IncrementProcess(settings_of(tmp_path, {})), []

    def ended_meanwhile(*, idle: bool) -> tuple[int, bool]:
        begun.append(idle)
        running.keep_no_longer()
        return -signal.SIGTERM, True

    monkeypatch.setattr(running, "_run", ended_meanwhile)
    running._make()
    assert begun == [True]


def test_one_that_is_idle_no_more_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It publishes, or makes the full refresh that was asked for: slow, or ended half-way, are two things."""
    monkeypatch.setattr(
        process, "_worked", lambda one: 0.0 if (tmp_path / "began").exists() else float("inf")
    )
    running = IncrementProcess(
        waiting_events(tmp_path), look_seconds=0.05, work=publishing, patience_seconds=0.5
    )
    try:
        told = said_at_last(tmp_path, "whole", seconds=120)
    finally:
        running.stop()
    assert told.startswith("idle whole")


def test_the_first_try_is_told_to_be_idle(tmp_path: Path) -> None:
    running = IncrementProcess(
        waiting_events(tmp_path), look_seconds=0.05, work=starved, patience_seconds=600
    )
    try:
        told = said_at_last(tmp_path, "", seconds=120)
    finally:
        running.stop()
    assert told == "idle "


def _text(path: Path) -> str:
    return path.read_text("utf-8") if path.exists() else ""


def test_why_none_is_made_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Once a reason, however often one looks; anew where it came back."""
    old, new = SchemaMismatch("old"), SchemaMismatch("new")
    looks, over = iter((old, old, new, new, None, new)), threading.Event()

    def wanted(log: EventLog) -> bool:
        error = next(looks, None)
        if error is not None:
            raise error
        if operator.length_hint(looks) == 0:
            over.set()
        return False

    settings = load_settings(tmp_path, TRIAL_FLAGS | {"update": {"policy": "touched"}})
    monkeypatch.setattr(IncrementProcess, "_wanted", lambda running, log: wanted(log))
    running = IncrementProcess(settings, look_seconds=0.01)
    try:
        assert over.wait(60)
    finally:
        running.stop()
    told = [one.getMessage() for one in caplog.records if "no increment now" in one.getMessage()]
    assert told == [f"no increment now: {why}" for why in ("old", "new", "new")]


def test_no_increment_where_the_policy_wants_none(tmp_path: Path) -> None:
    running = IncrementProcess(settings_of(tmp_path, {}), look_seconds=0.01)
    time.sleep(0.05)
    running.stop()
    assert not Home(tmp_path).increments.exists()
