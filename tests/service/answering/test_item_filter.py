"""Conditions on items: the mask over a release says the same as the look at one item."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.answering.item_filter import FilterColumns, ItemFilter, says_in_stock
from service.releases.items import RELEASE_ITEM_SCHEMA

PATHS = ["A", "A > B", "A > B > C", "A > Bc", "D"]
PRICES = st.none() | st.sampled_from([0.0, 1.0, 2.5, 10.0])
ITEMS = st.lists(
    st.fixed_dictionaries(
        {
            "brand": st.sampled_from(["", "Acme", "ACME", "Straße", "STRASSE"]),
            "categories": st.lists(st.sampled_from(PATHS), unique=True, max_size=3),
            "price": PRICES,
            "availability": st.sampled_from(["", "in_stock", "https://schema.org/InStock", "out of stock"]),
        }
    ),
    max_size=8,
)


def columns_of(items: list[dict[str, Any]]) -> FilterColumns:
    schema = {name: RELEASE_ITEM_SCHEMA[name] for name in ("brand", "categories", "price", "availability")}
    return FilterColumns(pl.DataFrame(items, schema=schema))


@given(
    items=ITEMS,
    category=st.none() | st.sampled_from([*PATHS, "A > ", "nothing"]),
    brand=st.none() | st.sampled_from(["acme", "", "strasse", "other"]),
    prices=st.tuples(PRICES, PRICES),
    in_stock=st.booleans(),
)
def test_the_mask_is_the_look_at_each_item(
    items: list[dict[str, Any]],
    category: str | None,
    brand: str | None,
    prices: tuple[float | None, float | None],
    in_stock: bool,
) -> None:
    low, high = prices
    if low is not None and high is not None and low > high:
        low, high = high, low
    wanted = ItemFilter(category, brand, low, high, in_stock)
    assert columns_of(items).mask(wanted).tolist() == [wanted.passes(item) for item in items]


def test_a_category_holds_what_lies_below_it_and_no_namesake() -> None:
    items = [{"brand": "", "categories": [path], "price": None, "availability": ""} for path in PATHS]
    assert columns_of(items).mask(ItemFilter(category="A > B")).tolist() == [False, True, True, False, False]
    assert columns_of(items).mask(ItemFilter(category="A")).tolist() == [True, True, True, True, False]


@pytest.mark.parametrize(
    "said", ["in_stock", "In Stock", "InStock", "http://schema.org/InStock", "LimitedAvailability"]
)
def test_spellings_of_in_stock(said: str) -> None:
    assert says_in_stock(said)


@pytest.mark.parametrize(
    "said", ["", "OutOfStock", "https://schema.org/SoldOut", "preorder", "not in stock", "?"]
)
def test_spellings_of_not_in_stock(said: str) -> None:
    assert not says_in_stock(said)


def test_no_item_lies_between_prices_the_wrong_way_round() -> None:
    wanted = ItemFilter(price_min=2, price_max=1)
    assert not any(wanted.passes({"price": price}) for price in (0.5, 1.0, 1.5, 2.0, 3.0, None))
