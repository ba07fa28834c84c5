"""Files as shops really send them: read rightly, or refused in one line that says what to do."""

import bz2
import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.errors import UnreadableInput
from graph.formats import open_shop
from graph.formats.json_array import CHUNK
from tests.graph.formats.reading import Pass, events, items, write

HEAD = "user_id,item_id,timestamp,event_type,rating\n"
BODY = "".join(f"u{n % 3},i{n % 4},{1_700_000_000 + n},purchase,{n % 5 + 1}\n" for n in range(12))
RECORDS = [{"user_id": f"u{n % 3}", "item_id": f"i{n}", "timestamp": 1_700_000_000 + n} for n in range(12)]


def read_events(folder: Path, name: str, content: str | bytes) -> tuple[Pass, tuple[str, ...]]:
    """One file of events, read; and the reader's notes."""
    data = content.encode() if isinstance(content, str) else content
    (folder / name).write_bytes(data)
    shop = open_shop(folder)
    return events(iter(shop.events())), tuple(shop.notes)


@pytest.mark.parametrize(
    ("times", "first", "note"),
    [
        (["14.11.2023 10:05", "01.12.2023 00:00"], "2023-11-14 10:05", "day first (%d.%m.%Y %H:%M)"),
        (["13/11/2023", "02/12/2023"], "2023-11-13 00:00", "day first (%d/%m/%Y)"),
        (["11/13/2023 1:05 PM", "12/2/2023 11:00 AM"], "2023-11-13 13:05", "month first"),
        (["11-30-23", "1-2-24"], "2023-11-30 00:00", "month first"),
        (["45244.5", "45245"], "2023-11-14 12:00", "day numbers"),
        (["2023/11/4", "2023/12/14"], "2023-11-04 00:00", "year first (%Y/%m/%d)"),
        (["2023-1-4T5:06", "2023-11-14T12:30"], "2023-01-04 05:06", "year first"),
        (["2023.11.04 10:05:00", "2023.11.05 10:05:00"], "2023-11-04 10:05", "year first"),
        (["20231114", "20231201"], "2023-11-14 00:00", "year, month and day (such as 20231114)"),
        (["202311141005", "20231201"], "2023-11-14 10:05", "year, month and day"),
        (["20231114100530", "20231201000000"], "2023-11-14 10:05", "year, month and day"),
    ],
)
def test_times_as_spreadsheets_write_them(tmp_path: Path, times: list[str], first: str, note: str) -> None:
    rows = "".join(f"u{n},i,{time}\n" for n, time in enumerate(times))
    found, notes = read_events(tmp_path, "events.csv", f"user_id,item_id,timestamp\n{rows}")
    assert found.counts.accepted == 2
    assert found.counts.repaired == {"time_without_zone": 2}
    assert any(note in one for one in notes)
    at = found.frame.sort("user_id")["at"][0]
    assert datetime.fromtimestamp(at / 1e6, UTC).strftime("%Y-%m-%d %H:%M") == first


def test_zeros_left_out_in_some_days_only(tmp_path: Path) -> None:
    rows = "".join(f"u{n},i,2023-11-{n % 28 + 1}T10:05\n" for n in range(56))
    found, notes = read_events(tmp_path, "events.csv", f"user_id,item_id,timestamp\n{rows}")
    assert found.counts.accepted == 56
    assert not found.counts.rejected
    assert any("year first" in one for one in notes)


def test_days_written_without_marks_as_numbers_of_parquet(tmp_path: Path) -> None:
    days = pl.DataFrame({"user_id": ["u", "v"], "item_id": ["i", "i"], "timestamp": [20231114, 20231201]})
    days.write_parquet(tmp_path / "events.parquet")
    found = events(iter(open_shop(tmp_path).events()))
    assert found.counts.repaired == {"time_without_zone": 2}
    assert found.frame.sort("user_id")["at"][0] == 1_699_920_000_000_000


def test_small_numbers_that_are_no_days_stay_unread(tmp_path: Path) -> None:
    rows = "".join(f"u{n},i,{20230000 + n * 7919}\n" for n in range(60))
    found, _ = read_events(tmp_path, "events.csv", f"user_id,item_id,timestamp\n{rows}")
    assert found.counts.rejected == {"time_out_of_range": 60}


def test_days_and_months_that_cannot_be_told_apart_are_not_guessed(tmp_path: Path) -> None:
    found, notes = read_events(
        tmp_path, "events.csv", "user_id,item_id,timestamp\nu,i,03/04/2023\nu,j,05/06/2023\n"
    )
    assert found.counts.rejected == {"bad_timestamp": 2}
    assert any("may begin with the day or the month" in one and "mapping" in one for one in notes)


def test_one_bad_date_does_not_change_the_order_of_the_others(tmp_path: Path) -> None:
    rows = "".join(f"u{n},i,{n % 28 + 1:02d}/11/2023\n" for n in range(60))
    found, _ = read_events(tmp_path, "events.csv", f"user_id,item_id,timestamp\n{rows}v,i,31/11/2023\n")
    assert found.counts.rejected == {"bad_timestamp": 1}
    assert found.counts.accepted == 60


@pytest.mark.parametrize("text", ["1.234,50", "1,234.50", "1234,5", "1234.5"])
def test_numbers_as_people_write_them(tmp_path: Path, text: str) -> None:
    found, _ = read_events(
        tmp_path, "events.csv", f"user_id;item_id;timestamp;value\nu;i;1700000000;{text}\n"
    )
    assert found.frame["value"].to_list() == [1234.5]
    assert not found.counts.repaired


@pytest.mark.parametrize(
    "head",
    [
        "USER_ID,ITEM_ID,TIMESTAMP",
        "User ID, Item ID, Timestamp",
        "user-id,item-id,timestamp",
        "UserId,ItemId,TimeStamp",
        "userID,itemID,timestamp",
    ],
)
def test_names_of_columns_in_other_spellings(tmp_path: Path, head: str) -> None:
    found, _ = read_events(tmp_path, "Export.CSV", f"{head}\nu,i,1700000000\n")
    assert found.frame.select("user_id", "item_id").rows() == [("u", "i")]


SPELLED: list[dict[str, object]] = [
    {"userId": "u", "itemId": "i", "timestamp": 1700000000, "eventType": "purchase", "shop": "A"},
    {"userId": "v", "itemId": "j", "timestamp": 1700000001, "eventType": "purchase", "shop": "B"},
]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "json", "parquet"])
def test_names_in_other_spellings_in_files_of_any_kind(tmp_path: Path, kind: str) -> None:
    goods = [{"itemId": "i", "Title": "Lamp", "imageUrl": "https://x/i.png", "screwSize": "E27"}]
    for name, rows in (("events", SPELLED), ("items", goods)):
        frame, path = pl.DataFrame(rows), tmp_path / f"{name}.{kind}"
        if kind == "parquet":
            frame.write_parquet(path)
        elif kind == "jsonl":
            write(path, "".join(json.dumps(row) + "\n" for row in rows))
        else:
            write(path, frame.write_csv() if kind == "csv" else json.dumps(rows))
    shop = open_shop(tmp_path)
    assert shop.format == "ilk"
    assert shop.notes == [f"events.{kind}: columns not read: shop"]
    happened = events(shop.events())
    assert happened.frame.select("user_id", "item_id", "event_type").rows() == [
        ("u", "i", "purchase"),
        ("v", "j", "purchase"),
    ]
    assert not happened.counts.rejected
    assert items(shop.items()).frame.select("title", "image_url", "attributes").rows() == [
        ("Lamp", "https://x/i.png", '{"screwSize": "E27"}')
    ]


def test_a_name_in_another_spelling_takes_no_names_place(tmp_path: Path) -> None:
    rows = [{"user_id": "u", "itemId": "i", "item_id": "right", "timestamp": 1700000000}]
    later = [{"userId": "u", "itemId": "i", "timestamp": 1700000000 + n} for n in range(30)]
    both = [*later, {"userId": "u", "user_id": "right", "itemId": "i", "timestamp": 1700000100, "Rating": 4}]
    for name, told in (("one.jsonl", rows), ("two.jsonl", both)):
        write(tmp_path / name, "".join(json.dumps(row) + "\n" for row in told))
    one, two = (events(open_shop(tmp_path / name).events()).frame for name in ("one.jsonl", "two.jsonl"))
    assert one["item_id"].to_list() == ["right"]
    assert two.row(-1, named=True)["user_id"] == "right"
    assert two["rating"].to_list() == [None] * 30 + [4.0], "a key that the first objects lack"


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_another_formats_own_names_are_not_taken_for_ilks(tmp_path: Path, kind: str) -> None:
    row = {"FeedbackType": "like", "UserId": "u", "ItemId": "i", "Timestamp": "2023-01-01T00:00:00Z"}
    text = pl.DataFrame([row]).write_csv() if kind == "csv" else json.dumps(row) + "\n"
    shop = open_shop(write(tmp_path / f"feedback.{kind}", text))
    assert shop.format == "table:gorse"
    assert events(shop.events()).frame["event_type"].to_list() == ["add_to_wishlist"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_encodings_told_by_their_bytes(tmp_path: Path, encoding: str) -> None:
    found, _ = read_events(tmp_path, "events.csv", (HEAD + BODY).encode(encoding))
    assert found.counts.accepted == 12


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("orders.xlsx", b"PK\x03\x04" + bytes(100), "save the sheet as CSV"),
        ("orders.xls", b"\xd0\xcf\x11\xe0" + bytes(100), "save it as CSV"),
        ("events.csv.bz2", bz2.compress(BODY.encode()), "bzip2"),
        ("shop.db", b"SQLite format 3\x00", "export its tables"),
        ("events.csv.gz", (HEAD + BODY).encode(), "named .gz but not gzip"),
    ],
)
def test_what_is_no_table_is_named(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableInput, match=told):
        open_shop(tmp_path)


def test_what_lies_beside_the_tables_is_passed_over_with_a_note(tmp_path: Path) -> None:
    beside = {
        "old.zip": b"PK\x03\x04" + bytes(9),
        "Thumbs.db": b"\xd0\xcf\x11\xe0",
        "monday.csv": b"",
        "README": b"hi\n",
    }
    for name, content in {**beside, ".DS_Store": b"\x00\x00\x00\x01Bud1"}.items():
        (tmp_path / name).write_bytes(content)
    found, notes = read_events(tmp_path, "events.csv", HEAD + BODY)
    assert found.counts.accepted == 12
    assert all(any(name in note for note in notes) for name in beside)
    assert not any(".DS_Store" in note for note in notes)
    # a sheet may hold what the shop means to load, and a damaged table does
    (tmp_path / "orders.xlsx").write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(UnreadableInput, match="save the sheet as CSV"):
        open_shop(tmp_path)


def test_an_archive_alone_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "shop.zip").write_bytes(b"PK\x03\x04" + bytes(9))
    for path in (tmp_path, tmp_path / "shop.zip"):
        with pytest.raises(UnreadableInput, match=r"shop\.zip.*unpack the archive"):
            open_shop(path)


@pytest.mark.parametrize("indent", [None, 0, 2])
@pytest.mark.parametrize("packed", [False, True])
def test_an_array_of_objects_is_read_like_lines_of_them(
    tmp_path: Path, indent: int | None, packed: bool
) -> None:
    text = json.dumps(RECORDS, indent=indent).encode()
    found, _ = read_events(tmp_path, "events.json", gzip.compress(text) if packed else text)
    assert found.counts.accepted == found.counts.read == 12
    assert found.frame["item_id"].to_list() == [record["item_id"] for record in RECORDS]


def test_a_bad_member_costs_itself_only(tmp_path: Path) -> None:
    good = [json.dumps(record) for record in RECORDS]
    members = [*good[:3], '{"user_id": "broken", oops}', *good[3:6], '"a text"', "17", *good[6:]]
    found, _ = read_events(tmp_path, "events.json", "[\n" + ",\n".join(members) + "\n]\n")
    assert found.frame["item_id"].to_list() == [record["item_id"] for record in RECORDS]
    assert found.counts.rejected == {"bad_json": 3}
    assert found.lines("bad_json") == [5, 9, 10]


def test_an_array_that_breaks_off_says_so(tmp_path: Path) -> None:
    whole = json.dumps(RECORDS)
    found, _ = read_events(tmp_path, "events.json", whole[: whole.index('"i7"')])
    assert found.frame["item_id"].to_list() == [record["item_id"] for record in RECORDS[:7]]
    assert found.counts.rejected == {"bad_json": 1}


def test_members_larger_than_what_is_read_at_a_time(tmp_path: Path) -> None:
    long = "x" * (2 * CHUNK)
    content = json.dumps([{"item_id": "a", "description": long}, {"item_id": "b", "title": "B"}])
    (tmp_path / "items.json").write_text(content, "utf-8")
    found = items(iter(open_shop(tmp_path).items()))
    assert found.frame["item_id"].to_list() == ["a", "b"]


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_arrays_survive_damage(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    text = bytearray(json.dumps(RECORDS, indent=data.draw(st.sampled_from([None, 1]))).encode())
    at = data.draw(st.integers(20, len(text) - 1))
    text[at : at + data.draw(st.integers(1, 4))] = data.draw(st.binary(max_size=6))
    found, _ = read_events(tmp_path_factory.mktemp("odd"), "events.json", bytes(text))
    # what precedes the damage is in, and every row is accounted for
    whole = bytes(text[:at]).count(b"}")
    assert found.frame["item_id"].to_list()[:whole] == [record["item_id"] for record in RECORDS[:whole]]
    assert found.counts.accepted + sum(found.counts.rejected.values()) == found.counts.read
