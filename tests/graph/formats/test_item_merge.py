"""Items that come more than once."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from graph.cleaning import CleaningRules
from graph.formats import open_shop
from graph.formats.fields import Field, ItemFields
from graph.formats.item_merge import ItemMerge
from graph.formats.item_rows import item_rows
from graph.formats.json_lines import JsonLines
from graph.formats.raw_batch import RawBatch
from tests.graph.formats.reading import items, write


def test_the_last_row_wins_and_gaps_are_filled(tmp_path: Path) -> None:
    rows = [
        {"item_id": "a", "title": "Old", "price": 1, "category": "A > B", "colour": "red"},
        {"item_id": "b", "title": "Other"},
        {"item_id": "a", "title": "", "brand": "Acme", "price": 2},
        {"item_id": "a", "title": "New"},
        {"item_id": "c", "title": "Same"},
        {"item_id": "c", "title": "Same"},
    ]
    write(tmp_path / "items.jsonl", "\n".join(json.dumps(row) for row in rows))
    catalogue = items(open_shop(tmp_path).items())
    by_id = {row["item_id"]: row for row in catalogue.frame.rows(named=True)}
    assert (by_id["a"]["title"], by_id["a"]["brand"], by_id["a"]["price"]) == ("New", "Acme", 2.0)
    assert (by_id["a"]["categories"], by_id["a"]["attributes"]) == (["A > B"], '{"colour": "red"}')
    assert set(by_id) == {"a", "b", "c"}
    assert (catalogue.counts.read, catalogue.counts.accepted, catalogue.counts.duplicates) == (6, 3, 3)
    assert catalogue.counts.repaired == {"repeated_item": 1}
    assert catalogue.lines("repeated_item") == [4]


@pytest.mark.parametrize("memory_bytes", [0, 10**9])
def test_rows_that_wait_on_disk_give_the_same(tmp_path: Path, memory_bytes: int) -> None:
    rows = [
        {"item_id": str(n % 700), "title": f"t{n}" if n % 3 else None, "brand": f"b{n % 5}"}
        for n in range(1_000)
    ]
    path = write(tmp_path / "items.jsonl", "\n".join(json.dumps(row) for row in rows))
    fields = ItemFields(Field(("item_id",)), title=Field(("title",)), brand=Field(("brand",)))
    merge = ItemMerge(memory_bytes)
    for raw in JsonLines(path, "items.jsonl", batch_chars=4_000).batches():
        merge.add("items.jsonl", item_rows(raw, fields, CleaningRules())[0])
    got = items(merge.batches())
    merge.close()
    expected: dict[str, tuple[str, str]] = {}
    for row in rows:
        earlier = expected.get(str(row["item_id"]), ("", ""))
        expected[str(row["item_id"])] = (str(row["title"] or earlier[0]), str(row["brand"]))
    assert {r["item_id"]: (r["title"], r["brand"]) for r in got.frame.rows(named=True)} == expected
    assert (got.counts.read, got.counts.accepted, got.counts.duplicates) == (1_000, 700, 300)


@pytest.mark.parametrize("memory_bytes", [0, 10**9])
def test_an_item_of_several_files_belongs_to_the_last(memory_bytes: int) -> None:
    def rows(ids: range, title: str | None, brand: str | None) -> pl.DataFrame:
        raw = RawBatch(
            np.arange(1, len(ids) + 1),
            {
                "item_id": pl.Series([str(n) for n in ids]),
                "title": pl.Series([title] * len(ids), dtype=pl.String),
                "brand": pl.Series([brand] * len(ids), dtype=pl.String),
            },
        )
        fields = ItemFields(Field(("item_id",)), title=Field(("title",)), brand=Field(("brand",)))
        return item_rows(raw, fields, CleaningRules())[0]

    merge = ItemMerge(memory_bytes)
    for start in range(0, 4_000, 500):
        merge.add("old", rows(range(start, start + 500), "Old", "Acme"))
    for start in range(2_000, 6_000, 500):
        merge.add("new", rows(range(start, start + 500), "New", None))
    got = items(merge.batches())
    merge.close()
    assert {file: (c.read, c.accepted, c.duplicates) for file, c in got.by_file.items()} == {
        "old": (4_000, 2_000, 2_000),
        "new": (4_000, 4_000, 0),
    }
    assert got.frame["item_id"].n_unique() == got.frame.height == 6_000
    merged = got.frame.group_by("title", "brand").len().sort("title", "brand")
    assert merged.rows() == [("New", "", 2_000), ("New", "Acme", 2_000), ("Old", "Acme", 2_000)]
    assert got.counts.repaired == {"repeated_item": 2_000}
