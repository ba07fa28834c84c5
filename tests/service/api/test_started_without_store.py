"""Workers and updaters that start while nobody answers at the graph store's address."""

import os
import socket
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from graph.event_type import EventType
from graph.interaction import Interaction
from graph.neo4j_store import Neo4jGraphStore
from graph.sqlite_log import SqliteLog
from service.api import create_app
from service.home import Home
from service.live.updater import Updater
from service.live.updater_status import UpdaterStatus, read_updater, write_status
from service.releases.holder import ReleaseHolder
from service.releases.store import ReleaseStore
from service.serving import make_deps
from service.settings import load_settings
from tests.service.api.conftest import SHOP
from tests.service.live_home import ToyTexts
from tests.service.live_toys import ToyMirror
from tests.service.release_toys import publish, toy_store
from tests.service.releases.test_release_holder import wait_until


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
