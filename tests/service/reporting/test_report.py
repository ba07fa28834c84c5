"""Reports of real releases: what they say, that they hold no user, and the page."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from service.home import Home
from service.intake.load import load
from service.nightly.refresh import refresh
from service.nightly.refresh_result import RefreshResult
from service.releases.errors import UnknownRelease
from service.reporting.history import read_history
from service.reporting.page import report_page
from service.reporting.report import build_report
from service.reporting.webhook import tell_webhook
from service.settings import load_settings
from tests.service.conftest import TRIAL_FLAGS, quiet, trial_settings

Made = tuple[Home, list[RefreshResult]]


@pytest.fixture(scope="module")
def two_releases(
    tmp_path_factory: pytest.TempPathFactory, shop_folder: Path
) -> tuple[Home, list[RefreshResult]]:
    """A home with two published releases: the second knows one item more and a busy user."""
    root = tmp_path_factory.mktemp("reported")
    settings = trial_settings(root / "home")
    load(shop_folder, settings)
    results = [refresh(settings, quiet())]
    more = root / "more"
    more.mkdir()
    (more / "items.jsonl").write_text('{"item_id": "<new>", "title": "<b>New & nice</b>"}\n{oops\n', "utf-8")
    event = {"user_id": "secret-shopper", "item_id": "<new>", "timestamp": 1_750_000_000}
    lines = [json.dumps({**event, "event_id": f"e{n}"}) + "\n" for n in range(70)]
    (more / "events.jsonl").write_text("".join(lines), "utf-8")
    load(more, settings)
    results.append(refresh(settings, quiet()))
    return Home(settings.home), results


def test_what_changed_is_told(two_releases: Made) -> None:
    home, (first, second) = two_releases
    report = build_report(home)
    assert report["release"]["version"] == second.release
    assert report["release"]["serving"] is True
    neighbours = report["neighbours"]
    assert neighbours["against"] == first.release
    assert (neighbours["new_items"], neighbours["gone_items"]) == (1, 0)
    assert 0 < neighbours["overlap"] <= 1
    assert sum(group["items"] for group in neighbours["by_popularity"]) == neighbours["items"]
    assert report["graph"]["sound"]
    assert report["graph"]["log_sequence"] == report["graph"]["graph_sequence"]
    assert report["abuse"]["fast_users"] == 1
    assert report["abuse"]["items_by_one_user"] == ["<new>"]
    assert {"outcome": "rejected", "reason": "bad_json", "rows": 1} in report["cleaning"]
    assert [stage["name"] for stage in report["stages"]] == [
        "export", "encode", "train", "judge", "index", "write", "audit", "publish",
    ]  # fmt: skip
    assert all(stage["peak_memory_bytes"] > 0 for stage in report["stages"])
    assert [point["release"] for point in report["trend"]] == [first.release, second.release]
    assert sum(row["pairs"] for row in report["quality_by_popularity"]) == report["gate"]["pairs"]


def test_an_older_release_keeps_its_report(two_releases: Made) -> None:
    home, (first, _) = two_releases
    report = build_report(home, first.release)
    assert report["neighbours"] is None
    assert report["release"]["serving"] is False
    assert "Nothing served before" in report_page(report)
    with pytest.raises(UnknownRelease, match="there are"):
        build_report(home, "r000009-abcdef")
    with pytest.raises(UnknownRelease, match="there are"):
        build_report(home, "../../etc")


def test_the_page_escapes_and_names_no_user(two_releases: Made) -> None:
    home, _ = two_releases
    report = build_report(home)
    page = report_page(report)
    assert "&lt;new&gt;" in page
    assert "<new>" not in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert page.count("<svg") >= 7
    for text in (page, json.dumps(report)):
        assert "secret-shopper" not in text
        assert "shopper-0" not in text


def test_a_rejected_refresh_is_reported(two_releases: Made) -> None:
    home, (_, second) = two_releases
    nothing_works = {"use_paths": False, "use_embedding": False, "use_trend": False, "learn_mix": False}
    flags = {**TRIAL_FLAGS, "model": {"options": nothing_works}, "gate": {"max_drop": 0.0}}
    rejected = refresh(load_settings(home.root, flags), quiet())
    assert rejected.reason.startswith("rejected")
    assert rejected.release == second.release
    last = read_history(home)[-1]
    assert (last["published"], last["release"] != second.release) == (False, True)
    report = build_report(home, last["release"])
    assert "Rejected" in report_page(report)
    assert report["neighbours"]["overlap"] < 1
    refresh(load_settings(home.root, flags), quiet())
    assert read_history(home)[-1] == last


@contextmanager
def listening(status: int) -> Iterator[tuple[str, list[Any]]]:
    """A server on loopback that answers every POST with a status; its address and the bodies it got."""
    got: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Silent."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_webhook_is_told(tmp_path: Path, shop_folder: Path) -> None:
    with listening(204) as (address, got):
        settings = load_settings(tmp_path / "home", {**TRIAL_FLAGS, "report": {"webhook": address}})
        load(shop_folder, settings)
        result = refresh(settings, quiet())
    (told,) = got
    assert told["published"] is True
    assert told["release"] == result.release
    assert told["metrics"]["gate"]["passed"] is True


def test_a_webhook_that_fails_is_only_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with listening(500) as (address, got):
        assert not tell_webhook(address, {"release": "r"})
    assert got == [{"release": "r"}]
    assert not tell_webhook(address, {"release": "r"})  # nobody listens there now
    assert caplog.text.count("was not told") == 2
