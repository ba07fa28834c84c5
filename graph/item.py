"""A product of the shop's catalogue, one object or one frame row each."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from graph.category import Category
from graph.errors import InvalidEvent, InvalidItem
from graph.frames import ITEM_SCHEMA
from graph.ids import MAX_ID_BYTES, check_id


@dataclass(frozen=True)
class Item:
    """One product. Raises `InvalidItem` when made with values that break a rule."""

    item_id: str
    """1 to 512 bytes."""
    title: str = ""
    description: str = ""
    brand: str = ""
    categories: tuple[str, ...] = ()
    """Paths "A > B > C", the most specific one first."""
    price: float | None = None
    currency: str = ""
    availability: str = ""
    image_url: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """Every other property; values that JSON can hold."""

    def __post_init__(self) -> None:
        """Check every field."""
        try:
            check_id(self.item_id, "item_id")
        except InvalidEvent as error:
            raise InvalidItem(str(error)) from None
        for path in self.categories:
            Category(path)
        if self.price is not None and not math.isfinite(self.price):
            raise InvalidItem(f"price: {self.price} is not a finite number")
        try:
            _to_json(self.attributes)
        except (TypeError, ValueError) as error:
            raise InvalidItem(f"attributes: not JSON ({error})") from None

    @staticmethod
    def to_frame(items: Iterable["Item"]) -> pl.DataFrame:
        """A frame of `ITEM_SCHEMA`, one row per item, in their order."""
        rows = [
            {name: getattr(one, name) for name in ITEM_SCHEMA}
            | {"categories": list(one.categories), "attributes": _to_json(one.attributes)}
            for one in items
        ]
        return pl.DataFrame(rows, schema=ITEM_SCHEMA)

    @staticmethod
    def from_frame(items: pl.DataFrame) -> list["Item"]:
        """The rows of a frame of `ITEM_SCHEMA` as objects."""
        rows = items.select(list(ITEM_SCHEMA)).iter_rows(named=True)
        return [
            Item(
                **{
                    **row,
                    "categories": tuple(row["categories"]),
                    "attributes": json.loads(row["attributes"]),
                }
            )
            for row in rows
        ]


def check_items(items: pl.DataFrame) -> pl.DataFrame:
    """The columns of `ITEM_SCHEMA`, in its order; of repeated ids only the last row, in the place of the
    first; no number is NaN. Raises `InvalidItem` for the first broken rule."""
    for name, dtype in ITEM_SCHEMA.items():
        if name not in items.columns:
            raise InvalidItem(f"{name}: the column is missing")
        if items.schema[name] != dtype:
            raise InvalidItem(f"{name}: the column is {items.schema[name]}, not {dtype}")
        if name != "price" and items[name].null_count():
            raise InvalidItem(f"{name}: missing in row {items[name].is_null().arg_max()}")
    bad = ~items["item_id"].str.len_bytes().is_between(1, MAX_ID_BYTES)
    if bad.any():
        raise InvalidItem(f"item_id: not 1 to {MAX_ID_BYTES} bytes in row {bad.arg_max()}")
    checked = items.select(list(ITEM_SCHEMA)).with_columns(pl.col("price").fill_nan(None))
    return checked.group_by("item_id", maintain_order=True).last().select(list(ITEM_SCHEMA))


def _to_json(attributes: Mapping[str, Any]) -> str:
    return json.dumps(dict(attributes), ensure_ascii=False, sort_keys=True, allow_nan=False)
