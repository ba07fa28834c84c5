"""Gone means gone: after the acknowledgement, in every process."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

from tests.service.api.conftest import SHOP
from tests.service.api.test_server import Server, running

REQUESTS = 400
"""Ten thousand, on every route, are in `tests/e2e/test_gone.py`."""


def test_a_deleted_item_never_appears_again(tmp_path: Path) -> None:
    with running(tmp_path, workers=2) as server:
        doomed = [row["item_id"] for row in server.get("/v1/items/plain/similar?k=20")[1]["results"]]
        lock, gone = threading.Lock(), set[str]()
        appearances: list[str] = []
        answered: list[int] = []

        def ask(number: int) -> None:
            with lock:
                known = set(gone)  # acknowledged before this request is sent
            path = (
                "/v1/items/plain/similar",
                "/v1/users/anna%2Fb/recommendations",
                "/v1/items/item-40/similar",
            )
            found = server.get(f"{path[number % 3]}?k=10")[1]["results"]
            answered.append(len(found))
            appearances.extend(known & {row["item_id"] for row in found})

        with ThreadPoolExecutor(4) as pool:
            asked = [pool.submit(ask, number) for number in range(REQUESTS // 4)]
            for item_id in doomed:
                if item_id != "item-40":
                    assert server.get(f"/v1/items/{quote(item_id, safe='')}", "DELETE")[0] == 204
                    with lock:
                        gone.add(item_id)
            asked += [pool.submit(ask, number) for number in range(REQUESTS - len(asked))]
            for one in asked:
                one.result()
        assert len(gone) >= 19
        assert appearances == []
        assert set(answered) == {10}
        _shown_by_all(server, gone)


def _shown_by_all(server: Server, gone: set[str]) -> None:
    """Several connections reach both processes: each says the same."""
    for item_id in sorted(gone):
        for _ in range(4):
            assert server.get(f"/v1/items/{quote(item_id, safe='')}/similar")[0] == 404
    left = {row["item_id"] for row in server.get("/v1/items/plain/similar?k=1000")[1]["results"]}
    assert left == {row["item_id"] for row in SHOP.items.iter_rows(named=True) if row["alive"]} - gone - {
        "plain"
    }
