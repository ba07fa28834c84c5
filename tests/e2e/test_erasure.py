"""Erasing a user from a home that serves: not a byte of them is left in it, and no file brings them back."""

import json
import shutil
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.e2e.conftest import Run
from tests.e2e.test_serving import Server

pytestmark = pytest.mark.slow

USER = "zoe-4711-\N{SNOWMAN}"
TEXTS = ("my grandmother in Ulm, Zeppelinweg 12, liked it", "never again, says Zoë of Ulm")
AT = 1_700_000_000
SECONDS = 30.0


def rows() -> list[dict[str, Any]]:
    """What the user did, as a file of the shop has it; one row is rejected."""
    events: list[dict[str, Any]] = [
        {"user_id": USER, "item_id": f"S{n:04}", "timestamp": AT + n, "event_type": "purchase"}
        for n in range(6)
    ]
    review = {"event_type": "review", "review_text": TEXTS[0], "rating": 5}
    return [*events, {**events[0], **review}, {**events[1], **review, "timestamp": "never"}]


def places_with(home: Path) -> set[str]:
    """Files of the home that hold the user's id or one of the texts, as UTF-8 or as JSON spells it."""
    needles = [
        form for one in (USER, *TEXTS) for form in (one.encode(), json.dumps(one)[1:-1].encode(), quote(one))
    ]
    spelled = [one.encode() if isinstance(one, str) else one for one in needles]
    found = set()
    for path in home.rglob("*"):
        try:
            content = path.read_bytes() if path.is_file() else b""
        except FileNotFoundError:  # a temporary file
            continue
        if any(needle in content for needle in spelled):
            found.add(path.name)
    return found


def reading_all_the_time(address: str, stop: threading.Event) -> threading.Thread:
    """Readers keep the databases' write-ahead logs in use."""

    def read() -> None:
        with httpx.Client(base_url=address, timeout=30) as client:
            while not stop.is_set():
                client.get("/v1/users/somebody/profile")
                client.get("/v1/items/S0001/explain/S0002")

    thread = threading.Thread(target=read)
    thread.start()
    return thread


def test_not_a_byte_of_an_erased_user_is_left(small_home: Path, ilk: Run, tmp_path: Path) -> None:
    home, files = tmp_path / "home", tmp_path / "files"
    shutil.copytree(small_home, home)
    files.mkdir()
    text = "".join(json.dumps(row) + "\n" for row in rows())
    (files / "events.jsonl").write_text(text, "utf-8")
    for command in (("load", files), ("refresh",), ("backup", home / "before.tar")):
        assert ilk("--home", home, *command).returncode == 0
    assert {"events.db", "graph.db", "before.tar"} <= places_with(home)
    server, stop = Server(home, "--workers", "2"), threading.Event()
    reader = reading_all_the_time(str(server.client.base_url), stop)
    try:
        client, path = server.client, f"/v1/users/{quote(USER)}"
        event = {"user_id": USER, "item_id": "S0007", "event_type": "review", "review_text": TEXTS[1]}
        sequence = client.post("/v1/events", json={"events": [event]}).json()["sequence"]
        seen = client.get(f"{path}/recommendations?min_sequence={sequence}&timeout_ms=20000")
        assert seen.status_code == 200, seen.text
        assert client.get(f"{path}/profile").json()["items"] == 7
        receipt = client.delete(path)
        assert receipt.status_code == 200, receipt.text
        remains = {one["where"] for one in receipt.json()["remains"]}
        left = places_with(home)
        assert left <= {name.removeprefix("backup ") for name in remains}, (left, remains)
        assert "backup before.tar" in remains
        assert any("mirror" in one for one in remains)
        (home / "before.tar").unlink()
        client.post("/v1/events", json={"events": [{"user_id": "next", "item_id": "S0001"}]})
        deadline = time.monotonic() + SECONDS
        while places_with(home):
            assert time.monotonic() < deadline, places_with(home)
            time.sleep(0.2)
        assert client.get(f"{path}/profile").status_code == 404
        again = ilk("--home", home, "load", files, "--json", "-")
        assert json.loads(again.stdout)["events"]["accepted"] == 0
        assert client.get(f"{path}/export").status_code == 404
        assert client.get(f"{path}/recommendations").status_code == 404
        told = client.get("/metrics").text + server.log.read_text("utf-8")
        assert not [one for one in (USER, *TEXTS) if one in told or json.dumps(one)[1:-1] in told]
    finally:
        stop.set()
        reader.join()
        server.stop()
    assert ilk("--home", home, "refresh").returncode == 0
    assert places_with(home) == set()
