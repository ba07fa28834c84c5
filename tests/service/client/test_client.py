"""The client over the whole application, and over servers that misbehave."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from graph.event_type import EventType
from graph.interaction import Interaction
from service.api import ApiKeys
from service.client import (
    Event,
    IlkClient,
    IlkProblem,
    IlkUnreachable,
    NotFound,
    NotReady,
    Refused,
    TooManyRequests,
)
from tests.service.api.conftest import ToyTexts, running_api


@pytest.fixture
def make_api(tmp_path: Any) -> Callable[..., Any]:
    return lambda **changes: running_api(tmp_path, **changes)


def client_of(api: Any, key: str | None = None) -> IlkClient:
    # what the test client asks in-process, httpx would ask over the network
    return IlkClient("", key, http=api.client)


def test_reads(make_api: Callable[..., Any]) -> None:
    with make_api(texts=ToyTexts()) as api:
        ilk = client_of(api)
        near = ilk.similar("with/slash/es", 3, explain=True)
        assert len(near.items) == 3
        assert sum((near.items[0].why or {}).values()) == pytest.approx(near.items[0].score, abs=1e-5)
        assert near.events_through == 2
        assert near.fallback is None
        assert [one.item_id for one in ilk.similar("plain", 2, exclude=["item-30", "item-31"]).items]
        assert ilk.search("like 40", 1).items[0].source == "text"
        assert "item-30" not in {one.item_id for one in ilk.recommend("anna/b", 50).items}
        assert len(ilk.for_items(["plain", "item-33"], 4).items) == 4
        assert ilk.trending(1).items[0].item_id == "item-59"
        found = ilk.explain("plain", "item-30")
        assert sum(found.parts.values()) == pytest.approx(found.score, abs=1e-5)
        assert ilk.status()["items"] == 60


def test_writes(make_api: Callable[..., Any]) -> None:
    with make_api() as api:
        ilk = client_of(api)
        sent = ilk.send([Event("plain", user_id="u", event_type="purchase", event_id="e1"), Event("plain")])
        assert [one.status for one in sent.results] == ["accepted", "rejected"]
        assert sent.sequence == 3
        assert ilk.send([Event("plain", user_id="u", event_type="purchase", event_id="e1")]).results[
            0
        ].status == ("duplicate")
        assert ilk.put_item("a/b", title="New")["title"] == "New"
        ilk.delete_item("a/b")
        with pytest.raises(NotFound, match="a/b") as problem:
            ilk.delete_item("a/b")
        assert problem.value.kind == "unknown-item"
        assert ilk.erase_user("anna/b")["events_removed"] == 2


def test_errors(make_api: Callable[..., Any]) -> None:
    with make_api(keys=ApiKeys(["right"], per_minute=3)) as api:
        with pytest.raises(Refused, match="not known") as refused:
            client_of(api, "wrong").status()
        assert refused.value.status == 401
        ilk = client_of(api, "right")
        with pytest.raises(Refused, match="k"):
            ilk.similar("plain", 0)
        view = Interaction("third", "zoe", "plain", EventType.VIEW_ITEM, 1_700_000_000_000_000)
        api.log.append(Interaction.to_frame([view]))
        with pytest.raises(NotReady) as stale:
            ilk.similar("plain", min_sequence=3, timeout_ms=1)
        assert stale.value.retry_after == 1
        ilk.status()
        with pytest.raises(TooManyRequests) as hasty:
            ilk.status()
        assert hasty.value.retry_after is not None


def test_a_server_that_is_not_there_or_not_ours() -> None:
    def gone(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    html = httpx.MockTransport(lambda request: httpx.Response(502, text="<html>"))
    for transport, error, says in (
        (httpx.MockTransport(gone), IlkUnreachable, "http://ilk"),
        (html, IlkProblem, "502"),
    ):
        http = httpx.Client(transport=transport, base_url="http://ilk")
        with IlkClient("", http=http) as ilk, pytest.raises(error, match=says):
            ilk.status()
    with pytest.raises(ValueError, match="clients"):
        ilk.put_item("..")
