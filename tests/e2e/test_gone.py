"""Gone means gone: after the acknowledgement no worker of the real server shows the item, on no route."""

import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.test_serving import Server

pytestmark = pytest.mark.slow

QUERY, USER = "S0000", "gone-test-shopper"
REQUESTS = 10_000
THREADS = 4
PER_CONNECTION = 40
"""Then a new one, which another worker may take."""
DOOMED = 12

Asked = tuple[str, str, dict[str, Any] | None]
ROUTES: tuple[Asked, ...] = (
    ("GET", f"/v1/items/{QUERY}/similar?k=20&explain=true", None),
    ("GET", f"/v1/similar?item_id={QUERY}&k=20&objective=next", None),
    ("POST", "/v1/similar:batch", {"item_ids": [QUERY], "k": 20, "objective": "together"}),
    ("POST", "/v1/similar:by-text", {"text": "lamp", "k": 20}),
    ("GET", "/v1/search?q=lamp&k=20", None),
    ("GET", f"/v1/users/{USER}/recommendations?k=20", None),
    ("GET", f"/v1/recommendations?user_id={USER}&k=20", None),
    ("POST", "/v1/recommendations:for-items", {"item_ids": [QUERY], "k": 20}),
    ("GET", "/v1/trending?k=20", None),
    ("GET", f"/api/item/{QUERY}/neighbors?n=20", None),
    ("GET", f"/api/recommend/{USER}?n=20", None),
    ("GET", f"/v1/users/{USER}/profile", None),
    ("GET", "/v1/explain?item_id={query}&other={other}", None),
    ("POST", "/v1/what-if", {"item_id": QUERY, "events": [{"user_id": "x", "item_id": QUERY}], "k": 20}),
)


def ids_in(answer: Any) -> Iterator[str]:
    """Every item's id in an answer of any route."""
    if isinstance(answer, dict):
        for name, value in answer.items():
            if name in ("item_id", "Id"):
                yield value
            else:
                yield from ids_in(value)
    elif isinstance(answer, list):
        for value in answer:
            yield from [value] if isinstance(value, str) else ids_in(value)


class Asking:
    """Asks all routes in turn and compares with what was acknowledged as deleted before."""

    def __init__(self, address: str, other: str) -> None:
        self._address, self._other = address, other
        self._lock = threading.Lock()
        self.gone: set[str] = set()
        self.appeared: list[str] = []
        self.shown: Counter[str] = Counter()
        """By route: items seen there."""

    def delete(self, client: httpx.Client, item_id: str) -> None:
        assert client.delete(f"/v1/items/{item_id}").status_code == 204
        with self._lock:
            self.gone.add(item_id)

    def ask(self, first: int, count: int) -> None:
        with httpx.Client(base_url=self._address, timeout=60) as client:
            for number in range(first, first + count):
                with self._lock:
                    known = set(self.gone)
                method, path, body = ROUTES[number % len(ROUTES)]
                path = path.format(query=QUERY, other=self._other)
                answer = client.request(method, path, json=body)
                assert answer.status_code == 200, (path, answer.text)
                found = set(ids_in(answer.json()))
                with self._lock:
                    self.shown[path] += len(found)
                    self.appeared += [f"{path}: {one}" for one in known & found]


def test_no_deleted_item_in_ten_thousand_answers(small_home: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(small_home, home)
    server = Server(home, "--workers", "2")
    try:
        client = server.client
        near = [row["item_id"] for row in client.get(f"/v1/items/{QUERY}/similar?k=30").json()["results"]]
        doomed, other = near[:DOOMED], near[DOOMED]
        events = [{"user_id": USER, "item_id": one, "event_type": "purchase"} for one in (other, doomed[-1])]
        client.post("/v1/events", json={"events": events})
        pin = {"kind": "pin", "item_id": doomed[0], "scope": "everywhere", "author": "Mia", "reason": "why"}
        assert client.post("/v1/rules", json=pin).status_code == 201
        asking = Asking(str(client.base_url), other)
        with ThreadPoolExecutor(THREADS) as pool:
            asked = [
                pool.submit(asking.ask, first, PER_CONNECTION) for first in range(0, REQUESTS, PER_CONNECTION)
            ]
            for item_id in doomed:
                asking.delete(client, item_id)
                late = {"user_id": "late", "item_id": item_id, "event_type": "purchase"}
                client.post("/v1/events", json={"events": [late]})  # no event brings it back
            for one in asked:
                one.result()
        assert len(asking.gone) == DOOMED
        assert asking.appeared == []
        assert len(asking.shown) == len(ROUTES)
        assert all(asking.shown.values()), asking.shown
    finally:
        server.stop()
