"""Hostile values in every parameter of every route: nothing is executed, opened, shown or written down."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from structlog.testing import capture_logs

from graph.sqlite_store import SqliteGraphStore
from graph.store import GraphStore
from service.catch_up import catch_up
from tests.graph.neo4j.database import empty_store
from tests.service.api.conftest import AnyTexts, Api, running_api
from tests.service.api.injections import CYPHER, MARK, PAYLOADS, hostile_calls

IDS = [one for one in PAYLOADS if "\x00" not in one and "%2f" not in one]
"""The tests' client decodes a path twice; `test_server.py` has percent signs on the wire."""
SECRET = "a line that no answer may hold"
KEPT = ("/v1/users/anna%2Fb/export", "/v1/users/anna%2Fb/profile", "/v1/items/plain")
INSIDE = ("Traceback", "apsw", "SQLError", "Neo.ClientError", "neo4j.exceptions", 'File "', "SyntaxError")


@pytest.fixture(
    params=[
        pytest.param("sqlite", marks=pytest.mark.slow),
        pytest.param("neo4j", marks=[pytest.mark.slow, pytest.mark.neo4j]),
    ]
)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Api]:
    (tmp_path / "secret.txt").write_text(SECRET, "utf-8")
    store: GraphStore = (
        SqliteGraphStore(tmp_path / "graph.db") if request.param == "sqlite" else empty_store()
    )
    store.ensure_schema()
    with running_api(tmp_path, graph=store, texts=AnyTexts()) as api:
        yield api
    store.close()


def kept(api: Api) -> list[Any]:
    """What must be the same before and after."""
    found = [api.get(path) for path in KEPT]
    return [{name: value for name, value in one.items() if name != "exported_at"} for one in found]


def test_no_parameter_is_a_way_in(shop: Api) -> None:
    before, edges = kept(shop), shop.store.stats().events
    wrong: list[str] = []
    statuses: Counter[int] = Counter()
    # what does not reach the store is tried once, with the quicker one
    payloads = PAYLOADS if isinstance(shop.store, SqliteGraphStore) else CYPHER
    with capture_logs() as logs:
        for call in hostile_calls(shop.get("/openapi.json"), payloads):
            answer = call.sent(shop.client)
            statuses[answer.status_code] += 1
            wrong += [f"{call}: {why}" for why in faults(answer)]
        catch_up(shop.log, shop.store)
    assert not wrong, "\n".join(wrong[:20])
    assert statuses[500] == 0
    assert min(statuses[200], statuses[422]) > 50 * len(payloads), statuses
    assert kept(shop) == before
    assert shop.store.stats().events > edges, "hostile events are events, too"
    assert MARK not in str(logs)
    assert MARK not in shop.client.get("/metrics").text


def faults(answer: Any) -> list[str]:
    """What is wrong with an answer to a hostile request."""
    kind = answer.headers.get("content-type", "")
    found = [f"tells {word}" for word in (SECRET, *INSIDE) if word in answer.text]
    if answer.status_code == 500:
        found.append("failed inside")
    if "x-injected" in answer.headers:
        found.append("a header was injected")
    if MARK in answer.text and not kind.startswith(("application/json", "application/problem+json")):
        found.append(f"repeated in {kind}")
    if MARK in str(answer.headers):
        found.append("repeated in a header")
    return found


def test_a_hostile_id_is_an_id_like_any_other(shop: Api) -> None:
    """What is written under it is read under it, and under no other."""
    before = kept(shop)
    for number, payload in enumerate(IDS):
        path = f"/v1/items/{quote(payload, safe='')}"
        card = {"title": payload, "categories": [f"{payload.strip()} > x"], "attributes": {payload: payload}}
        assert shop.client.put(path, json=card).status_code == 201
        assert (shown := shop.get(path))["item_id"] == payload
        assert (shown["title"], shown["attributes"]) == (payload, {payload: payload})
        event = {"user_id": payload, "item_id": "plain", "event_id": f"h{number}", "review_text": payload}
        shop.client.post("/v1/events", json={"events": [event]})
        catch_up(shop.log, shop.store)
        user = f"/v1/users/{quote(payload, safe='')}"
        assert [one["review_text"] for one in shop.get(f"{user}/export")["events"]] == [payload]
        assert shop.get(f"{user}/profile")["items"] == 1
        assert shop.client.delete(user).json()["events_removed"] == 1
        assert shop.client.delete(path).status_code == 204
        assert shop.client.get(path).status_code == 404
    assert kept(shop) == before
