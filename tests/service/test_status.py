"""`ilk status` says so where graph and event log do not belong together."""

import json
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest

from graph.errors import DamagedStore, StoreUnavailable, TooManyFiles
from graph.event_type import EventType
from graph.interaction import Interaction
from graph.memory_store import MemoryGraphStore
from graph.sqlite_log import SqliteLog
from graph.store import StoreHealth, StoreStats
from service.catch_up import catch_up
from service.cli.command import run
from service.home import Home
from service.live.updater_status import UpdaterStatus, cause_of, write_status
from service.nightly.schedule_state import ScheduleState
from service.releases.store import ReleaseStore
from service.settings import load_settings
from service.status import for_callers, read_status, status_of
from service.store_standing import Standing, StoreStanding
from service.stores import open_log


def test_a_graph_that_is_ahead_of_the_log_is_a_problem(tmp_path: Path) -> None:
    whole, cut = SqliteLog(tmp_path / "whole.db"), SqliteLog(tmp_path / "cut.db")
    store, releases = MemoryGraphStore(), ReleaseStore(tmp_path / "releases")
    look = StoreStanding(store).look
    for number in range(3):
        event = Interaction(f"e{number}", "anna", "hat", EventType.VIEW_ITEM, at=1_700_000_000_000_000)
        whole.append(Interaction.to_frame([event]))
    catch_up(whole, store)
    assert status_of(whole, look, releases)["problem"] is None
    told = status_of(cut, look, releases)
    assert (told["sequence"], told["applied_sequence"]) == (0, 3)
    assert "do not belong together" in told["problem"]
    assert "use an empty database" in told["problem"]
    whole.close()
    cut.close()


def test_a_full_disk_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the updater can write nothing any more, not even that."""
    log, store, releases = SqliteLog(tmp_path / "events.db"), MemoryGraphStore(), ReleaseStore(tmp_path)
    left = [1 << 30]
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=left[0]))
    for free, problem in ((1 << 30, None), (4096, "the home's disk is full; events are refused")):
        left[0] = free
        told = status_of(log, StoreStanding(store).look, releases, tmp_path / "live")["problem"]
        assert told is None if problem is None else told.startswith(problem)
    log.close()


def test_the_updater_may_have_seen_a_store_that_is_away(tmp_path: Path) -> None:
    log, releases = SqliteLog(tmp_path / "events.db"), ReleaseStore(tmp_path / "releases")
    away = Standing(StoreHealth(False, "neo4j", "", "bolt://127.0.0.1:1 does not answer"))
    assert status_of(log, lambda: away, releases, tmp_path)["applied_sequence"] is None
    write_status(tmp_path, UpdaterStatus(pid=1, at=0.0, applied_sequence=41))
    told = status_of(log, lambda: away, releases, tmp_path)
    assert (told["items"], told["applied_sequence"]) == (None, 41)
    assert told["problem"].startswith("bolt://127.0.0.1:1 does not answer; no counts are known")
    log.close()


def test_a_home_tells_what_it_knows_without_its_store(tmp_path: Path) -> None:
    """`ilk status` with nobody at the store's address."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        settings = load_settings(tmp_path, {"graph": {"url": f"bolt://127.0.0.1:{nobody.getsockname()[1]}"}})
        home = Home(tmp_path)
        home.create()
        told = read_status(settings, home)
    assert (told["sequence"], told["items"], told["store"]["ok"]) == (0, None, False)
    assert told["store"]["backend"] == "neo4j"
    assert "does not answer" in told["problem"]
    assert "foreign" not in told


class GoneStore(MemoryGraphStore):
    """Goes away as soon as it is open."""

    def stats(self) -> StoreStats:
        raise StoreUnavailable("bolt://127.0.0.1:1 does not answer")


def test_a_store_that_goes_away_as_soon_as_it_is_open_is_told_by_its_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(tmp_path, {"graph": {"url": "bolt://127.0.0.1:1"}})
    Home(tmp_path).create()
    monkeypatch.setattr("service.status.open_store", lambda *_: GoneStore())
    told = read_status(settings, Home(tmp_path))
    assert (told["store"]["ok"], told["store"]["backend"]) == (False, "neo4j")


def test_ilk_status_tells_all_it_knows_and_fails_while_the_store_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = Home(tmp_path)
    home.create()
    open_log(home).close()
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        monkeypatch.setenv("ILK_GRAPH__URL", f"bolt://127.0.0.1:{nobody.getsockname()[1]}")
        for form in ([], ["--json", "-"]):
            assert run(["--home", str(tmp_path), "status", *form]) == 1
            told, complaint = capsys.readouterr()
            assert complaint.startswith("ilk: bolt://127.0.0.1:")
            assert len(complaint.splitlines()) == 1
            assert json.loads(told)["sequence"] == 0 if form else "sequence" in told


def test_ilk_status_says_why_a_job_failed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Callers of the server are sent here for it (`UNTOLD`)."""
    home = Home(tmp_path)
    home.create()
    open_log(home).close()
    assert run(["--home", str(tmp_path), "status"]) == 0
    assert "nothing planned" in capsys.readouterr().out
    state = ScheduleState(home)
    state.change("refresh", last_start=0.0, last_outcome="failed", last_message="/srv/shop [disk] is full")
    state.change("sync", next_run=60.0)
    assert run(["--home", str(tmp_path), "status"]) == 0
    rows = {line[:12].strip(): line for line in capsys.readouterr().out.splitlines()}
    assert "last_start 1970-01-01 00:00:00 UTC" in rows["job refresh"]
    assert "last_outcome failed, last_message /srv/shop [disk] is full" in rows["job refresh"]
    assert "next_run 1970-01-01 00:01:00 UTC" in rows["job sync"]


def test_callers_are_told_of_failures_by_their_kind_alone(tmp_path: Path) -> None:
    """Error texts hold addresses and paths."""
    log, secret = SqliteLog(tmp_path / "events.db"), "bolt://127.0.0.1:1 does not answer"
    write_status(tmp_path, UpdaterStatus(trouble=secret))  # by a version that knew no causes
    status = status_of(log, StoreStanding(MemoryGraphStore()).look, ReleaseStore(tmp_path), tmp_path)
    done = {"last_outcome": "published", "last_message": "NDCG@10 0.2"}
    failed = {"last_outcome": "failed", "last_message": secret}
    status["schedule"] = {"refresh": failed, "sync": done}
    status["sources"] = [{"name": "feed", "error": secret}, {"name": "erp", "error": None}]
    told = for_callers(status)
    assert "127.0.0.1" not in str(told)
    assert "127.0.0.1" in str(status)
    assert told["updater"]["trouble"] == told["sources"][0]["error"] == "`ilk status` says why"
    assert told["schedule"]["sync"] == done
    assert told["sources"][1]["error"] is None
    log.close()


def test_a_full_disk_is_told_without_its_path() -> None:
    assert cause_of(OSError(28, "No space left on device", "/srv/x")).endswith("No space left on device")
    assert cause_of(DamagedStore("/srv/events.db: is damaged")) == "a database of the home is damaged"
    assert (
        cause_of(TooManyFiles("/srv/events.db: cannot be opened")) == "the updater may open no further file"
    )
    assert "/srv" not in cause_of(OSError(28, "No space left on device", "/srv/x"))
