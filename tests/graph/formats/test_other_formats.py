"""RecBole's atomic files, LightGCN's split, damaged Parquet."""

from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from graph.errors import UnreadableInput
from graph.formats import open_shop
from graph.formats.lightgcn import LightGcnShop
from tests.graph.formats.reading import events, items, write


def test_recbole_with_other_column_names(tmp_path: Path) -> None:
    write(tmp_path / "x.inter", "user_id:token\titem_id:token\ttimestamp:float\nu\ti\t1600000000.0\n")
    write(
        tmp_path / "x.item",
        "item_id:token\tfull_name:token_seq\tcategories:token_seq\tprice:float\tsize:token\n"
        'i\tDesk "Oslo" lamp\tHome Light\t9.5\tL\n',
    )
    shop = open_shop(tmp_path)
    assert shop.format == "recbole"
    happened = events(shop.events()).frame
    assert happened.select("user_id", "item_id", "event_type", "at").rows() == [
        ("u", "i", "view_item", 1600000000000000)
    ]
    row = items(shop.items()).frame.row(0, named=True)
    assert (row["title"], row["categories"]) == ('Desk "Oslo" lamp', ["Home", "Light"])
    assert (row["price"], row["attributes"]) == (9.5, '{"size": "L"}')


def test_recbole_reviews_have_ratings(tmp_path: Path) -> None:
    header = "user_id:token\titem_id:token\trating:float\tuseful:float\ttimestamp:float\n"
    write(tmp_path / "x.inter", header + "u\ti\t4\t2.0\t1600000000\n")
    happened = events(open_shop(tmp_path / "x.inter").events()).frame
    assert happened.select("event_type", "rating", "helpful").rows() == [("review", 4.0, 2)]


def test_recbole_without_times_is_dated_by_its_order(tmp_path: Path) -> None:
    write(tmp_path / "x.inter", "user_id:token\tartist_id:token\tweight:float\n2\t51\t13\n\n2\t52\t11\n")
    shop = open_shop(tmp_path)
    assert any("no time" in note for note in shop.notes)
    happened = events(shop.events())
    assert happened.frame["item_id"].to_list() == ["51", "52"]
    assert happened.frame["at"].diff()[1] == 2_000_000  # a row's line, so that rows added later move none
    assert happened.counts.repaired == {"time_from_order": 2}


def test_recbole_knowledge_graphs_are_no_items_and_users_alone_are_nothing(tmp_path: Path) -> None:
    write(tmp_path / "x.item", "item_id:token\tmovie_title:token_seq\ni\tDesk lamp\n")
    write(tmp_path / "x.link", "item_id:token\tentity_id:token\ni\tm.05\n")
    write(tmp_path / "x.kg", "head_id:token\trelation_id:token\ttail_id:token\na\tb\tc\n")
    shop = open_shop(tmp_path)
    assert items(shop.items()).frame.select("item_id", "title", "attributes").rows() == [
        ("i", "Desk lamp", "{}")
    ]
    assert events(shop.events()).counts.read == 0
    assert [note.partition(":")[0] for note in shop.notes] == ["x.kg", "x.link"]
    write(tmp_path / "users" / "x.user", "user_id:token\tage:token\nu\t24\n")
    with pytest.raises(UnreadableInput, match=r"\*\.inter.*x\.user has user_id:token"):
        open_shop(tmp_path / "users")


def test_lightgcn_test_file_alone_and_what_are_no_ids(tmp_path: Path) -> None:
    path = write(tmp_path / "test.txt", "0 5 3\n1 5 x7 9\n2x 5 6\n3 8\n4 1\n5 1\n6 1\n7 1\n8 1\n9 1\n")
    happened = events(open_shop(path).events())
    assert happened.frame.filter(pl.col("user_id") == "1")["item_id"].to_list() == ["5", "9"]
    assert "2x" not in set(happened.frame["user_id"])
    assert happened.counts.rejected == {"bad_id": 3}
    assert happened.lines("bad_id") == [2, 3, 3]


def test_lightgcn_orders_and_odd_lines(tmp_path: Path) -> None:
    write(tmp_path / "train.txt", b"0 5 3\n1 5\n2\n\n3 \xff\n4 1\n5 1\n6 1\n7 1\n8 1\n")
    write(tmp_path / "test.txt", "0 9\n")
    shop = open_shop(tmp_path)
    assert isinstance(shop, LightGcnShop)
    train = events(shop.part_events("train"))
    assert train.frame.select("user_id", "item_id").rows()[:3] == [("0", "5"), ("0", "3"), ("1", "5")]
    assert train.frame["at"].diff()[1] == 1_000_000
    assert train.counts.rejected == {"id_not_utf8": 1}
    assert events(shop.events()).frame["item_id"].to_list()[-1] == "9"
    assert items(shop.items()).frame.is_empty()


def test_a_damaged_row_group_costs_itself_only(tmp_path: Path) -> None:
    n = 30_000
    columns = {
        "user_id": [f"user{i}" for i in range(n)],
        "item_id": ["i"] * n,
        "timestamp": [1_600_000_000] * n,
    }
    path = tmp_path / "events.parquet"
    options = {"use_dictionary": False, "row_group_size": 10_000, "write_page_checksum": True}
    pq.write_table(pa.table(columns), path, **options)
    where = pq.ParquetFile(path).metadata.row_group(1).column(0).data_page_offset
    content = bytearray(path.read_bytes())
    for offset in range(200, 400):
        content[where + offset] ^= 0xFF
    path.write_bytes(bytes(content))
    happened = events(open_shop(tmp_path).events())
    assert happened.counts.incomplete == {"damaged_input": 1}
    assert happened.counts.accepted == 20_000
    assert happened.frame["user_id"][-1] == f"user{n - 1}"


def test_a_parquet_footer_that_loses_rows_is_told(tmp_path: Path) -> None:
    n = 400
    table = pa.table({"user_id": ["u"] * n, "item_id": ["i"] * n, "timestamp": list(range(10**9, 10**9 + n))})
    path = tmp_path / "events.parquet"
    pq.write_table(table, path, row_group_size=100)
    whole = path.read_bytes()
    told = 0
    for place in range(len(whole) - 900, len(whole) - 8):  # the footer
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x13]) + whole[place + 1 :])
        try:
            found = events(open_shop(tmp_path).events())
        except UnreadableInput:
            continue
        if found.counts.read < n:
            told += 1
            assert set(found.counts.incomplete) == {"damaged_input"}
    assert told


def test_parquet_texts_that_are_not_utf8(tmp_path: Path) -> None:
    raw = pa.array([b"u1", b"\xfc2", b"u3"], pa.binary())
    texts = pa.array([b"gr\xfcn", b"x", None], pa.binary())
    table = pa.table(
        {
            "user_id": pa.Array.from_buffers(pa.string(), 3, raw.buffers()),
            "item_id": ["i", "i", "i"],
            "timestamp": [1_600_000_000] * 3,
            "review_text": pa.Array.from_buffers(pa.string(), 3, texts.buffers()),
        }
    )
    pq.write_table(table, tmp_path / "events.parquet")
    happened = events(open_shop(tmp_path).events())
    assert happened.frame.select("user_id", "review_text").rows() == [("u1", "grün"), ("u3", None)]
    assert (happened.counts.rejected, happened.counts.repaired) == ({"id_not_utf8": 1}, {"text_not_utf8": 1})


def test_parquet_categories_and_lists(tmp_path: Path) -> None:
    rows = {"item_id": [1, 2], "category": [["A", "B"], None], "price": [1.5, None], "when": ["x", None]}
    pl.DataFrame(rows).write_parquet(tmp_path / "items.parquet")
    catalogue = items(open_shop(tmp_path).items()).frame
    assert catalogue.select("item_id", "categories", "price", "attributes").rows() == [
        ("1", ["A > B"], 1.5, '{"when": "x"}'),
        ("2", [], None, "{}"),
    ]
