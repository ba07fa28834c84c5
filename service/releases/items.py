"""The id map of a release, with what is shown of each item."""

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from gnn.shop_arrays import IntArray
from service.answering.item_filter import FilterColumns

RELEASE_ITEM_SCHEMA: dict[str, pl.DataType] = {
    "item_id": pl.String(),  # "" at the holes that erased items leave
    "alive": pl.Boolean(),
    "title": pl.String(),
    "brand": pl.String(),
    "categories": pl.List(pl.String()),
    "price": pl.Float64(),  # null where not given
    "currency": pl.String(),
    "availability": pl.String(),
    "image_url": pl.String(),
}

_SHOWN = [name for name in RELEASE_ITEM_SCHEMA if name != "alive"]


class ReleaseItems:
    """Items in index order; row i of the table is row i of every array of the release."""

    def __init__(self, table: pl.DataFrame) -> None:
        """table: of `RELEASE_ITEM_SCHEMA`. Raises `ValueError` when an id comes twice."""
        self._table = table
        self._shown = table.select(_SHOWN).rechunk()
        self._ids: list[str] = table["item_id"].to_list()
        ids = self._ids
        self._index = {item_id: row for row, item_id in enumerate(ids) if item_id}
        if len(self._index) != sum(1 for item_id in ids if item_id):
            raise ValueError("an item id comes twice")
        self.alive: npt.NDArray[np.bool_] = table["alive"].to_numpy()
        """Items that may be returned, shape (n,)."""
        self.alive_count = int(self.alive.sum())

    def __len__(self) -> int:
        return self._table.height

    @property
    def table(self) -> pl.DataFrame:
        """All rows, `RELEASE_ITEM_SCHEMA`."""
        return self._table

    @cached_property
    def columns(self) -> FilterColumns:
        """What filters look at; made at the first filtered request."""
        return FilterColumns(self._table)

    @cached_property
    def alive_or_all(self) -> npt.NDArray[np.bool_] | None:
        """As `VectorIndex.search` wants it: None where every item may be returned."""
        return None if self.alive_count == len(self) else self.alive

    def index_of(self, item_id: str) -> int | None:
        """Row of an item, dead ones included; None where the release does not know it."""
        return self._index.get(item_id)

    def indices_of(self, item_ids: list[str]) -> IntArray:
        """Rows of those ids that the release knows, in the given order."""
        rows = (self._index.get(item_id) for item_id in item_ids)
        return np.fromiter((row for row in rows if row is not None), np.int64)

    def ids_of(self, rows: IntArray) -> list[str]:
        """Ids of the items of these rows, in this order."""
        return [self._ids[row] for row in rows.tolist()]

    def cards(self, rows: IntArray) -> list[dict[str, Any]]:
        """What is shown of the items of these rows, in this order."""
        # row by row: a gather would wait for polars' thread pool, milliseconds on a busy machine
        return [dict(zip(_SHOWN, self._shown.row(row), strict=True)) for row in rows.tolist()]

    def with_rows(self, changed: pl.DataFrame) -> "ReleaseItems":
        """The same items with some rows replaced or added; changed: an `index` beside `RELEASE_ITEM_SCHEMA`.

        Indices between the old end and a new row become dead items without an id. O(n).
        """
        size = max(self._table.height, 1 + int(changed["index"].max() or 0)) if changed.height else len(self)  # type: ignore[arg-type]
        slots = pl.DataFrame({"index": np.arange(size, dtype=np.int64)})
        kept = self._table.with_row_index("index").cast({"index": pl.Int64})
        kept = kept.join(changed.select("index"), on="index", how="anti")
        both = pl.concat([kept, changed.select(kept.columns)])
        return ReleaseItems(release_items_table(slots.join(both, on="index", how="left").sort("index")))

    def in_category(self, path: str) -> IntArray:
        """Rows of the living items of a category (the exact path), ascending."""
        hits = self._table.select(pl.col("categories").list.contains(path).fill_null(value=False)).to_series()
        return np.flatnonzero(hits.to_numpy() & self.alive)


def release_items_table(items: pl.DataFrame) -> pl.DataFrame:
    """Cut a frame of items (`ITEM_SCHEMA` plus `alive`, in index order) down to `RELEASE_ITEM_SCHEMA`.

    A price that is not a finite number becomes null. Raises `ValueError` where a column is missing.
    """
    missing = [name for name in RELEASE_ITEM_SCHEMA if name not in items.columns]
    if missing:
        raise ValueError(f"items lack the column {missing[0]!r}")
    table = items.select(pl.col(name).cast(dtype) for name, dtype in RELEASE_ITEM_SCHEMA.items())
    return table.with_columns(
        pl.when(pl.col("price").is_finite()).then(pl.col("price")),
        pl.col("alive").fill_null(value=False),
        pl.col("categories").fill_null(pl.lit([], dtype=pl.List(pl.String))),
        *(pl.col(n).fill_null("") for n, dtype in RELEASE_ITEM_SCHEMA.items() if dtype == pl.String()),
    )
