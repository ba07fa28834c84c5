"""Which items the answers know already, and what of a written item is new to them."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from encoders import VIEW_SEPARATOR, item_views_of, split_views, with_reviews
from gnn.shop_arrays import FloatArray, IntArray
from service.item_reviews import review_digests
from service.live.fresh_record import FRESH_ITEM_SCHEMA, no_items
from service.live.mirror import ArrivedItems
from service.releases.items import ReleaseItems, release_items_table
from service.shop_snapshot import ShopSnapshot, brand_indices

_SHOWN = [name for name in FRESH_ITEM_SCHEMA if name != "index"]


class KnownItems:
    """Ids, texts and brand numbers of a release's items and of those that arrived since.

    Brands are numbered as the release numbers them; a new one gets the next number.
    """

    def __init__(
        self,
        release: ReleaseItems,
        snapshot: ShopSnapshot,
        numbers: IntArray | None = None,
        reviews: npt.NDArray[np.uint64] | None = None,
    ) -> None:
        """numbers: brand of each of the release's items as its model has them, (n,); an increment keeps those
        of its refresh, whatever names came since. None: in the order of the names. reviews: see
        `Release.reviews`."""
        self._index = {
            item_id: row for row, item_id in enumerate(snapshot.items["item_id"].to_list()) if item_id
        }
        self._reviews = dict(enumerate(snapshot.review_lines))
        self._text = item_views_of(snapshot.items)
        for index, lines in self._reviews.items():
            self._text[index] = with_reviews(self._text[index], lines)
        self._ids = dict(
            snapshot.items.filter(pl.col("item_id") != "").select("index", "item_id").iter_rows()
        )
        self._reviewed = _with_other_reviews(reviews, snapshot)
        self._brands = _brand_numbers(release.table["brand"], numbers)
        self._next_brand = max(self._brands.values(), default=-1) + 1
        self.brand = self.brands_of(snapshot.items["brand"])
        """Brand of each item of the snapshot, shape (n,)."""
        self._changed = _changed_rows(release, snapshot)

    def index_of(self, item_id: str) -> int | None:
        """Index of an item that was seen."""
        return self._index.get(item_id)

    def unknown(self, item_ids: Sequence[str]) -> list[str]:
        """Those of the ids that were not seen yet."""
        return [item_id for item_id in item_ids if item_id not in self._index]

    def changed(self) -> pl.DataFrame:
        """`FRESH_ITEM_SCHEMA`: every item that differs from the release, ascending by index."""
        return self._changed

    def reviewed(self) -> pl.Series:
        """Indices (Int64) of the snapshot's items whose texts have other reviews in them than the
        release's."""
        return self._reviewed

    def take_reviews(self, lines: Mapping[int, str]) -> dict[int, str]:
        """Remember `review_lines` of items; returns the new texts, by index, of those that are alive and
        changed."""
        found: dict[int, str] = {}
        for index, new in lines.items():
            self._reserve(index)
            old = self._reviews.get(index, "")
            self._reviews[index] = new
            if old == new or index not in self._ids:
                continue
            own = VIEW_SEPARATOR.join(split_views(self._text[index]).own)
            self._text[index] = found[index] = with_reviews(own, new)
        return found

    def forget_reviews(self) -> None:
        """No text that is asked for later has reviews in it, but for those taken from now on."""
        self._reviews.clear()

    def new_texts(self, items: pl.DataFrame) -> list[tuple[int, str]]:
        """(index, text) of those items of a store's frame whose text is not the known one; remembers them."""
        found = []
        for index, own in zip(items["index"].to_list(), item_views_of(items), strict=True):
            self._reserve(index)
            text = with_reviews(own, self._reviews.get(index, ""))
            if self._text[index] != text:
                self._text[index] = text
                found.append((index, text))
        return found

    def texts_of(self, items: pl.DataFrame) -> list[tuple[int, str]]:
        """(index, text) of items of a store's frame that have one or whose reviews changed, as it is
        known."""
        reviewed = set(self._reviewed.to_list())
        rows = items["index"].to_list()
        return [(row, self._text[row]) for row in rows if self._text[row] or row in reviewed]

    def ids_with(self, texts: Mapping[int, str]) -> list[str]:
        """Ids of living items (by index) whose text is still the given one, ascending by index."""
        current = sorted(index for index, text in texts.items() if self._text[index] == text)
        return [self._ids[index] for index in current if index in self._ids]

    def take(self, items: pl.DataFrame) -> pl.DataFrame:
        """Remember items of a store's frame (`INDEXED_ITEM_SCHEMA`); returns them as `FRESH_ITEM_SCHEMA`."""
        for index, item_id in items.select("index", "item_id").iter_rows():
            self._reserve(index)
            self._index[item_id] = index
            self._ids[index] = item_id
        fresh = _fresh_table(items.with_columns(alive=pl.lit(value=True)))
        self._remember(fresh)
        return fresh

    def drop(self, item_id: str) -> pl.DataFrame:
        """Forget a deleted item; returns its dead row, or none where it was not known."""
        index = self._index.pop(item_id, None)
        if index is None:
            return no_items()
        self._text[index] = ""
        self._ids.pop(index, None)
        self._reviews.pop(index, None)
        dead = pl.DataFrame(
            {"index": [index], "item_id": [""], "alive": [False], "categories": [[]]},
            schema_overrides={"categories": pl.List(pl.String())},
        )
        empty = [
            pl.lit("").alias(name) for name in ("title", "brand", "currency", "availability", "image_url")
        ]
        fresh = _fresh_table(dead.with_columns(*empty, price=pl.lit(None, pl.Float64)))
        self._remember(fresh)
        return fresh

    def brands_of(self, brands: pl.Series) -> IntArray:
        """Number of each brand, -1 where empty; shape (n,)."""
        folded = brands.fill_null("").str.strip_chars().str.to_lowercase().to_list()
        for name in folded:
            if name and name not in self._brands:
                self._brands[name] = self._next_brand
                self._next_brand += 1
        return np.array([self._brands.get(name, -1) for name in folded], np.int64)

    def arrived(self, items: pl.DataFrame, text: FloatArray | None, categories: IntArray) -> ArrivedItems:
        """Items of a store's frame, ascending by index, as the model takes them."""
        rows = items["index"].to_numpy().astype(np.int64)
        own = categories[np.isin(categories[:, 0], rows)] if len(categories) else categories
        return ArrivedItems(rows, text, own, self.brands_of(items["brand"]))

    def _reserve(self, index: int) -> None:
        self._text.extend([""] * (index + 1 - len(self._text)))

    def _remember(self, fresh: pl.DataFrame) -> None:
        kept = self._changed.join(fresh.select("index"), on="index", how="anti")
        self._changed = pl.concat([kept, fresh]).sort("index")


def _with_other_reviews(before: npt.NDArray[np.uint64] | None, snapshot: ShopSnapshot) -> pl.Series:
    """Indices of living items, Int64; what either side lacks has no reviews."""
    now = np.zeros(snapshot.items.height, np.uint64)
    found = review_digests(snapshot.review_lines)
    if found is not None:
        now[:] = found
    if before is not None:
        shared = min(len(before), len(now))
        now[:shared] ^= before[:shared]
    return pl.Series("index", np.flatnonzero((now != 0) & snapshot.alive), pl.Int64())


def _brand_numbers(brands: pl.Series, numbers: IntArray | None) -> dict[str, int]:
    folded = brands.fill_null("").str.strip_chars().str.to_lowercase().to_list()
    codes = (brand_indices(brands) if numbers is None else numbers).tolist()
    return {name: code for name, code in zip(folded, codes, strict=True) if name}


def _changed_rows(release: ReleaseItems, snapshot: ShopSnapshot) -> pl.DataFrame:
    now = _fresh_table(snapshot.items)
    before = release.table.with_row_index("index").cast({"index": pl.Int64}).select(now.columns)
    keys = [pl.col(name).hash(1) if name == "categories" else pl.col(name) for name in now.columns]
    same = now.select(keys).join(before.select(keys), on=now.columns, how="semi", nulls_equal=True)
    return now.join(same.select("index"), on="index", how="anti").sort("index")


def _fresh_table(items: pl.DataFrame) -> pl.DataFrame:
    table = release_items_table(items)
    return table.select(items["index"].cast(pl.Int64), *_SHOWN).select(list(FRESH_ITEM_SCHEMA))
