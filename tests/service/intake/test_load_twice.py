"""Loading anything a second time adds nothing, whatever the format; every row read is accounted for."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl
import pytest

from service.home import Home
from service.intake.load import load
from service.status import read_status
from tests.service.conftest import trial_settings

RATING = {"overall": 5.0, "unixReviewTime": 1393372800, "reviewText": "Good."}


def lines(*rows: Mapping[str, object]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def ilk(folder: Path) -> None:
    (folder / "items.csv").write_text("item_id,title\na,Lamp\nb,Desk\n", "utf-8")
    row = {"user_id": "u", "item_id": "a", "timestamp": 1_600_000_000}
    (folder / "events.jsonl").write_text(lines(row, row, {**row, "user_id": ""}), "utf-8")


def amazon_2014(folder: Path) -> None:
    (folder / "meta_Toys.json").write_text("{'asin': '1', 'title': 'It\\'s big'}\n", "utf-8")
    (folder / "reviews_Toys_5.json").write_text(
        repr({"reviewerID": "A", "asin": "1", "helpful": [1, 2], **RATING}) + "\n", "utf-8"
    )


def amazon_2018(folder: Path) -> None:
    meta = {"asin": "1", "title": "Wired", "category": ["Magazines", "News"], "also_buy": ["2"]}
    (folder / "meta_Magazine.json").write_text(lines(meta, meta), "utf-8")
    review = {"reviewerID": "A", "asin": "1", "verified": True, "vote": "3", **RATING}
    (folder / "Magazine.json").write_text(lines(review), "utf-8")


def amazon_2023(folder: Path) -> None:
    meta = {"title": "Soap", "parent_asin": "B", "features": [], "store": "Howard", "price": "None"}
    (folder / "meta_Beauty.jsonl").write_text(lines(meta), "utf-8")
    review = {
        "rating": 4.0, "title": "Nice", "text": "Mild.", "asin": "B1", "parent_asin": "B", "user_id": "A",
        "timestamp": 1588687728923, "helpful_vote": 2, "verified_purchase": True,
    }  # fmt: skip
    (folder / "Beauty.jsonl").write_text(lines(review), "utf-8")


def recbole(folder: Path) -> None:
    (folder / "x.item").write_text("item_id:token\ttitle:token_seq\ni\tDesk lamp\n", "utf-8")
    (folder / "x.inter").write_text(
        "user_id:token\titem_id:token\trating:float\ttimestamp:float\nu\ti\t4\t1600000000\n", "utf-8"
    )


def lightgcn(folder: Path) -> None:
    (folder / "train.txt").write_text("0 5 3\n1 5\n2 3\n", "utf-8")
    (folder / "test.txt").write_text("0 9\n", "utf-8")


def movielens(folder: Path) -> None:
    (folder / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,296,5.0,1147880044\n", "utf-8")
    (folder / "movies.csv").write_text("movieId,title,genres\n296,Fiction (1994),Comedy|Drama\n", "utf-8")


def movielens_1m(folder: Path) -> None:
    (folder / "ratings.dat").write_text("1::1193::5::978300760\n", "utf-8")
    (folder / "movies.dat").write_text("1193::One Flew Over (1975)::Drama\n", "utf-8")


def recbole_without_times(folder: Path) -> None:
    (folder / "x.inter").write_text("user_id:token\tartist_id:token\n2\t51\n2\t51\n", "utf-8")


def gorse(folder: Path) -> None:
    head = "feedback_type,user_id,item_id,time_stamp\n"
    (folder / "feedback.csv").write_text(head + "star,u,i,2020-01-01T00:00:00Z\n", "utf-8")
    head = "item_id,is_hidden,categories,time_stamp,labels,description\n"
    (folder / "items.csv").write_text(head + 'i,false,"[""A""]",2020-01-01,,Lamp\n', "utf-8")


def ga4(folder: Path) -> None:
    sold = [{"item_id": "s1", "item_name": "Lamp", "item_category": "Home", "price": 5.0, "quantity": 2}]
    event = {"event_timestamp": 1600000001000000, "user_pseudo_id": "p", "event_name": "purchase"}
    pl.DataFrame([{**event, "user_id": "u", "items": sold}]).write_parquet(folder / "events_20200101.parquet")


def two_catalogues(folder: Path) -> None:
    """The same product in two files, described in two ways."""
    (folder / "items.2022.csv").write_text("item_id,title,brand\na,Lamp,Acme\nb,Desk,\n", "utf-8")
    (folder / "items.2023.csv").write_text("item_id,title,brand\na,Desk lamp,\n", "utf-8")
    (folder / "events.csv").write_text("user_id,item_id,timestamp\nu,a,1600000000\n", "utf-8")


def online_retail(folder: Path) -> None:
    (folder / "online.csv").write_text(
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
        "536365,85123A,HOLDER,6,12/1/2010 8:26,2.55,17850,UK\n"
        "C536379,85123A,HOLDER,-1,12/1/2010 9:41,2.55,17850,UK\n",
        "utf-8",
    )


FORMATS: dict[Callable[[Path], None], str] = {
    ilk: "ilk",
    amazon_2014: "amazon",
    amazon_2018: "amazon",
    amazon_2023: "amazon",
    recbole: "recbole",
    lightgcn: "lightgcn",
    movielens: "table:movielens",
    movielens_1m: "movielens",
    recbole_without_times: "recbole",
    gorse: "table:gorse",
    ga4: "table:ga4-bigquery",
    two_catalogues: "ilk",
    online_retail: "table:online-retail",
}


def check(source: Path, home: Path, name: str) -> None:
    """Load twice into a fresh home; the second time must change nothing."""
    settings = trial_settings(home)
    first, between = load(source, settings), read_status(settings, Home(home))
    again, after = load(source, settings), read_status(settings, Home(home))
    assert first.format == name
    assert first.events.accepted > 0
    assert again.events.accepted == again.items.accepted == 0
    assert again.events.duplicates == first.events.accepted + first.events.duplicates
    assert (again.events.read, again.items.read) == (first.events.read, first.items.read)
    assert again.events.rejected == first.events.rejected
    for counts in (first.events, first.items, again.events, again.items):
        assert counts.balanced
    for count in ("items", "users", "events", "categories", "sequence", "applied_sequence"):
        assert after[count] == between[count]


@pytest.mark.parametrize("write", FORMATS, ids=lambda write: write.__name__)
def test_a_second_load_of_any_format_adds_nothing(tmp_path: Path, write: Callable[[Path], None]) -> None:
    source = tmp_path / "shop"
    source.mkdir()
    write(source)
    check(source, tmp_path / "home", FORMATS[write])


@pytest.mark.parametrize(("written", "told"), [("7.0", True), ("007", True), ("7", False)])
def test_events_that_name_nothing_of_the_catalogue_are_told(tmp_path: Path, written: str, told: bool) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "items.csv").write_text("item_id,title\n6,Desk\n7,Lamp\n", "utf-8")
    (folder / "events.csv").write_text(
        "user_id,item_id,timestamp\n"
        + "".join(f"u{n},{written},{1_600_000_000 + n}\n" for n in range(8))
        + "v,6,1600000000\n",
        "utf-8",
    )
    notes = load(folder, trial_settings(tmp_path / "home")).notes
    assert any("8 of 9 events" in note and repr(written) in note for note in notes) is told


def test_events_without_a_catalogue_beside_them_need_no_note(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "events.csv").write_text("user_id,item_id,timestamp\nu,7,1600000000\n", "utf-8")
    assert not load(folder, trial_settings(tmp_path / "home")).notes
