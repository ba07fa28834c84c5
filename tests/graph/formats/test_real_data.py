"""Real shops' files: the counts that are known of them."""

import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from graph.formats import open_shop
from graph.formats.lightgcn import LightGcnShop
from tests.graph.formats.reading import events, items, links


def triples(frame: pl.DataFrame) -> int:
    """Distinct (user, item, time)."""
    return frame.select("user_id", "item_id", "at").unique().height


def test_electronics(shared_data: Path) -> None:
    shop = open_shop(shared_data / "amazon23-electronics")
    assert shop.format == "ilk"
    assert "train.parquet: columns not read: u, i" in shop.notes
    happened, catalogue = events(shop.events()), items(shop.items())
    assert happened.counts.as_dict() == {
        "read": 131_154, "accepted": 131_154, "duplicates": 0, "rejected": {}, "repaired": {},
    }  # fmt: skip
    assert triples(happened.frame) == 130_500
    assert happened.frame["event_id"].n_unique() == 130_500
    assert happened.frame["user_id"].n_unique() == 15_266
    assert {name: tally.read for name, tally in happened.by_file.items()} == {
        "train.parquet": 111_481, "val.parquet": 6_557, "test.parquet": 13_116,
    }  # fmt: skip
    assert catalogue.frame.height == 9_671
    source = pl.read_parquet(shared_data / "amazon23-electronics" / "items.parquet")
    assert catalogue.frame["item_id"].to_list() == source["item_id"].to_list()
    assert catalogue.frame["price"].to_list() == source["price"].to_list()
    same = catalogue.frame["title"] == source["title"].fill_null("")
    assert (~same).sum() <= catalogue.counts.repaired["whitespace"]
    assert catalogue.frame["categories"].list.len().sum() == source["category"].drop_nulls().len()
    assert json.loads(catalogue.frame["attributes"][0]) == {"avg_rating": 4.4}


def test_vietnamese_cosmetics(shared_data: Path) -> None:
    shop = open_shop(shared_data / "hasaki-vi")
    assert shop.format == "table:vi-shop-reviews"
    happened, catalogue = events(shop.events()), items(shop.items())
    assert (happened.counts.read, happened.counts.accepted) == (21_575, 21_574)
    assert happened.counts.rejected == {"time_out_of_range": 1}
    (bad,) = [p for p in happened.problems if p.outcome == "rejected"]
    text = (shared_data / "hasaki-vi" / "Danh_gia.csv").read_text(encoding="utf-8").splitlines()
    assert "30/11/-0001" in text[bad.line - 1]
    assert happened.counts.repaired["time_without_zone"] == 21_574
    assert triples(happened.frame) == 21_554
    assert happened.frame["at"][0] == 1_682_762_760_000_000  # 29/04/2023 17:06 in Ho Chi Minh City
    assert set(happened.frame["event_type"]) == {"review"}
    assert catalogue.frame.height == 1_200
    assert set(catalogue.frame["currency"]) == {"VND"}
    assert catalogue.frame.filter(pl.col("title") == "").is_empty()


def test_magazines(shared_data: Path) -> None:
    shop = open_shop(shared_data / "amazon18-magazine")
    assert shop.format == "amazon"
    happened, catalogue, linked = events(shop.events()), items(shop.items()), links(shop.links())
    assert (happened.counts.read, happened.counts.accepted) == (2_375, 2_375)
    assert triples(happened.frame) == 2_328
    assert happened.frame["helpful"].count() == 569
    assert catalogue.counts.read == 3_385
    assert catalogue.counts.accepted == 2_320
    assert catalogue.counts.duplicates == 1_065
    assert catalogue.counts.repaired["html_title"] == 2_163
    assert (catalogue.frame["title"] == "").sum() >= 2_163
    assert catalogue.frame["item_id"].is_unique().all()
    assert not catalogue.frame["title"].str.contains("<").any()
    assert linked.frame["link_type"].value_counts(sort=True).rows() == [
        ("also_buy", 39_542),
        ("also_view", 35_588),
    ]
    path = next((shared_data / "amazon18-magazine").glob("meta_*"))
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        raw = [json.loads(line) for line in lines]
    blanked = [p for p in catalogue.problems if p.reason == "html_title"]
    assert sum(p.rows for p in blanked) == 2_163
    assert all("<span" in raw[p.line - 1]["title"] for p in blanked)
    deepest = catalogue.frame.filter(pl.col("item_id") == raw[0]["asin"])["categories"][0].to_list()
    assert deepest == [" > ".join(raw[0]["category"])]


def test_movies(shared_data: Path) -> None:
    shop = open_shop(shared_data / "ml-100k")
    assert shop.format == "recbole"
    happened, catalogue = events(shop.events()), items(shop.items())
    assert happened.counts.accepted == 100_000
    assert triples(happened.frame) == 100_000
    assert catalogue.frame.height == 1_682
    first = catalogue.frame.row(0, named=True)
    assert (first["title"], first["categories"]) == ("Toy Story", ["Animation", "Children's", "Comedy"])
    assert json.loads(first["attributes"]) == {"release_year": "1995"}


def test_given_split(shared_data: Path) -> None:
    shop = open_shop(shared_data / "gowalla-lightgcn")
    assert isinstance(shop, LightGcnShop)
    train, test = events(shop.part_events("train")), events(shop.part_events("test"))
    assert (train.counts.accepted, test.counts.accepted) == (810_128, 217_242)
    assert train.frame["user_id"].n_unique() == 29_858
    assert train.frame["at"].max() < test.frame["at"].min()  # type: ignore[operator]
    assert train.frame.select("user_id", "at").is_unique().all()
    assert train.counts.repaired == {"time_from_order": 810_128}


@pytest.mark.slow
def test_online_retail(shared_data: Path) -> None:
    shop = open_shop(shared_data / "uci-online-retail-2")
    assert shop.format == "table:online-retail"
    happened = events(shop.events())
    assert happened.counts.accepted == 1_067_370
    assert happened.counts.repaired == {
        "cancellation": 19_494, "negative_quantity": 3_457, "time_without_zone": 1_067_370,
    }  # fmt: skip
    assert (happened.frame["event_type"] == "refund").sum() == 19_494 + 3_457
    assert happened.frame["anonymous"].sum() == 243_007
    years = {name: tally.read for name, tally in happened.by_file.items()}
    assert years == {"year1_2009-2010.parquet": 525_461, "year2_2010-2011.parquet": 541_909}
    first, second = happened.frame.head(525_461), happened.frame.tail(541_909)
    assert second["event_id"].is_in(first["event_id"].implode()).sum() == 22_523
    assert not happened.frame["user_id"].str.contains(r"\.").any()
    catalogue = items(shop.items())
    assert catalogue.frame["item_id"].n_unique() > 4_500
    assert catalogue.frame.filter(pl.col("item_id") == "85123A")["title"].str.contains("HEART T-LIGHT").all()
