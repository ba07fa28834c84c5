"""Which items may be returned: the shop's conditions, as masks over a release and on single items."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from graph.category import with_ancestors
from graph.frames import CATEGORY_SEPARATOR

BoolArray = npt.NDArray[np.bool_]

IN_STOCK = frozenset({"instock", "available", "limitedavailability", "onlineonly", "instoreonly"})
"""Spellings of `availability`, as lower-case letters only, that count as in stock."""


@dataclass(frozen=True)
class ItemFilter:
    """Conditions that all must hold."""

    category: str | None = None
    """Path of a category; its descendants count too."""
    brand: str | None = None
    """Compared without regard to case."""
    price_min: float | None = None
    """Inclusive; items without a price do not pass."""
    price_max: float | None = None
    """Inclusive; items without a price do not pass. Below `price_min`: none passes."""
    in_stock: bool = False
    """True: only items whose `availability` says that they can be had."""
    exclude: frozenset[str] = frozenset()
    """Ids that are not returned."""

    @property
    def on_columns(self) -> bool:
        """Whether anything but single ids is asked for."""
        return self.in_stock or any(
            one is not None for one in (self.category, self.brand, self.price_min, self.price_max)
        )

    def passes(self, card: Mapping[str, Any]) -> bool:
        """Whether one item, as it is now, may be returned. card: with the fields of an answer."""
        if not self.on_columns:
            return True
        price = card["price"]
        if self.price_min is not None or self.price_max is not None:
            low = -np.inf if self.price_min is None else self.price_min
            high = np.inf if self.price_max is None else self.price_max
            if price is None or not low <= price <= high:
                return False
        if self.brand is not None and card["brand"].casefold() != self.brand.casefold():
            return False
        if self.in_stock and not says_in_stock(card["availability"]):
            return False
        return self.category is None or any(lies_in(path, self.category) for path in card["categories"])


NO_FILTER = ItemFilter()


class FilterColumns:
    """The columns of a release that filters look at, as arrays; each is made when first needed."""

    def __init__(self, table: pl.DataFrame) -> None:
        """table: with `brand`, `categories`, `price`, `availability`, one row per item."""
        self._table = table

    def mask(self, wanted: ItemFilter) -> BoolArray:
        """Rows that pass all conditions but `exclude`, shape (n,)."""
        mask = np.ones(self._table.height, np.bool_)
        if wanted.category is not None:
            in_category = np.zeros(self._table.height, np.bool_)
            in_category[self._rows_of_category.get(wanted.category, np.empty(0, np.int64))] = True
            mask &= in_category
        if wanted.brand is not None:
            codes, numbers = self._brands
            mask &= codes == numbers.get(wanted.brand.casefold(), -1)
        if wanted.price_min is not None:
            mask &= self._price >= wanted.price_min
        if wanted.price_max is not None:
            mask &= self._price <= wanted.price_max
        if wanted.in_stock:
            mask &= self._in_stock
        return mask

    @cached_property
    def _price(self) -> npt.NDArray[np.float64]:
        """NaN where not given: it compares as false."""
        return self._table["price"].fill_null(float("nan")).to_numpy()

    @cached_property
    def _brands(self) -> tuple[npt.NDArray[np.int64], dict[str, int]]:
        numbers: dict[str, int] = {}
        codes = [numbers.setdefault(brand.casefold(), len(numbers)) for brand in self._table["brand"]]
        return np.array(codes, np.int64), numbers

    @cached_property
    def _in_stock(self) -> BoolArray:
        known = {one: says_in_stock(one) for one in self._table["availability"].unique()}
        return np.array([known[one] for one in self._table["availability"]], np.bool_)

    @cached_property
    def _rows_of_category(self) -> dict[str, npt.NDArray[np.int64]]:
        """Rows of each category and of all below it."""
        pairs = (
            self._table.select("categories")
            .with_row_index("row")
            .explode("categories")
            .drop_nulls("categories")
        )
        paths = pairs.group_by("categories").agg(pl.col("row")).rows()
        below: dict[str, list[list[int]]] = {}
        for path, rows in paths:
            for above in _ancestors(path):
                below.setdefault(above, []).append(rows)
        return {path: np.unique(np.concatenate(rows).astype(np.int64)) for path, rows in below.items()}


def says_in_stock(availability: str) -> bool:
    """Whether an `availability`, such as "in_stock" or "https://schema.org/InStock", means just that."""
    return re.sub(r"[^a-z]", "", availability.rpartition("/")[2].lower()) in IN_STOCK


def lies_in(path: str, category: str) -> bool:
    """Whether a category's path is another one's or below it."""
    return path == category or path.startswith(category + CATEGORY_SEPARATOR)


def _ancestors(path: str) -> list[str]:
    """The path and all above it."""
    return with_ancestors([path])
