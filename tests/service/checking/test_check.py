"""What `ilk check` finds in files with planted faults, and how it says so."""

import json
import re
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

from graph.formats import Batch, Reason
from service.checking.activity import measure_activity
from service.checking.catalogue import repeated_items
from service.checking.check import CheckReport, CheckRequest, check
from service.checking.html import as_html
from service.checking.reasons import REASONS
from service.checking.scan import NEWEST_EVENTS, OUTLINE_SCHEMA, scan
from service.checking.text import as_text
from service.checking.words import sections
from service.cli.command import run
from service.errors import CallerMistake
from service.intake.load import load
from tests.service.conftest import quiet, trial_settings

DAY = 86_400
START = 1_700_000_000
SCRIPT = "<img src=x onerror=alert(1)>"


def write_rows(path: Path, rows: list[dict[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


@pytest.fixture
def faulty_shop(tmp_path: Path) -> Path:
    """Ten items: two repeat another, six have no event; one robot; three bad rows, two repeated events."""
    shop = tmp_path / "faulty"
    items: list[dict[str, object]] = [
        {"item_id": f"i{n}", "title": f"Lamp {n}", "brand": "B"} for n in range(8)
    ]
    items += [
        {"item_id": "copy1", "title": "LAMP  0!", "brand": "b"},
        {"item_id": "copy2", "title": "lamp 0", "brand": "B"},
    ]
    write_rows(shop / "items.jsonl", items)
    events: list[dict[str, object]] = [
        {"user_id": f"u{n % 5}", "item_id": f"i{n % 4}", "timestamp": START + 3600 * n} for n in range(40)
    ]
    events += events[:2]
    events += [{"user_id": "robot", "item_id": "i0", "timestamp": START + 40 + n / 4} for n in range(200)]
    events += [
        {
            "user_id": "buyer",
            "item_id": f"i{n}",
            "timestamp": START + DAY,
            "event_type": "purchase",
            "quantity": 1 + n,
        }
        for n in range(4)
    ]
    events += [{"session_id": "s", "item_id": "unknown", "timestamp": START}]
    events += [{"user_id": "u", "item_id": "i0"}, {"user_id": "", "item_id": "i0", "timestamp": START}]
    write_rows(shop / "events.jsonl", events)
    with (shop / "events.jsonl").open("a", encoding="utf-8") as file:
        file.write(SCRIPT + "\n")
    return shop


def checked(shop: Path, tmp_path: Path, **options: int | bool) -> CheckReport:
    request = CheckRequest(shop, **{"gain": False, **options})  # type: ignore[arg-type]  # mixed options
    return check(request, trial_settings(tmp_path / "home"), quiet())


def test_everything_planted_is_found(faulty_shop: Path, tmp_path: Path) -> None:
    report = checked(faulty_shop, tmp_path)
    counts = report.scan.counts["events"]
    assert counts.balanced
    assert counts.duplicates == 2
    assert counts.rejected == {"missing_timestamp": 1, "empty_id": 1, "bad_json": 1}
    assert (report.catalogue.items, report.catalogue.without_events) == (10, 0.6)
    assert report.catalogue.unknown_items == 1
    assert (report.catalogue.repeated_groups, report.catalogue.repeated_items) == (1, 3)
    assert report.catalogue.repeated_examples[0][2] == ["copy1", "copy2", "i0"]
    assert (report.activity.users, report.activity.sessions) == (7, 1)
    assert report.activity.rates.fastest == [("robot", 200)]
    assert report.activity.rates.events == 200
    (problem,) = report.scan.examples[("events", "rejected", "bad_json")]
    assert (problem.file, problem.line) == ("events.jsonl", 250)


def test_counts_are_those_of_a_load(faulty_shop: Path, tmp_path: Path) -> None:
    report = checked(faulty_shop, tmp_path)
    loaded = load(faulty_shop, trial_settings(tmp_path / "loaded"))
    assert report.scan.counts["events"].as_dict() == loaded.events.as_dict()
    assert report.scan.counts["items"].as_dict() == loaded.items.as_dict()


def test_nothing_is_left_behind(faulty_shop: Path, tmp_path: Path) -> None:
    checked(faulty_shop, tmp_path)
    assert not (tmp_path / "home").exists()


def test_without_examples_no_row_is_shown(faulty_shop: Path, tmp_path: Path) -> None:
    report = checked(faulty_shop, tmp_path, examples=0)
    shown = as_text("t", sections(report)) + as_html("t", sections(report)) + json.dumps(report.to_json())
    assert "robot" not in shown.lower().replace("robots", "")
    assert "copy1" not in shown
    assert "onerror" not in shown


def test_the_page_is_whole_and_escaped(faulty_shop: Path, tmp_path: Path) -> None:
    page = as_html("A <shop>", sections(checked(faulty_shop, tmp_path)))
    tags: list[str] = []

    class Tags(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.append(tag)

    Tags().feed(page)
    assert not {"script", "img", "link", "iframe"} & set(tags)
    assert "&lt;img src=x" in page
    assert not re.search(r"(?i)https?://", page)
    assert tags.count("h2") == len(sections(checked(faulty_shop, tmp_path)))


def test_the_gain_is_measured_on_the_newest_events(shop_folder: Path, tmp_path: Path) -> None:
    report = checked(shop_folder, tmp_path, gain=True)
    assert report.gain.skipped is None
    assert report.gain.events == report.activity.events
    slices = {row.slice: row for row in report.gain.rows}
    assert "next/warm" in slices
    assert all(0 <= row.ilk <= 1 and 0 <= row.rival <= 1 and row.cases > 0 for row in report.gain.rows)
    text = as_text("t", sections(report))
    assert f"{100 * slices['next/warm'].ilk:.1f}" in text
    assert "what the same shopper turns to next" in text
    assert not (tmp_path / "home").exists()


def test_too_few_events_are_said_not_measured(faulty_shop: Path, tmp_path: Path) -> None:
    report = checked(faulty_shop, tmp_path, gain=True)
    assert report.gain.rows == ()
    assert report.gain.skipped is not None
    assert "no trial was made" in report.gain.skipped
    assert report.gain.skipped in sections(report)[0].lines


def test_an_order_of_many_products_is_no_robot() -> None:
    at_once = pl.DataFrame(
        {
            "user": [1] * 300,
            "anonymous": False,
            "item": range(300),
            "event_type": "purchase",
            "at": [61_000_000] * 300,
            "has_text": False,
            "has_votes": False,
        },
        schema=OUTLINE_SCHEMA,
    )
    names = pl.DataFrame(
        {"user": [1], "user_id": ["wholesale"]}, schema={"user": pl.UInt64, "user_id": pl.String}
    )
    assert measure_activity(at_once, names, 3).rates.users == 0
    views = at_once.with_columns(event_type=pl.lit("view_item").cast(OUTLINE_SCHEMA["event_type"]))
    assert measure_activity(views, names, 3).rates.fastest == [("wholesale", 300)]


def test_dates_without_hours_are_not_judged() -> None:
    days = pl.DataFrame(
        {
            "user": [1] * 99,
            "anonymous": False,
            "item": 1,
            "event_type": "view_item",
            "at": [DAY * 1_000_000] * 99,
            "has_text": False,
            "has_votes": False,
        },
        schema=OUTLINE_SCHEMA,
    )
    rates = measure_activity(days, pl.DataFrame(schema={"user": pl.UInt64, "user_id": pl.String}), 3).rates
    assert (rates.judged, rates.users) == (False, 0)


def test_items_without_title_are_no_repeats() -> None:
    items = pl.DataFrame(
        {
            "item_id": ["a", "b", "c", "d", "e"],
            "title": ["", "", "X-1", "x 1", "x 1"],
            "brand": ["", "", "P", "p", "q"],
        }
    )
    assert repeated_items(items).rows() == [("X-1", "P", ["c", "d"])]


class LongShop:
    """More events than are kept, in three batches, the newest in the middle one. A `ShopReader`."""

    format = "made up"
    notes: Sequence[str] = ()

    def items(self) -> Iterator[Batch]:
        return iter(())

    def links(self) -> Iterator[Batch]:
        return iter(())

    def events(self) -> Iterator[Batch]:
        for start in (0, 600_000, 300_000):
            at = pl.int_range(start, start + 200_000, eager=True)
            rows = pl.select(
                event_id=at.cast(pl.String),
                user_id=pl.lit("u"),
                anonymous=pl.lit(value=False),
                item_id=(at % 7).cast(pl.String),
                event_type=pl.when(at % 2 == 0).then(pl.lit("refund")).otherwise(pl.lit("purchase")),
                at=at,
                rating=pl.lit(None, pl.Float32),
                review_text=pl.lit("text"),
                quantity=pl.lit(None, pl.Float32),
                value=pl.lit(None, pl.Float64),
                helpful=pl.lit(None, pl.Int64),
            )
            yield Batch("events", rows, rows.height)


def test_the_newest_events_are_kept_whatever_their_place() -> None:
    found = scan(LongShop(), 3, lambda rows, kind: None)
    assert found.outline.height == 600_000
    assert found.newest.height == NEWEST_EVENTS
    newest = [n for start in (600_000, 300_000) for n in range(start + 199_999, start, -2)][:NEWEST_EVENTS]
    assert found.newest["at"].to_list() == sorted(newest)
    assert found.newest["review_text"].null_count() == NEWEST_EVENTS


def test_every_reason_has_words() -> None:
    assert set(REASONS) == set(Reason)


def test_a_shop_of_items_only(tmp_path: Path) -> None:
    write_rows(tmp_path / "shop" / "items.jsonl", [{"item_id": "a", "title": "A"}])
    report = checked(tmp_path / "shop", tmp_path, gain=True)
    text = as_text("t", sections(report))
    assert "similarity will rest on texts alone" in text
    assert report.activity.first is None


def test_the_command_writes_all_three(
    faulty_shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ILK_ENCODER__MODEL", "hashing:64")
    page, result = tmp_path / "report.html", tmp_path / "report.json"
    asked = [
        "--home",
        str(tmp_path / "home"),
        "check",
        str(faulty_shop),
        "--html",
        str(page),
        "--json",
        str(result),
    ]
    assert run(asked) == 0
    printed = capsys.readouterr().out
    assert "Rows that need attention" in printed
    assert "events.jsonl, line" in printed
    assert "Rows that need attention" in page.read_text("utf-8")
    found = json.loads(result.read_text("utf-8"))
    assert found["events"]["rejected"] == {"bad_json": 1, "empty_id": 1, "missing_timestamp": 1}
    assert found["gain"]["skipped"]
    assert not (tmp_path / "home").exists()


def test_options_out_of_range_are_mistakes(faulty_shop: Path) -> None:
    with pytest.raises(CallerMistake):
        CheckRequest(faulty_shop, examples=-1)
    with pytest.raises(CallerMistake):
        CheckRequest(faulty_shop, max_per_minute=0)
