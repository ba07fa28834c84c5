"""Amazon's three generations of dumps."""

import json
from pathlib import Path

from graph.formats import open_shop
from tests.graph.formats.reading import events, items, links, write

META_2014 = (
    "{'asin': '0001', 'title': 'It\\'s \"Big\"', 'price': 5.5, 'imUrl': 'http://x/y.jpg', "
    "'description': 'A <b>toy</b>', "
    "'related': {'also_bought': ['0002'], 'bought_together': ['0003']}, "
    "'categories': [['Toys', 'Cars'], ['Gifts']], "
    "'brand': 'Acme'}\n{'asin': '0002', 'title': __import__('os').getcwd()}\n"
)
REVIEW_2014 = {
    "reviewerID": "A1", "asin": "0001", "reviewerName": "Jane Roe", "helpful": [1, 2], "reviewText": "Good.",
    "overall": 5.0, "summary": "Nice", "unixReviewTime": 1393372800, "reviewTime": "02 26, 2014",
}  # fmt: skip


def test_2014(tmp_path: Path) -> None:
    write(tmp_path / "meta_Toys.json.gz", META_2014)
    later = {**REVIEW_2014, "unixReviewTime": None}
    write(tmp_path / "reviews_Toys_5.json.gz", json.dumps(REVIEW_2014) + "\n" + repr(later) + "\n")
    shop = open_shop(tmp_path)
    assert shop.format == "amazon"
    catalogue = items(shop.items())
    assert catalogue.frame.row(0, named=True)["categories"] == ["Toys > Cars", "Gifts"]
    assert catalogue.frame.select("item_id", "title", "description", "price").rows() == [
        ("0001", 'It\'s "Big"', "A toy", 5.5)
    ]
    assert catalogue.counts.rejected == {"bad_json": 1}
    assert links(shop.links()).frame.rows() == [
        ("0001", "0002", "also_bought"),
        ("0001", "0003", "bought_together"),
    ]
    happened = events(shop.events())
    assert happened.counts.read == 2
    assert happened.frame.row(0, named=True)["review_text"] == "Nice Good."
    assert happened.frame["helpful"].to_list() == [1]
    assert set(happened.frame["event_type"]) == {"review"}
    assert "Jane" not in str(happened.frame.rows())


def test_literals_in_both_files_of_one_shop(tmp_path: Path) -> None:
    write(
        tmp_path / "reviews.json",
        repr(REVIEW_2014) + "\n" + repr({**REVIEW_2014, "unixReviewTime": None}) + "\n",
    )
    happened = events(open_shop(tmp_path).events())
    assert happened.frame["at"].to_list() == [1393372800000000] * 2
    assert happened.counts.repaired == {"time_without_zone": 1}


def test_2023(tmp_path: Path) -> None:
    meta = {
        "main_category": "All Beauty", "title": "Soap", "average_rating": 4.8, "rating_number": 10,
        "features": ["Mild"], "description": [], "price": "None",
        "images": [{"large": "http://l", "hi_res": None}],
        "videos": [], "store": "Howard", "categories": [], "details": {"Size": "S"}, "parent_asin": "B01",
        "bought_together": None,
    }  # fmt: skip
    review = {
        "rating": 5.0, "title": "Such", "text": "spray<br />ok", "images": [], "asin": "B00",
        "parent_asin": "B01",
        "user_id": "AG", "timestamp": 1588687728923, "helpful_vote": 7, "verified_purchase": True,
    }  # fmt: skip
    write(tmp_path / "meta_All_Beauty.jsonl.gz", json.dumps(meta) + "\n")
    write(tmp_path / "All_Beauty.jsonl.gz", json.dumps(review) + "\n")
    shop = open_shop(tmp_path)
    assert shop.format == "amazon"
    row = items(shop.items()).frame.row(0, named=True)
    assert (row["item_id"], row["description"], row["brand"], row["image_url"]) == (
        "B01",
        "Mild",
        "Howard",
        "http://l",
    )
    assert (row["categories"], row["price"]) == (["All Beauty"], None)
    assert json.loads(row["attributes"])["details"] == {"Size": "S"}
    happened = events(shop.events()).frame.row(0, named=True)
    assert (happened["user_id"], happened["item_id"], happened["at"]) == ("AG", "B01", 1588687728923000)
    assert happened["review_text"] == "Such spray ok"


def test_repeated_products_bring_their_links_once(tmp_path: Path) -> None:
    line = json.dumps({"asin": "A", "title": "T", "also_buy": ["B", "C"], "also_view": ["B"]}) + "\n"
    write(tmp_path / "meta.json", line * 3)
    shop = open_shop(tmp_path)
    assert links(shop.links()).frame.rows() == [
        ("A", "B", "also_buy"),
        ("A", "C", "also_buy"),
        ("A", "B", "also_view"),
    ]
    catalogue = items(shop.items())
    assert (catalogue.counts.accepted, catalogue.counts.duplicates, catalogue.counts.repaired) == (1, 2, {})


def test_2018_votes_are_texts(tmp_path: Path) -> None:
    review = {
        "reviewerID": "A1",
        "asin": "1",
        "overall": 5.0,
        "reviewText": "Good.",
        "unixReviewTime": 1393372800,
    }
    votes = ("3", "1,234", None, "", "-1", "2.5", "1,23", "3.000")
    lines = [json.dumps({**review, "reviewerID": f"A{n}", "vote": vote}) for n, vote in enumerate(votes)]
    write(tmp_path / "Toys_5.json.gz", "\n".join([*lines, json.dumps(review)]) + "\n")
    happened = events(open_shop(tmp_path).events())
    assert happened.frame["helpful"].to_list() == [3, 1234, None, None, None, None, None, 3, None]
    assert happened.counts.repaired == {"bad_helpful": 3}
