"""Ilk's own folder format."""

import json
from pathlib import Path

import polars as pl
import pytest

from graph.category import MAX_PATH_BYTES
from graph.errors import UnreadableInput
from graph.event_id import event_ids
from graph.formats import open_shop
from tests.graph.formats.reading import events, items, links, write

EVENTS_CSV = "user_id,item_id,timestamp,event_type,rating,review_text,quantity,value,colour\n"


def shop_of(folder: Path, rows: str, header: str = EVENTS_CSV, name: str = "events.csv") -> Path:
    """A folder with a file of events."""
    write(folder / name, header + rows)
    return folder


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "jsonl", "jsonl.gz", "parquet"])
def test_every_kind_of_file_gives_the_same_frames(tmp_path: Path, suffix: str) -> None:
    rows = [
        {"user_id": "u1", "item_id": "i1", "timestamp": 1600000000, "rating": 4.0, "event_type": "purchase"},
        {"user_id": "42", "item_id": "7", "timestamp": 1600000001, "rating": None, "event_type": None},
    ]
    products = [
        {"item_id": "i1", "title": "Lamp", "price": 9.5, "colour": "red"},
        {"item_id": "7", "title": None},
    ]
    pairs = [{"item_id": "i1", "linked_item_id": "7", "link_type": "also_buy"}]
    for name, content in (("events", rows), ("items", products), ("links", pairs)):
        frame = pl.DataFrame(content)
        path = tmp_path / f"{name}.{suffix}"
        if suffix == "parquet":
            frame.write_parquet(path)
        elif suffix.startswith("csv"):
            write(path, frame.write_csv())
        else:
            write(path, "".join(json.dumps(row) + "\n" for row in content))
    shop = open_shop(tmp_path)
    assert shop.format == "ilk"
    happened = events(shop.events()).frame
    assert happened["event_id"].to_list() == event_ids(happened).to_list()
    assert happened.select("user_id", "item_id", "event_type", "at", "rating").rows() == [
        ("u1", "i1", "purchase", 1600000000000000, 4.0),
        ("42", "7", "view_item", 1600000001000000, None),
    ]
    catalogue = items(shop.items()).frame
    assert catalogue.select("item_id", "title", "price", "attributes").rows() == [
        ("i1", "Lamp", 9.5, '{"colour": "red"}'),
        ("7", "", None, "{}"),
    ]
    assert links(shop.links()).frame.rows() == [("i1", "7", "also_buy")]


def test_numbers_as_ids(tmp_path: Path) -> None:
    pl.DataFrame(
        {"user_id": [12345.0, None, 1.5], "item_id": [7, 8, 9], "timestamp": [1600000000] * 3}
    ).write_parquet(tmp_path / "events.parquet")
    happened = events(open_shop(tmp_path).events())
    assert happened.frame.select("user_id", "item_id").rows() == [("12345", "7"), ("1.5", "9")]
    assert happened.counts.rejected == {"empty_id": 1}
    write(
        tmp_path / "json" / "events.jsonl", '{"user_id": 12345.0, "item_id": 7, "timestamp": 1600000000.0}\n'
    )
    assert events(open_shop(tmp_path / "json").events()).frame.select("user_id", "item_id").rows() == [
        ("12345", "7")
    ]


def test_every_reason_to_reject_with_its_line(tmp_path: Path) -> None:
    rows = [
        "u,i,1600000000,,,,,,",
        ",i,1600000000,,,,,,",
        "u,  ,1600000000,,,,,,",
        f"u,{'x' * 513},1600000000,,,,,,",
        "u,i,,,,,,,",
        "u,i,soon,,,,,,",
        "u,i,1,,,,,,",
        "u,i,1600000000,stare,,,,,",
        "u,i,1600000000",
        "u,i,1600000000,,,,,,,,,surplus",
        f"u,{'x' * 512},1600000000,,,,,,",
    ]
    happened = events(open_shop(shop_of(tmp_path, "\n".join(rows) + "\n")).events())
    assert happened.counts.read == 11
    assert happened.counts.accepted == 2
    assert {reason: happened.lines(reason) for reason in happened.counts.rejected} == {
        "empty_id": [3, 4],
        "id_too_long": [5],
        "missing_timestamp": [6],
        "bad_timestamp": [7],
        "time_out_of_range": [8],
        "unknown_event_type": [9],
        "wrong_field_count": [10, 11],
    }


def test_every_repair_with_its_line(tmp_path: Path) -> None:
    rows = (
        "u,i,2020-01-01,,,,,,\n"
        "u,i,2020-01-02,,,,,,\n"
        "u,i,1600000000,,good,,,,\n"
        "u,i,1600000000,,,,many,,\n"
        "u,i,1600000000,,,,,much,\n"
        "u,i,1600000000,purchase,,,-2,,\n"
        "u,i,1600000000,,,a <b>b</b> &amp; c,,,\n"
        'u,i,1600000000,REVIEW,"4,5",,,,\n'
    )
    happened = events(open_shop(shop_of(tmp_path, rows)).events())
    assert happened.counts.accepted == 8
    assert happened.counts.repaired == {
        "time_without_zone": 2, "bad_rating": 1, "bad_quantity": 1, "bad_value": 1, "negative_quantity": 1,
        "html_tags": 1, "html_entities": 1, "whitespace": 1,
    }  # fmt: skip
    (run,) = [p for p in happened.problems if p.reason == "time_without_zone"]
    assert (run.line, run.last_line, run.rows) == (2, 3, 2)
    assert happened.frame.row(5, named=True)["event_type"] == "refund"
    assert happened.frame.row(5, named=True)["quantity"] == -2
    assert happened.frame["review_text"][6] == "a b & c"
    assert happened.frame.row(7, named=True)["rating"] == 4.5


def test_votes_are_counts_of_any_spelling(tmp_path: Path) -> None:
    header = "user_id,item_id,timestamp,helpful\n"
    votes = ("3", " 7 ", '"1,234"', "1.234.567", "4.0", "", "-1", "0.5", "yes", "1e300")
    rows = "".join(f"u,i,{1600000000 + n},{vote}\n" for n, vote in enumerate(votes))
    happened = events(open_shop(shop_of(tmp_path, rows, header)).events())
    assert happened.frame["helpful"].to_list() == [3, 7, 1234, 1_234_567, 4, None, None, None, None, None]
    assert [p.line for p in happened.problems if p.reason == "bad_helpful"] == [8]
    assert happened.counts.repaired["bad_helpful"] == 4


def test_sessions_are_anonymous_users(tmp_path: Path) -> None:
    header = "session_id,user_id,item_id,timestamp\n"
    rows = "s1,,i,1600000000\ns1,u1,i,1600000001\n,u2,i,1600000002\n,,i,1600000003\n"
    happened = events(open_shop(shop_of(tmp_path, rows, header)).events())
    assert happened.frame.select("user_id", "anonymous").rows() == [
        ("s1", True),
        ("u1", False),
        ("u2", False),
    ]
    assert happened.counts.rejected == {"empty_id": 1}


def test_own_event_ids_are_kept_and_missing_ones_made(tmp_path: Path) -> None:
    header = "event_id,user_id,item_id,timestamp\n"
    rows = f"e1,u,i,1600000000\n,u,i,1600000000\n{'e' * 513},u,i,1600000000\n"
    happened = events(open_shop(shop_of(tmp_path, rows, header)).events())
    assert happened.frame["event_id"][0] == "e1"
    assert len(happened.frame["event_id"][1]) == 32
    assert happened.counts.rejected == {"id_too_long": 1}


def test_equal_rows_share_an_event_id_and_a_second_pass_gives_the_same(tmp_path: Path) -> None:
    shop = open_shop(shop_of(tmp_path, "u,i,1600000000,,5,ok,,,\n" * 3 + "u,i,1600000000,,4,ok,,,\n"))
    once, again = events(shop.events()).frame, events(shop.events()).frame
    assert once.equals(again)
    assert once["event_id"].n_unique() == 2


def test_any_table_with_the_columns_is_read_where_no_events_file_is(tmp_path: Path) -> None:
    header = "user_id,item_id,timestamp\n"
    write(tmp_path / "train.csv", header + "u,i,1600000000\n")
    write(tmp_path / "val.csv", header + "u,j,1600000001\n")
    write(tmp_path / "items.csv", "item_id,title\ni,Lamp\n")
    write(tmp_path / "other.csv", "a,b\n1,2\n")
    shop = open_shop(tmp_path)
    assert events(shop.events()).frame["item_id"].to_list() == ["i", "j"]
    assert shop.notes == ["other.csv: not read (neither items nor events)"]
    write(tmp_path / "events.csv", header + "u,k,1600000001\n")
    assert events(open_shop(tmp_path).events()).frame["item_id"].to_list() == ["k"]


def test_ids_are_plain_data(tmp_path: Path) -> None:
    odd = ["a/b", "it's", '"q"', "<script>", "🧦", " x ", "e\u0301", "null", "\u00e9"]
    lines = [
        json.dumps({"user_id": "u", "item_id": i, "timestamp": 1600000000}, ensure_ascii=False) for i in odd
    ]
    write(tmp_path / "events.jsonl", "\n".join(lines))
    write(tmp_path / "items.jsonl", "\n".join(json.dumps({"item_id": i}) for i in odd))
    shop = open_shop(tmp_path)
    assert events(shop.events()).frame["item_id"].to_list() == odd
    assert items(shop.items()).frame["item_id"].to_list() == odd


def test_items_in_full(tmp_path: Path) -> None:
    row = {
        "item_id": "i",
        "title": "  Desk &amp; lamp ",
        "description": ["Bright.", "Warm."],
        "brand": "Acme",
        "category": ["Home", "Lamps"],
        "price": "$1,299.50",
        "availability": "InStock",
        "image_url": "https://x/y.jpg",
        "sizes": [1, 2],
        "eco": True,
        "none": None,
    }
    write(
        tmp_path / "items.jsonl", json.dumps(row) + '\n{"item_id": "j", "category": "A > B", "price": "?"}\n'
    )
    catalogue = items(open_shop(tmp_path).items())
    assert catalogue.frame.rows(named=True)[0] == {
        "item_id": "i",
        "title": "Desk & lamp",
        "description": "Bright. Warm.",
        "brand": "Acme",
        "categories": ["Home > Lamps"],
        "price": 1299.5,
        "currency": "USD",
        "availability": "InStock",
        "image_url": "https://x/y.jpg",
        "attributes": '{"eco": true, "sizes": [1, 2]}',
    }
    assert catalogue.frame.rows(named=True)[1]["categories"] == ["A > B"]
    assert catalogue.counts.repaired == {"html_entities": 1, "whitespace": 1, "bad_price": 1}


def test_objects_and_lists_in_texts_are_read_and_never_emptied(tmp_path: Path) -> None:
    rows = [
        {"item_id": "a", "title": "[1984]", "brand": {"@type": "Brand", "name": "Acme"}},
        {"item_id": "b", "title": {"en": "Lamp"}, "description": [["Bright."], {"name": "Warm."}, 7]},
        {"item_id": "c", "title": "[]", "category": [{"id": 1, "name": "Home"}, {"id": 2, "name": "Lamps"}]},
        {"item_id": "d", "title": "[" * 400 + '"x"' + "]" * 400, "category": " > ".join(["ấ" * 200] * 12)},
    ]
    write(tmp_path / "items.jsonl", "\n".join(json.dumps(row) for row in rows))
    catalogue = items(open_shop(tmp_path).items())
    found = catalogue.frame.sort("item_id")
    assert found["title"].to_list()[:3] == ["[1984]", '{"en": "Lamp"}', ""]
    assert found["title"][3].startswith("[[[")
    assert found["brand"][0] == "Acme"
    assert found["description"][1] == "Bright. Warm."
    assert found["categories"][2].to_list() == ["Home", "Lamps"]
    assert len(found["categories"][3][0].encode()) <= MAX_PATH_BYTES
    assert catalogue.counts.repaired == {"category_cut": 1}


@pytest.mark.parametrize(
    "value", [[None], [True], [[]], [{}], [[], [None, {}]], [{"url": "https://a/b"}], [], {}]
)
def test_lists_without_a_word_are_no_texts(tmp_path: Path, value: object) -> None:
    row = {
        "item_id": "a",
        "title": "Lamp",
        "description": value,
        "image_url": value,
        "brand": json.dumps(value),
    }
    write(tmp_path / "items.jsonl", json.dumps(row))
    found = items(open_shop(tmp_path).items()).frame
    for name in ("description", "image_url", "brand"):
        assert not found[name][0], name


@pytest.mark.parametrize("text", ["[1984]", "[[1, 2.5]]", '{"en": "Lamp"}'])
def test_numbers_in_brackets_stay_texts(tmp_path: Path, text: str) -> None:
    write(tmp_path / "items.jsonl", json.dumps({"item_id": "a", "title": text, "description": text}))
    found = items(open_shop(tmp_path).items()).frame
    assert (found["title"][0], found["description"][0]) == (text, text)


def test_objects_are_no_ids(tmp_path: Path) -> None:
    rows = [
        '{"user_id": ["u"], "item_id": "i", "timestamp": 1600000000}',
        '{"user_id": "[u]", "item_id": "i", "timestamp": 1600000000}',
    ]
    write(tmp_path / "events.jsonl", "\n".join(rows))
    happened = events(open_shop(tmp_path).events())
    assert happened.counts.rejected == {"bad_id": 1}
    assert happened.frame["user_id"].to_list() == ["[u]"]


def test_absent_columns_are_named(tmp_path: Path) -> None:
    shop_of(tmp_path, "u,1600000000\n", "user_id,timestamp\n")
    with pytest.raises(UnreadableInput, match=r"events\.csv: no column item_id .*it has user_id, timestamp"):
        open_shop(tmp_path, "ilk")
