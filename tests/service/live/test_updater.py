"""The follower of the event log, and what a store that others write to gives it."""

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pytest

from graph.errors import StoreUnavailable
from graph.event_type import EventType
from graph.frames import EVENT_SCHEMA, empty_events
from graph.interaction import Interaction
from graph.log import AppendResult, EventLog
from graph.memory_store import MemoryGraphStore
from service.foreign_edges import adopt_foreign
from service.home import Home
from service.live import updater
from service.live.updater import follow
from service.stores import closing_both, open_log, open_store
from tests.service.conftest import trial_settings


def bought(user: str, item: str, number: int) -> Interaction:
    return Interaction(
        event_id=f"e{number}",
        user_id=user,
        item_id=item,
        event_type=EventType.PURCHASE,
        at=1_700_000_000_000_000,
    )


def test_logged_events_reach_the_graph(tmp_path: Path) -> None:
    settings = trial_settings(tmp_path / "home")
    home = Home(settings.home)
    home.create()
    log, store = open_log(home), open_store(settings, home)
    stopping = threading.Event()
    thread = threading.Thread(target=follow, args=(settings, stopping))
    thread.start()
    try:
        with closing_both(log, store):
            log.append(Interaction.to_frame([bought("u", "a", 1), bought("u", "b", 2)]))
            deadline = time.monotonic() + 20
            while store.applied_seq() < 2:
                assert time.monotonic() < deadline
                time.sleep(0.02)
            assert store.stats().events == 2
    finally:
        stopping.set()
        thread.join()


@dataclass
class Found:
    events: pl.DataFrame
    malformed: list[str] = field(default_factory=list)
    vanished: int = 0
    new_malformed: int = 0


class SharedStore(MemoryGraphStore):
    """A store to which somebody else wrote one edge."""

    def __init__(self) -> None:
        super().__init__()
        self.foreign = Interaction.to_frame([bought("someone", "a", 7)])

    def adopt_nodes(self, limit: int = 1000) -> int:
        return 0

    def find_foreign(self, limit: int = 1000, audit: bool = False) -> Found:
        return Found(self.foreign)

    def adopt(self, found: Found, log: EventLog) -> AppendResult:
        result = log.append(found.events)
        self.foreign = empty_events()
        return result


def test_edges_of_others_are_logged_once(tmp_path: Path) -> None:
    home = Home(tmp_path)
    log = open_log(home)
    with closing_both(log):
        store = SharedStore()
        assert adopt_foreign(log, store) == 1
        assert adopt_foreign(log, store) == 0
        assert log.read(0)["user_id"].to_list() == ["someone"]
        assert set(log.read(0).columns) == {"seq", *EVENT_SCHEMA}


def test_a_store_of_our_own_has_no_edges_of_others(tmp_path: Path) -> None:
    log = open_log(Home(tmp_path))
    with closing_both(log):
        assert adopt_foreign(log, MemoryGraphStore()) == 0


class ColdStore(MemoryGraphStore):
    """A store whose server takes its time to plan, or cannot."""

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__()
        self.error = error
        self.warming, self.warm = threading.Event(), threading.Event()

    def warm_up(self) -> None:
        self.warming.set()
        if self.error is not None:
            raise self.error
        assert self.warm.wait(60)


def reaches(store: MemoryGraphStore, seq: int) -> bool:
    deadline = time.monotonic() + 20
    while store.applied_seq() < seq and time.monotonic() < deadline:
        time.sleep(0.02)
    return store.applied_seq() >= seq


@pytest.mark.parametrize("error", [None, StoreUnavailable("away")])
def test_events_enter_the_graph_while_its_server_plans(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: StoreUnavailable | None,
) -> None:
    settings = trial_settings(tmp_path / "home")
    home, store, stopping = Home(settings.home), ColdStore(error), threading.Event()
    home.create()
    monkeypatch.setattr(updater, "open_store", lambda *_: store)
    monkeypatch.setattr(updater, "CLOSING_SECONDS", 0.1)
    thread = threading.Thread(target=follow, args=(settings, stopping))
    thread.start()
    log = open_log(home)
    try:
        with closing_both(log):
            assert store.warming.wait(20)
            log.append(Interaction.to_frame([bought("u", "a", 1), bought("u", "b", 2)]))
            assert reaches(store, 2)
            assert not store.warm.is_set()
    finally:
        stopping.set()
        thread.join(20)
        ended = not thread.is_alive()  # although the server plans still
        store.warm.set()
    assert ended
    assert ("could not plan its statements ahead: away" in caplog.text) == (error is not None)
