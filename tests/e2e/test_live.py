"""An accepted event changes the neighbours that `ilk serve` answers with, in every worker, within seconds."""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_serving import Server

SECONDS = 60.0


@pytest.fixture(scope="module")
def server(small_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("live") / "home"
    shutil.copytree(small_home, home)
    running = Server(home, "--workers", "2")
    yield running
    if running.process.poll() is None:
        running.stop()


def until(reached: Callable[[], Any], seconds: float = SECONDS) -> Any:
    """What `reached` returned first that is true."""
    deadline = time.monotonic() + seconds
    while not (found := reached()):
        assert time.monotonic() < deadline, "not reached in time"
        time.sleep(0.05)
    return found


def similar(server: Server, item_id: str, **params: Any) -> dict[str, Any]:
    answer = server.client.get(f"/v1/items/{item_id}/similar", params={"k": 10, **params})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def ids(answer: dict[str, Any]) -> list[str]:
    return [row["item_id"] for row in answer["results"]]


def co_views(item_a: str, item_b: str, users: int, tag: str) -> list[dict[str, Any]]:
    now = time.time()
    return [
        {"user_id": f"{tag}-{user}", "item_id": item, "event_type": "view_item", "timestamp": now + step}
        for user in range(users)
        for step, item in enumerate((item_a, item_b))
    ]


def test_planted_co_views_put_an_item_into_the_top_ten(server: Server) -> None:
    far = ids(similar(server, "S0000", objective="next", k=40))[-1]
    told = server.client.post("/v1/events", json={"events": co_views("S0000", far, 40, "planted")}).json()
    last = told["sequence"]
    for _ in range(6):  # whichever worker answers
        answer = similar(server, "S0000", objective="next", min_sequence=last, timeout_ms=30_000)
        assert answer["events_through"] >= last
        assert answer["index_version"] != answer["model_version"]
        assert far in ids(answer), answer
    status = server.client.get("/v1/status").json()
    assert status["sequence"] == status["applied_sequence"] == last
    assert until(lambda: server.client.get("/v1/status").json()["visible_sequence"] == last)


def test_a_new_item_is_found_among_the_neighbours_of_others(server: Server) -> None:
    like = server.client.get("/v1/items", params={"item_id": "S0010"}).json()
    body = {name: like[name] for name in ("title", "description", "brand", "categories", "price")}
    assert server.client.put("/v1/items/newcomer", json=body).status_code == 201
    until(lambda: "newcomer" in ids(similar(server, "S0010")))
    assert "S0010" in ids(similar(server, "newcomer"))
    assert server.client.delete("/v1/items/newcomer").status_code == 204
    for _ in range(20):
        assert "newcomer" not in ids(similar(server, "S0010", k=1000))
        time.sleep(0.1)


def test_what_if_answers_before_and_after_and_keeps_nothing(server: Server) -> None:
    far = ids(similar(server, "S0020", objective="next", k=40))[-1]
    body = {"item_id": "S0020", "objective": "next", "events": co_views("S0020", far, 60, "imagined")}
    before = server.client.get("/v1/status").json()
    told = server.client.post("/v1/what-if", json=body)
    assert told.status_code == 200, told.text
    assert far not in ids({"results": told.json()["before"]})
    assert far in ids({"results": told.json()["after"]})
    assert far not in ids(similar(server, "S0020", objective="next"))
    assert server.client.get("/v1/status").json()["sequence"] == before["sequence"]
    body["events"] = [{"user_id": "u", "item_id": "nothing like it"}]
    assert server.client.post("/v1/what-if", json=body).status_code == 404
