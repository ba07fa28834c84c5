"""Tables by mapping."""

from pathlib import Path

import polars as pl
import pytest

from graph.errors import BadMapping, UnknownFormat
from graph.formats import open_shop
from graph.formats.mapped import shipped_mappings
from tests.graph.formats.reading import events, items, links, write

MAPPING = """
timezone = "Europe/Berlin"
missing = ["NULL"]
[[tables]]
files = ["orders-*.csv"]
delimiter = ";"
encoding = "cp1252"
[tables.events]
user_id = ["customer", "client"]
item_id = "sku"
timestamp = { columns = ["day", "hour"], formats = ["%d.%m.%Y %H:%M"] }
event_type = { column = "action", values = { buy = "purchase", look = "view_item" } }
quantity = { column = "qty", optional = true }
review_text = { column = "note", optional = true }
refund_prefix = { column = "order", prefix = "R" }
[[tables]]
files = "stock.csv"
[tables.items]
item_id = "sku"
title = "name"
brand = { constant = "Acme" }
category = { column = "groups", split = "|" }
price = "cost"
attributes = "all"
[[tables]]
files = "pairs.csv"
[tables.links]
item_id = "a"
linked_item_id = "b"
link_type = { constant = "also_buy" }
"""


@pytest.fixture
def shop_folder(tmp_path: Path) -> Path:
    """A shop in German files."""
    write(tmp_path / "shop.toml", MAPPING)
    data = tmp_path / "data"
    orders = (
        "order;customer;sku;day;hour;action;qty;note\n"
        "1;u1;s1;03.01.2020;18:31;buy;2;schön\n"
        "R2;u1;s1;04.01.2020;09:00;buy;1;NULL\n"
    )
    write(data / "orders-1.csv", orders.encode("cp1252"))
    write(
        data / "orders-2.csv",
        "order;client;sku;day;hour;action\n3;u2;s2;31.02.2020;18:31;look\n4;;s2;01.02.2020;18:31;look\n5;u3;s2;01.02.2020;18:31;look\n",
    )
    write(data / "stock.csv", 'sku,name,groups,cost,colour\ns1,Lamp,Home|Light,"1.299,00 €",red\n')
    write(data / "pairs.csv", "a,b\ns1,s2\ns1,s2\n")
    return tmp_path


def test_a_shop_by_mapping(shop_folder: Path) -> None:
    shop = open_shop(shop_folder / "data", "table", shop_folder / "shop.toml")
    happened = events(shop.events())
    assert happened.frame.select(
        "user_id", "item_id", "event_type", "at", "quantity", "review_text"
    ).rows() == [
        ("u1", "s1", "purchase", 1578072660000000, 2.0, "schön"),
        ("u1", "s1", "refund", 1578124800000000, 1.0, None),
        ("u3", "s2", "view_item", 1580578260000000, None, None),
    ]
    assert happened.counts.rejected == {"bad_timestamp": 1, "empty_id": 1}
    assert happened.counts.repaired == {"time_without_zone": 3, "cancellation": 1}
    assert items(shop.items()).frame.rows(named=True) == [
        {
            "item_id": "s1", "title": "Lamp", "description": "", "brand": "Acme",
            "categories": ["Home", "Light"],
            "price": 1299.0, "currency": "EUR", "availability": "", "image_url": "",
            "attributes": '{"colour": "red"}',
        }
    ]  # fmt: skip
    pairs = links(shop.links())
    assert (pairs.frame.rows(), pairs.counts.duplicates) == ([("s1", "s2", "also_buy")], 1)


def test_one_file_and_a_mapping_without_globs(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "who,what,when\nu,i,2020-01-01T00:00:00Z\n")
    mapping = write(
        tmp_path / "m.toml", '[[tables]]\n[tables.events]\nuser_id="who"\nitem_id="what"\ntimestamp="when"\n'
    )
    assert events(open_shop(path, "table", mapping).events()).counts.accepted == 1
    assert events(open_shop(path, "auto", mapping).events()).counts.accepted == 1


EVENTS = 'user_id="u"\nitem_id="i"\ntimestamp="t"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[tables", "not valid TOML"),
        ("", r"\[\[tables\]\] is needed"),
        ("[[tables]]\n", r"\[tables.events\], \[tables.items\] or \[tables.links\]"),
        ("[[tables]]\n[tables.events]\nitem_id='i'\ntimestamp='t'\n", "user_id or session_id"),
        ("[[tables]]\n[tables.events]\nuser_id='u'\ntimestamp='t'\n", "item_id is needed"),
        (f"[[tables]]\n[tables.events]\n{EVENTS}sku='x'\n", "unknown entry 'sku'"),
        (f"[[tables]]\n[tables.events]\n{EVENTS}rating=5\n", "a table of entries is needed"),
        (
            f"[[tables]]\n[tables.events]\n{EVENTS}event_type={{constant='stare'}}\n",
            "'stare' is no event type",
        ),
        (f"timezone='Mars'\n[[tables]]\n[tables.events]\n{EVENTS}", "'Mars' is not an IANA"),
        (f"[[tables]]\ndelimiter=';;'\n[tables.events]\n{EVENTS}", "delimiter must be one character"),
        (f"[[tables]]\nencoding='klingon'\n[tables.events]\n{EVENTS}", "unknown encoding 'klingon'"),
        (f"[[tables]]\n[tables.events]\n{EVENTS}rating={{column='a', constant='b'}}\n", "one of column"),
        (
            f"[[tables]]\n[tables.events]\n{EVENTS}",
            "t.csv has no column for item_id: i, timestamp: t; it has u",
        ),
        (f"[[tables]]\nfiles='z.csv'\n[tables.events]\n{EVENTS}", "no file named z.csv"),
    ],
)
def test_bad_mappings_say_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    folder = tmp_path / "data"
    write(folder / "t.csv", "u,x\n1,2\n")
    write(folder / "s.csv", "a,b\n1,2\n")
    with pytest.raises(BadMapping, match=message) as error:
        open_shop(folder, "table", write(tmp_path / "m.toml", text))
    assert "\n" not in str(error.value)


def test_table_without_mapping_and_mapping_without_table(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "a,b\n1,2\n")
    with pytest.raises(BadMapping, match="--mapping FILE"):
        open_shop(path, "table")
    with pytest.raises(BadMapping, match="not with ilk"):
        open_shop(path, "ilk", write(tmp_path / "m.toml", MAPPING))
    with pytest.raises(BadMapping, match=r"shipped: .*movielens"):
        open_shop(path, "table", "nonesuch")
    with pytest.raises(UnknownFormat, match=r"x\.csv has a, b.*--mapping FILE"):
        open_shop(path)


def test_all_shipped_mappings_are_valid() -> None:
    names = {mapping.name for mapping in shipped_mappings()}
    assert {"vi-shop-reviews", "online-retail", "movielens", "gorse", "ga4-bigquery"} <= names


def test_movielens(tmp_path: Path) -> None:
    write(tmp_path / "ratings.csv", "userId,movieId,rating,timestamp\n1,296,5.0,1147880044\n")
    write(
        tmp_path / "movies.csv",
        'movieId,title,genres\n296,"Fiction, The (1994)",Comedy|Drama\n7,X,(no genres listed)\n',
    )
    write(tmp_path / "tags.csv", "userId,movieId,tag,timestamp\n1,296,fun,1147880044\n")
    shop = open_shop(tmp_path)
    assert shop.format == "table:movielens"
    assert shop.notes == ["tags.csv: not read (no table of the mapping has its columns)"]
    assert events(shop.events()).frame.select("user_id", "item_id", "event_type", "rating").rows() == [
        ("1", "296", "review", 5.0)
    ]
    assert items(shop.items()).frame.select("title", "categories").rows() == [
        ("Fiction, The (1994)", ["Comedy", "Drama"]),
        ("X", []),
    ]


def test_a_shipped_mappings_catalogue_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "movies.csv", "movieId,title,genres\n296,Fiction (1994),Comedy|Drama\n")
    shop = open_shop(path)
    assert shop.format == "table:movielens"
    assert items(shop.items()).frame.select("item_id", "title").rows() == [("296", "Fiction (1994)")]
    assert events(shop.events()).counts.read == 0


def test_gorse(tmp_path: Path) -> None:
    write(
        tmp_path / "feedback.csv",
        "feedback_type,user_id,item_id,time_stamp\nstar,u,i,2020-01-01T00:00:00Z\nskip,u,i,2020-01-01T00:00:00Z\n",
    )
    write(
        tmp_path / "items.csv",
        "item_id,is_hidden,categories,time_stamp,labels,description\n"
        'i,false,"[""A"", ""B""]",2020-01-01,,Lamp\n',
    )
    shop = open_shop(tmp_path)
    assert shop.format == "table:gorse"
    happened = events(shop.events())
    assert happened.frame["event_type"].to_list() == ["add_to_wishlist"]
    assert happened.counts.rejected == {"unknown_event_type": 1}
    assert items(shop.items()).frame["title"].to_list() == ["Lamp"]


SOLD: list[dict[str, object]] = [
    {"item_id": "s1", "item_name": "Lamp", "item_category": "Home", "price": 5.0, "quantity": 2},
    {"item_id": "s2", "item_name": "(not set)", "item_category": None, "price": None, "quantity": None},
]
SEEN = {"event_timestamp": 1600000001000000, "user_pseudo_id": "p1"}
GA4 = [
    {"event_name": "page_view", "user_id": None, "items": [], **SEEN},
    {
        "event_name": "purchase",
        "user_id": "u1",
        "items": [{**s, "item_category2": "Light"} for s in SOLD],
        **SEEN,
    },
]


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_ga4(tmp_path: Path, kind: str) -> None:
    frame = pl.DataFrame(GA4)
    if kind == "parquet":
        frame.write_parquet(tmp_path / "events_20200101.parquet")
    else:
        frame.write_ndjson(tmp_path / "events_20200101.jsonl")
    shop = open_shop(tmp_path)
    assert shop.format == "table:ga4-bigquery"
    happened = events(shop.events())
    assert happened.frame.select(
        "user_id", "anonymous", "item_id", "event_type", "quantity", "value"
    ).rows() == [
        ("u1", False, "s1", "purchase", 2.0, 10.0),
        ("u1", False, "s2", "purchase", None, None),
    ]
    assert (happened.counts.read, sum(happened.counts.rejected.values())) == (3, 1)
    catalogue = items(shop.items())
    assert catalogue.frame.select("item_id", "title", "categories").rows() == [
        ("s1", "Lamp", ["Home > Light"]),
        ("s2", "", ["Light"]),
    ]
    assert catalogue.counts.rejected == {}


def test_online_retail_rows_without_customer_and_price(tmp_path: Path) -> None:
    header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
    rows = (
        "536365,85123A,HOLDER,6,12/1/2010 8:26,2.55,17850,UK\n"
        "536366,85123A,damaged,-3,12/1/2010 8:28,0,,UK\n"
        "C536379,85123A,HOLDER,-1,12/1/2010 9:41,2.55,17850,UK\n"
    )
    write(tmp_path / "online.csv", header + rows)
    shop = open_shop(tmp_path)
    assert shop.format == "table:online-retail"
    happened = events(shop.events())
    assert happened.frame.select("user_id", "anonymous", "event_type", "quantity").rows() == [
        ("17850", False, "purchase", 6.0),
        ("536366", True, "refund", -3.0),
        ("17850", False, "refund", -1.0),
    ]
    assert happened.counts.repaired == {"cancellation": 1, "negative_quantity": 1, "time_without_zone": 3}
    assert items(shop.items()).frame["title"].to_list() == ["HOLDER"]
