"""Reads while the graph store is out of reach: items as last known, labelled; what is gone stays gone."""

import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from fastapi.testclient import TestClient

from graph.errors import SchemaMismatch, StoreConflict, StoreUnavailable
from graph.event_type import EventType
from graph.interaction import Interaction
from graph.memory_store import MemoryGraphStore
from graph.neo4j_store import Neo4jGraphStore
from graph.sqlite_log import SqliteLog
from graph.store import StoreHealth, StoreStats
from service.answering.last_known import LastKnownShop
from service.api import create_app
from service.api.schemas import StatusShape
from service.home import Home
from service.live.updater import Updater
from service.live.updater_status import UpdaterStatus, cause_of, read_updater, write_status
from service.releases.holder import ReleaseHolder
from service.releases.store import ReleaseStore
from service.serving import make_deps
from service.settings import load_settings
from service.store_standing import StoreStanding
from tests.service.api.conftest import SHOP, Api
from tests.service.live_home import ToyTexts
from tests.service.live_toys import ToyMirror
from tests.service.release_toys import publish, toy_store
from tests.service.releases.test_release_holder import wait_until


class MovingStore(MemoryGraphStore):
    """Out of reach while `away`; counts the reads of items that it was asked for meanwhile."""

    away = False
    asked = 0
    others = False
    """Whether another home owns it."""
    conflicts = 0
    """How often the schema is still made by another process."""
    ensured = 0

    def ensure_schema(self) -> None:
        if self.away:
            raise StoreUnavailable("bolt://127.0.0.1:1: nobody listens")
        if self.others:
            raise SchemaMismatch("it is another home's")
        if self.conflicts:
            self.conflicts -= 1
            raise StoreConflict("DeadlockDetected: another process makes the schema")
        self.ensured += 1

    def item_rows(self, item_ids: Sequence[str]) -> list[dict[str, Any]]:
        self._reached()
        return super().item_rows(item_ids)

    def items(self, item_ids: Sequence[str] | None = None) -> pl.DataFrame:
        self._reached()
        return super().items(item_ids)

    def user_history(self, user_id: str, limit: int = 50) -> list[tuple[str, int]]:
        self._reached()
        return super().user_history(user_id, limit)

    def stats(self) -> StoreStats:
        self._reached()
        return super().stats()

    def health(self) -> StoreHealth:
        return StoreHealth(not self.away, "memory", "1")

    def _reached(self) -> None:
        if self.away:
            self.asked += 1
            raise StoreUnavailable("bolt://127.0.0.1:1: nobody listens")


@pytest.fixture
def store() -> MovingStore:
    return MovingStore()


def ids_of(answer: dict[str, Any]) -> list[str]:
    return [row["item_id"] for row in answer["results"]]


def test_neighbours_are_answered_while_the_store_is_away_and_say_so(
    make_api: Callable[..., Any], store: MovingStore
) -> None:
    with make_api(graph=store) as api:
        usual = api.get("/v1/items/plain/similar?k=5")
        assert usual["store_fallback"] is None
        gone = ids_of(usual)[0]
        assert api.client.delete(f"/v1/items/{gone}").status_code == 204
        store.away = True
        for path in ("/v1/items/plain/similar?k=4", "/v1/items/plain/similar?k=4&price_max=1000000"):
            answer = api.get(path)
            assert "out of reach" in answer["store_fallback"]
            assert gone not in ids_of(answer)
            assert answer["results"][0]["title"]
        assert ids_of(api.get("/v1/items/plain/similar?k=4")) == ids_of(usual)[1:]
        assert store.asked == 1, "one request meets it, the others do not wait for it"
        assert 'reason="store_out_of_reach"' in api.client.get("/metrics").text
        assert api.get(f"/v1/items/{gone}/similar", 404)["type"].endswith("unknown-item")
        comes_back(api, store)
        assert ids_of(api.get("/v1/items/plain/similar?k=4")) == ids_of(usual)[1:]


def test_what_only_the_store_knows_is_refused_while_it_is_away(
    make_api: Callable[..., Any], store: MovingStore
) -> None:
    with make_api(graph=store) as api:
        store.away = True
        for path in ("/v1/items/newcomer/similar", "/v1/users/anna%2Fb/recommendations"):
            assert api.get(path, 503)["type"].endswith("store-unavailable")
        comes_back(api, store)
        assert api.get("/v1/users/anna%2Fb/recommendations")["results"]


def test_a_deleted_item_that_came_back_is_among_those_last_known(
    make_api: Callable[..., Any], store: MovingStore
) -> None:
    with make_api(graph=store) as api:
        usual = ids_of(api.get("/v1/items/plain/similar?k=5"))
        assert api.client.delete(f"/v1/items/{usual[0]}").status_code == 204
        assert api.client.put(f"/v1/items/{usual[0]}", json={"title": "Again"}).status_code in (200, 201)
        store.away = True
        assert ids_of(api.get("/v1/items/plain/similar?k=5")) == usual


def test_nobody_else_waits_for_a_store_that_is_known_to_be_away(
    make_api: Callable[..., Any], store: MovingStore
) -> None:
    with make_api(graph=store) as api:
        store.away = True
        api.get("/v1/items/plain/similar")
        asked = store.asked
        assert api.client.put("/v1/items/plain", json={"title": "New"}).status_code == 503
        assert api.client.delete("/v1/items/plain").status_code == 503
        assert api.client.get("/v1/items/plain").status_code == 503
        assert store.asked == asked


def test_status_is_told_while_the_store_is_away(
    make_api: Callable[..., Any], store: MovingStore, tmp_path: Path
) -> None:
    away = StoreUnavailable("bolt://127.0.0.1:1: nobody listens")
    in_trouble = UpdaterStatus(trouble=f"StoreUnavailable: {away}", cause=cause_of(away))
    write_status(tmp_path / "live", in_trouble)
    with make_api(graph=store) as api:
        usual = api.get("/v1/status")
        assert usual["problem"] is None
        store.away = True
        event = {"user_id": "u", "item_id": "plain"}
        assert api.client.post("/v1/events", json={"events": [event]}).status_code == 200
        for _ in range(2):
            told = api.get("/v1/status")
            StatusShape.model_validate(told)
            for name in ("items", "users", "events", "counted_at", "applied_sequence", "serving"):
                assert told[name] == usual[name], name
            assert told["sequence"] == usual["sequence"] + 1
            assert (told["store"]["ok"], told["store"]["backend"]) == (False, "memory")
            assert "out of reach" in told["problem"]
            assert told["updater"]["trouble"] == "the graph store is out of reach"
            assert "127.0.0.1" not in str(told), "where the store is, is not for everybody with a key"
        assert store.asked == 1, "the second does not wait for it"
        assert api.client.get("/health/ready").status_code == 200
        comes_back(api, store)
        back = api.get("/v1/status")
        assert (back["problem"], back["store"]["ok"]) == (None, True)
        assert back["counted_at"] > usual["counted_at"]


def test_a_store_that_was_never_seen_has_no_counts(make_api: Callable[..., Any], store: MovingStore) -> None:
    with make_api(graph=store) as api:
        store.away = True
        told = api.get("/v1/status")
        StatusShape.model_validate(told)
        assert (told["items"], told["users"], told["events"], told["applied_sequence"]) == (None,) * 4
        assert told["store"]["backend"] == "memory"
        assert "no counts are known" in told["problem"]
        comes_back(api, store)
        assert api.get("/v1/status")["items"]


def test_a_store_that_is_away_at_the_start_is_opened_before_anybody_asks_it(store: MovingStore) -> None:
    store.away = True
    shop = LastKnownShop(store, lambda: pytest.fail("nobody asks"), lambda _: set(), retry_seconds=0.02)
    shop.open()
    with pytest.raises(StoreUnavailable, match="out of reach"):
        shop.reached()
    assert store.ensured == 0
    store.away = False
    until_reached(shop)
    assert store.ensured == 1
    shop.close()


def test_a_store_whose_schema_others_make_meanwhile_is_asked_again(
    store: MovingStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.conflicts = 3
    shop = LastKnownShop(store, lambda: pytest.fail("nobody asks"), lambda _: set(), retry_seconds=0.02)
    shop.open()
    with pytest.raises(StoreUnavailable, match="out of reach"):
        shop.reached()
    until_reached(shop)
    assert (store.conflicts, store.ensured) == (0, 1)
    assert "not used" not in caplog.text, "it is ours"
    shop.close()


def test_the_end_does_not_wait_for_a_store_that_is_being_opened(
    store: MovingStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Neo4j's schema is tried for two minutes."""
    asked, answered = threading.Event(), threading.Event()

    def opened_at_last() -> None:
        asked.set()
        answered.wait(30)
        raise ValueError("closed meanwhile")

    monkeypatch.setattr("service.answering.last_known.CLOSE_SECONDS", 0.1)
    store.away = True
    shop = LastKnownShop(store, lambda: pytest.fail("nobody asks"), lambda _: set(), retry_seconds=0.01)
    shop.open()
    monkeypatch.setattr(store, "ensure_schema", opened_at_last)
    assert asked.wait(10)
    begun = time.monotonic()
    shop.close()
    assert time.monotonic() - begun < 10
    answered.set()
    watch = shop._watch
    assert watch is not None
    watch.join(10)
    assert not watch.is_alive()
    assert "failed" not in caplog.text


def test_a_store_that_turns_out_to_be_anothers_is_not_used(
    store: MovingStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.away, store.others = True, True
    shop = LastKnownShop(store, lambda: pytest.fail("nobody asks"), lambda _: set(), retry_seconds=0.01)
    shop.open()
    store.away = False
    deadline = time.monotonic() + 10
    while "another home's" not in caplog.text:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.1)
    with pytest.raises(StoreUnavailable):
        shop.reached()
    assert caplog.text.count("another home's") == 1
    store.others = False
    until_reached(shop)
    shop.close()
    store.others = True
    with pytest.raises(SchemaMismatch):
        LastKnownShop(store, lambda: pytest.fail("nobody asks"), lambda _: set()).open()


def test_a_worker_starts_and_answers_with_nobody_at_the_stores_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(Neo4jGraphStore, "user_index", lambda _, user_id: asked.append(user_id))
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        settings = load_settings(tmp_path, {"graph": {"url": f"bolt://127.0.0.1:{port}"}})
        Home(tmp_path).create()
        publish(ReleaseStore(Home(tmp_path).releases), SHOP, 2)
        deps = make_deps(settings)
        deps = replace(deps, holder=ReleaseHolder(toy_store(Home(tmp_path).releases)))
        with TestClient(create_app(deps)) as client:
            event = {"user_id": "u", "item_id": "plain"}
            assert client.post("/v1/events", json={"events": [event]}).status_code == 200
            told = client.get("/v1/status").json()
            assert (told["store"]["ok"], told["store"]["backend"], told["sequence"]) == (False, "neo4j", 1)
            assert str(port) not in str(told)
            assert client.get("/health/ready").status_code == 200
            assert client.delete("/v1/users/u").status_code == 503
            assert len(client.get("/v1/users/u/export").json()["events"]) == 1
            assert client.get("/v1/users/nobody/export").status_code == 503
            assert asked == [], "nobody waits for a store that is known to be away"
    log = SqliteLog(Home(tmp_path).event_log)
    assert log.read(0)["user_id"].to_list() == ["u"], "nobody was erased half"
    log.close()


@pytest.mark.parametrize(("counted", "refused"), [(9, False), (8, False), (3, True)])
def test_an_updater_that_starts_while_the_store_is_away_lets_events_in(
    tmp_path: Path, counted: int, refused: bool
) -> None:
    """More are in the log than may wait, and it does not know yet that they counted long ago."""
    home = Home(tmp_path)
    home.create()
    away = {"graph": {"url": "bolt://127.0.0.1:1"}, "update": {"max_lag_events": 5}}
    settings, releases = load_settings(tmp_path, away), toy_store(home.releases)
    version = publish(releases, SHOP, 0)
    log = SqliteLog(home.event_log)
    views = [Interaction(f"e{n}", "u", "plain", EventType.VIEW_ITEM, 10**15 + n) for n in range(9)]
    log.append(Interaction.to_frame(views))
    log.close()
    before = UpdaterStatus(1, 0.0, 9, applied_sequence=9, visible_sequence=counted, release=version)
    write_status(home.fresh, before)
    updater = Updater(settings, releases, ToyMirror, ToyTexts())
    stopping = threading.Event()
    thread = threading.Thread(target=updater.run, args=(stopping,))
    thread.start()
    try:
        wait_until(lambda: (told := read_updater(home.fresh)) is not None and told.trouble is not None)
        deps = replace(make_deps(settings), holder=ReleaseHolder(releases))
        with TestClient(create_app(deps)) as client:
            event = {"user_id": "u", "item_id": "plain"}
            answer = client.post("/v1/events", json={"events": [event]})
            assert answer.status_code == (429 if refused else 200)
            status = client.get("/v1/status").json()
        told_there = status["updater"]["visible_sequence"]  # the other one is what this worker has read
        assert (status["applied_sequence"], told_there) == (9, counted)
        told = read_updater(home.fresh)
        assert told is not None
        assert (told.pid, told.sequence >= 9, told.carried) == (os.getpid(), True, True)
    finally:
        stopping.set()
        thread.join()


class Halved(MovingStore):
    """Tells its counts and then nothing; or nothing at all."""

    looked = 0

    def health(self) -> StoreHealth:
        self.looked += 1
        return StoreHealth(False, "memory", "1", "bolt://127.0.0.1:1 does not answer")


@pytest.mark.parametrize(("away", "looked"), [(False, 1), (True, 0)])
def test_a_store_that_goes_away_between_two_questions_is_away(away: bool, looked: int) -> None:
    store = Halved()
    store.away = away
    shop = LastKnownShop(store, lambda: pytest.fail("nobody asks"), lambda _: set(), retry_seconds=60.0)
    standing = StoreStanding(store, shop.asking, "memory").look()
    assert store.looked == looked, "it is not asked again where it has just not answered"
    assert standing.health == StoreHealth(False, "memory", "", "the graph store is out of reach")
    assert standing.stats is None
    with pytest.raises(StoreUnavailable):
        shop.reached()
    shop.close()


def until_reached(shop: LastKnownShop) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            return shop.reached()
        except StoreUnavailable:
            assert time.monotonic() < deadline, "nobody looked whether the store is back"
            time.sleep(0.01)


def comes_back(api: Api, store: MovingStore) -> None:
    store.away = False
    deadline = time.monotonic() + 10
    while api.get("/v1/items/plain/similar?k=1")["store_fallback"] is not None:
        assert time.monotonic() < deadline, "nobody looked whether the store is back"
        time.sleep(0.02)
