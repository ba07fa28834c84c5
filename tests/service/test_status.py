"""`ilk status` says so where graph and event log do not belong together."""

import socket
from pathlib import Path

from graph.event_type import EventType
from graph.interaction import Interaction
from graph.memory_store import MemoryGraphStore
from graph.sqlite_log import SqliteLog
from graph.store import StoreHealth
from service.catch_up import catch_up
from service.home import Home
from service.live.updater_status import UpdaterStatus, write_status
from service.releases.store import ReleaseStore
from service.settings import load_settings
from service.status import read_status, status_of
from service.store_standing import Standing, StoreStanding


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
