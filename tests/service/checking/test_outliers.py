"""Prices and quantities that are far from the usual."""

import json
from pathlib import Path

import polars as pl

from graph.item import Item
from service.checking.check import CheckRequest, check
from service.checking.outliers import price_outliers, quantity_outliers
from service.checking.text import as_text
from service.checking.words import sections
from tests.service.conftest import quiet, trial_settings


def test_prices_are_judged_by_currency() -> None:
    items = [Item(f"e{n}", price=10.0 + n % 10, currency="EUR") for n in range(40)]
    items += [Item(f"v{n}", price=250_000.0 + 10_000 * (n % 10), currency="VND") for n in range(30)]
    items += [Item("dear", price=99_000.0, currency="EUR"), Item("cheap", price=0.01, currency="EUR")]
    items += [Item("free", price=0.0, currency="EUR"), Item("none")]
    euro, dong = price_outliers(Item.to_frame(items), examples=3)
    assert (euro.currency, euro.unusual, euro.not_positive) == ("EUR", 2, 1)
    assert [item_id for item_id, _ in euro.examples] == ["dear", "cheap"]
    assert euro.low < 10 < euro.usual < 20 < euro.high
    assert (dong.currency, dong.unusual) == ("VND", 0)


def test_few_numbers_are_not_judged_and_equal_ones_are_fine() -> None:
    few = [Item(f"i{n}", price=float(10**n)) for n in range(5)]
    assert price_outliers(Item.to_frame(few), examples=1) == []
    same = pl.DataFrame({"number": [1.0, 2.0, 900.0], "rows": [5_000, 40, 2]})
    largest = pl.DataFrame({"item_id": ["a", "b", "c"], "number": [900.0, 900.0, 2.0]})
    (found,) = quantity_outliers(same, largest, examples=5)
    assert (found.usual, found.unusual) == (1.0, 2)
    assert found.examples == [("a", 900.0), ("b", 900.0)]


def test_a_report_names_them(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    shop.mkdir()
    rows: list[dict[str, object]] = [
        {"user_id": f"u{n}", "item_id": f"i{n}", "timestamp": 1_600_000_000 + n, "quantity": 1 + n % 3}
        for n in range(30)
    ]
    rows[7]["quantity"] = 80_995
    (shop / "events.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    items = [{"item_id": f"i{n}", "title": f"T{n}", "price": 4_999 if n == 3 else 5} for n in range(30)]
    (shop / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in items), "utf-8")
    report = check(CheckRequest(shop, gain=False), trial_settings(tmp_path / "home"), quiet())
    text = as_text("Check", sections(report))
    assert "Quantities: usually 2.00; 1 event above" in text
    assert "80,995" in text
    assert "price of i3" in text
    assert [one["what"] for one in report.to_json()["outliers"]] == ["price", "quantity"]
    bare = check(CheckRequest(shop, gain=False, examples=0), trial_settings(tmp_path / "home"), quiet())
    assert "i3" not in as_text("Check", sections(bare))
