"""Reads while the graph store is out of reach: items as last known, labelled; what is gone stays gone."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graph.errors import StoreUnavailable
from service.api.schemas import StatusShape
from service.live.updater_status import UpdaterStatus, cause_of, write_status
from tests.service.api.conftest import Api
from tests.service.moving_store import MovingStore


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


def comes_back(api: Api, store: MovingStore) -> None:
    store.away = False
    deadline = time.monotonic() + 10
    while api.get("/v1/items/plain/similar?k=1")["store_fallback"] is not None:
        assert time.monotonic() < deadline, "nobody looked whether the store is back"
        time.sleep(0.02)
