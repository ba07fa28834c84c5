"""Several sources at once: what is read, who is right, what happens when one fails."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from service.cli.command import run
from service.errors import BadSettings, CallerMistake, HomeBusy
from service.home import Home
from service.intake.sync import SourceReport, source_status, sync
from service.settings import Settings, load_settings
from service.status import read_status
from service.stores import closing_both, open_log, open_store
from tests.service.conftest import TRIAL_FLAGS

NOON = 1_700_000_000


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = float(NOON)

    def __call__(self) -> float:
        return self.now


class Shop:
    """A home with the sources `erp` (priority 10) and `feed` (priority 0)."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clock = Clock()
        self.options: dict[str, dict[str, Any]] = {"erp": {"priority": 10}, "feed": {}}
        for name in self.options:
            (root / name).mkdir()

    @property
    def settings(self) -> Settings:
        sources = [
            {"name": name, "path": str(self.root / name)} | more for name, more in self.options.items()
        ]
        return load_settings(self.root / "home", {**TRIAL_FLAGS, "sources": sources})

    def write(self, name: str, rows: list[dict[str, Any]], mtime: int = NOON) -> Path:
        path = self.root / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        os.utime(path, (mtime, mtime))
        return path

    def sync(self, **options: bool) -> dict[str, SourceReport]:
        return {report.name: report for report in sync(self.settings, clock=self.clock, **options)}

    def titles(self) -> dict[str, str]:
        store = open_store(self.settings, Home(self.settings.home))
        with closing_both(store):
            items = store.items()
        return dict(zip(items["item_id"], items["title"], strict=True))

    def events(self) -> int:
        return int(read_status(self.settings, Home(self.settings.home))["events"])


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def item(item_id: str, title: str) -> dict[str, Any]:
    return {"item_id": item_id, "title": title}


def event(user: str, item_id: str, at: int = NOON) -> dict[str, Any]:
    return {"user_id": user, "item_id": item_id, "timestamp": at}


def test_the_source_of_higher_priority_is_right_whoever_comes_last(shop: Shop) -> None:
    shop.write("feed/items.jsonl", [item("a", "feed a"), item("b", "feed b")], NOON + 50)
    shop.write("erp/items.jsonl", [item("a", "erp a")])
    first = shop.sync()
    assert shop.titles() == {"a": "erp a", "b": "feed b"}
    assert first["feed"].load.items.as_dict()["duplicates"] == 1
    shop.write("feed/items.jsonl", [item("a", "feed a, newer"), item("b", "feed b, newer")], NOON + 99)
    assert shop.sync()["feed"].outcome == "read"
    assert shop.titles() == {"a": "erp a", "b": "feed b, newer"}
    shop.write("erp/items.jsonl", [item("a", "erp a, newer")], NOON + 1)
    shop.sync()
    assert shop.titles()["a"] == "erp a, newer"


def test_among_equals_the_newest_file_is_right_also_when_an_older_one_arrives_late(shop: Shop) -> None:
    shop.options["erp"]["priority"] = 0
    shop.write("erp/items.jsonl", [item("a", "of today")], NOON + 100)
    shop.write("feed/events.jsonl", [event("u", "a")])
    shop.sync()
    shop.write("feed/items.jsonl", [item("a", "of yesterday"), item("late", "late")], NOON)
    late = shop.sync()["feed"]
    assert (late.load.items.accepted, late.load.items.duplicates) == (1, 1)
    assert late.load.items.balanced
    assert shop.titles() == {"a": "of today", "late": "late"}


def test_of_one_folder_the_file_changed_last_is_right_whatever_its_name(shop: Shop) -> None:
    shop.write("feed/items.a.jsonl", [{"item_id": "i", "title": "Newer"}], NOON + 60)
    shop.write("feed/items.b.jsonl", [{"item_id": "i", "title": "Older"}], NOON)
    shop.options = {"feed": {}}
    counts = shop.sync()["feed"].load.items
    assert (counts.read, counts.accepted, counts.duplicates) == (2, 1, 1)
    assert shop.titles() == {"i": "Newer"}


def test_repeated_rows_count_once_across_sources(shop: Shop) -> None:
    rows = [event(f"u{n}", "a") for n in range(10)]
    shop.write("erp/events.jsonl", rows)
    shop.write("feed/events.jsonl", [*rows[5:], event("new", "a")])
    found = shop.sync()
    assert (found["erp"].load.events.accepted, found["feed"].load.events.accepted) == (10, 1)
    assert found["feed"].load.events.duplicates == 5
    assert shop.events() == 11


def test_only_new_and_changed_files_are_read(shop: Shop) -> None:
    shop.write("erp/items.jsonl", [item("a", "a")])
    monday = shop.write("erp/monday-events.jsonl", [event("u", "a")])
    shop.write("feed/events.jsonl", [event("v", "a")])
    assert shop.sync()["erp"].files_read == 2
    again = shop.sync()
    assert {report.outcome for report in again.values()} == {"unchanged"}
    assert again["erp"].load.events.read == 0
    os.utime(monday, (NOON + 7, NOON + 7))
    assert shop.sync()["erp"].outcome == "unchanged"
    shop.write("erp/tuesday-events.jsonl", [event("w", "a")])
    shop.write("erp/monday-events.jsonl", [event("u", "a"), event("u2", "a")], NOON + 8)
    later = shop.sync()["erp"]
    assert (later.files_read, later.load.events.read, later.load.events.accepted) == (2, 3, 2)
    assert later.load.items.read == 0


def test_a_source_that_fails_stops_nobody_and_is_tried_again(shop: Shop) -> None:
    shop.write("feed/events.jsonl", [event("u", "a")])
    first = shop.sync()
    assert (first["erp"].outcome, first["feed"].outcome) == ("failed", "read")
    assert "no data files" in str(first["erp"].error)
    shop.write("erp/events.jsonl", [event("v", "a")])
    shop.clock.now += 29
    assert shop.sync()["erp"].outcome == "waiting"
    shop.clock.now += 2
    assert shop.sync()["erp"].outcome == "read"
    assert shop.events() == 2
    (erp, _) = source_status(shop.settings, Home(shop.settings.home), shop.clock)
    assert (erp["failures"], erp["error"]) == (0, None)


def test_waiting_doubles_and_can_be_overruled(shop: Shop) -> None:
    shop.write("feed/events.jsonl", [event("u", "a")])
    waits = []
    for _ in range(12):
        shop.sync(now_all=True)
        (erp, _) = source_status(shop.settings, Home(shop.settings.home), shop.clock)
        waits.append(erp["retry_at"] - shop.clock.now)
    assert waits[:4] == [30, 60, 120, 240]
    assert waits[-1] == 3600


def test_a_damaged_file_gives_what_it_can_and_is_read_again(shop: Shop) -> None:
    whole = gzip.compress("".join(json.dumps(event(f"u{n}", "a")) + "\n" for n in range(5000)).encode())
    shop.write("feed/events.jsonl", [event("u", "a")])
    (shop.root / "erp" / "events.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    first = shop.sync()["erp"]
    assert first.outcome == "failed"
    assert 0 < first.load.events.accepted < 5000
    (shop.root / "erp" / "events.jsonl.gz").write_bytes(whole)
    second = shop.sync(now_all=True)["erp"]
    assert second.outcome == "read"
    assert shop.events() == 5001


def test_a_schedule_is_kept(shop: Shop) -> None:
    shop.options["feed"]["schedule_seconds"] = 600
    shop.write("erp/events.jsonl", [event("u", "a")])
    shop.write("feed/events.jsonl", [event("v", "a")])
    shop.sync()
    shop.write("feed/events.jsonl", [event("v", "a"), event("w", "a")], NOON + 5)
    shop.clock.now += 599
    assert shop.sync()["feed"].outcome == "not due"
    shop.clock.now += 1
    assert shop.sync()["feed"].outcome == "read"


def test_globs_reach_into_folders(shop: Shop) -> None:
    del shop.options["erp"]
    shop.options["feed"]["path"] = str(shop.root / "feed" / "**" / "*.jsonl")
    for day in ("01", "02"):
        (shop.root / "feed" / day).mkdir()
        shop.write(f"feed/{day}/events.jsonl", [event(f"u{day}", "a")])
    assert shop.sync()["feed"].files_read == 2
    assert shop.events() == 2


def test_status_tells_the_lag(shop: Shop) -> None:
    shop.write("erp/events.jsonl", [event("u", "a")])
    shop.write("feed/events.jsonl", [event("v", "a")])
    shop.sync()
    shop.write("feed/more-events.jsonl", [event("w", "a")], NOON - 40)
    erp, feed = source_status(shop.settings, Home(shop.settings.home), shop.clock)
    assert (erp["files"], erp["pending"], erp["lag_seconds"]) == (1, 0, 0)
    assert (feed["files"], feed["pending"], feed["lag_seconds"]) == (2, 1, 40)


def test_commands(shop: Shop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ILK_ENCODER__MODEL", "hashing:64")
    home = shop.root / "home"
    home.mkdir()
    (home / "ilk.toml").write_text(
        "".join(f"[[sources]]\nname = '{name}'\npath = '{shop.root / name}'\n" for name in ("feed", "erp")),
        "utf-8",
    )
    shop.write("feed/events.jsonl", [event("u", "a")])
    assert run(["--home", str(home), "sync", "--json", "-"]) == 1
    printed = capsys.readouterr()
    assert "1 of 2 sources failed (erp)" in printed.err
    feed, erp = json.loads(printed.out)["sources"]
    assert (feed["outcome"], feed["events"]["accepted"], feed["lag_seconds"]) == ("read", 1, 0)
    assert (erp["outcome"], erp["lag_seconds"]) == ("failed", None)
    assert run(["--home", str(home), "status", "--json", "-"]) == 0
    status = json.loads(capsys.readouterr().out)
    assert [source["name"] for source in status["sources"]] == ["feed", "erp"]
    assert run(["--home", str(home), "status"]) == 0
    assert "source feed" in capsys.readouterr().out


def test_mistakes_are_told(shop: Shop) -> None:
    with pytest.raises(CallerMistake, match="no sources"):
        sync(load_settings(shop.root / "home", TRIAL_FLAGS))
    twice = [{"name": "x", "path": "a"}, {"name": "x", "path": "b"}]
    with pytest.raises(BadSettings, match="same name"):
        load_settings(shop.root / "home", {"sources": twice})
    with Home(shop.settings.home).writing("test"), pytest.raises(HomeBusy):
        shop.sync()


@pytest.mark.slow
def test_a_killed_sync_is_finished_by_the_next(shop: Shop) -> None:
    del shop.options["erp"]
    rows = [event(f"u{n % 997}", f"i{n % 101}", NOON + n) for n in range(300_000)]
    shop.write("feed/events.jsonl", rows)
    home = shop.root / "home"
    home.mkdir()
    (home / "ilk.toml").write_text(f"[[sources]]\nname = 'feed'\npath = '{shop.root / 'feed'}'\n", "utf-8")
    command = [sys.executable, "-c", "from service.cli import main; main()", "--home", str(home), "sync"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    log = open_log(Home(home))
    with closing_both(log):
        while log.last_seq() == 0 and process.poll() is None:
            time.sleep(0.01)
        process.kill()
        assert process.wait() == -signal.SIGKILL
        assert 0 < log.last_seq() < 300_000
        report = shop.sync()["feed"]
        assert report.load.events.balanced
        assert report.load.events.duplicates > 0
        assert log.last_seq() == shop.events() == 300_000
    assert shop.sync()["feed"].outcome == "unchanged"
