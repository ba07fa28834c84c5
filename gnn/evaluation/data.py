"""A shop to be judged on: all its events in canonical order, and item-item truth."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from gnn.evaluation.errors import UnfitData
from gnn.evaluation.taken_back import TakenBack
from gnn.shop_arrays import FloatArray, IntArray, ShopArrays

Number = TypeVar("Number", np.float32, np.int64)

StringArray = npt.NDArray[np.object_]
LinkPairs = tuple[IntArray, IntArray]
"""(query items, linked items), parallel, without repeats and without an item's link to itself."""

PoolReviews = Callable[[int, int], FloatArray]
"""(start, stop) positions of events -> embedding of each item's text with the reviews of those events alone
pooled in, shape (n_items, d)."""


@dataclass(frozen=True)
class EvaluationData:
    """All events of a dataset. Raises `UnfitData` where a field would leak the future or points outside."""

    dataset: str
    shop: ShopArrays
    """Every event, test included; ascending by (time, user id, item id)."""
    links: Mapping[str, LinkPairs] = field(default_factory=dict)
    """Truth for the task `links`, by type; never shown to a model."""
    item_ids: StringArray | None = None
    """External id of each item, shape (n_items,)."""
    user_ids: StringArray | None = None
    """External id of each user, shape (n_users,)."""
    rows: IntArray | None = None
    """Row of each event in the table that the data were built from, shape (E,)."""
    given_split: int | None = None
    """Position of the first test event of a dataset's own split."""
    pool_reviews: PoolReviews | None = None
    """Makes `ShopArrays.review_text` from the events that a model may see."""
    taken_back: TakenBack | None = None
    """Events that refunds took back; None: there is no refund."""

    def __post_init__(self) -> None:
        if self.shop.review_text is not None:
            raise UnfitData("review_text pooled over all events would leak test reviews; give pool_reviews")
        if self.given_split is not None and not 0 < self.given_split < self.shop.n_events:
            raise UnfitData(f"given_split {self.given_split} leaves train or test empty")
        for name, (query, target) in self.links.items():
            if len(query) != len(target):
                raise UnfitData(f"links {name}: {len(query)} queries for {len(target)} targets")
            ends = np.concatenate([query, target])
            if len(ends) and (ends.min() < 0 or ends.max() >= self.shop.n_items):
                raise UnfitData(f"links {name}: item index out of range")

    def visible(self, start: int, stop: int) -> ShopArrays:
        """What a model may learn from: events of positions start..stop-1, reviews pooled from them alone.

        What refunds up to the last of them took back weighs less, or nothing.
        """
        shop = self.shop.events(start, stop)
        if self.taken_back is not None and shop.n_events:
            until = int(shop.at[-1])
            shop = replace(shop, weight=self.taken_back.left_of(shop.weight, start, until))
        if self.pool_reviews is None:
            return shop
        return replace(shop, review_text=self.pool_reviews(start, stop))


def evaluation_data(
    dataset: str,
    events: pl.DataFrame,
    item_ids: Sequence[str],
    *,
    text: FloatArray | None = None,
    whole_text: FloatArray | None = None,
    brand: IntArray | None = None,
    item_category: IntArray | None = None,
    category_parent: IntArray | None = None,
    links: pl.DataFrame | None = None,
) -> EvaluationData:
    """Build vocabularies and arrays from a table of events.

    Events are sorted by (time, user id, item id), ids as UTF-8 strings byte by byte; of events with the same
    three, the heaviest stays (the first among equals). Users are numbered by first appearance; items as in
    `item_ids` (first of repeats), then items known from events only, sorted.

    Args:
        events: Columns user_id, item_id (strings), at (int64, microseconds UTC) and optionally weight
            (float, default 1) and relation (int8 position in `graph.event_type.RELATIONS`, default 0).
        item_ids: Ids of the items file, in its order.
        text, whole_text, brand: One row per entry of `item_ids`; items known from events
            only get zeros and -1.
        item_category: (row of `item_ids`, category) pairs, shape (m, 2).
        links: Columns item_id, linked_item_id, link_type; links that leave the catalogue are dropped.
    """
    events = _canonical(events)
    catalogue, first_row = _catalogue(item_ids, events)
    users = events.select(pl.col("user_id").unique(maintain_order=True)).to_series()
    renumbered = None if item_category is None else _renumber(item_category, item_ids, catalogue)
    shop = ShopArrays(
        n_users=len(users),
        n_items=len(catalogue),
        user=_positions(events["user_id"], users),
        item=_positions(events["item_id"], catalogue),
        at=events["at"].to_numpy().astype(np.int64),
        weight=events["weight"].to_numpy().astype(np.float32),
        relation=events["relation"].to_numpy().astype(np.int8),
        text=None if text is None else _padded(text[first_row], len(catalogue), 0.0),
        whole_text=None if whole_text is None else _padded(whole_text[first_row], len(catalogue), 0.0),
        brand=None if brand is None else _padded(brand[first_row], len(catalogue), -1),
        item_category=renumbered,
        category_parent=category_parent,
    )
    return EvaluationData(
        dataset=dataset,
        shop=shop,
        links={} if links is None else link_pairs(links, catalogue),
        item_ids=catalogue.to_numpy(),
        user_ids=users.to_numpy(),
        rows=events["row"].to_numpy().astype(np.int64),
    )


def link_pairs(links: pl.DataFrame, catalogue: pl.Series) -> dict[str, LinkPairs]:
    """Link table -> index pairs by link type, types in order of their names."""
    known = links.filter(
        pl.col("item_id").is_in(catalogue.implode()),
        pl.col("linked_item_id").is_in(catalogue.implode()),
        pl.col("item_id") != pl.col("linked_item_id"),
    ).unique(subset=["item_id", "linked_item_id", "link_type"], maintain_order=True)
    pairs: dict[str, LinkPairs] = {}
    for name in sorted(known["link_type"].unique().to_list()):
        rows = known.filter(pl.col("link_type") == name)
        pairs[name] = (
            _positions(rows["item_id"], catalogue),
            _positions(rows["linked_item_id"], catalogue),
        )
    return pairs


def _canonical(events: pl.DataFrame) -> pl.DataFrame:
    """Sorted, without exact duplicates; columns row, user_id, item_id, at, weight, relation."""
    weight = pl.col("weight") if "weight" in events.columns else pl.lit(1.0).alias("weight")
    relation = pl.col("relation") if "relation" in events.columns else pl.lit(0).alias("relation")
    key = ["at", "user_id", "item_id"]
    return (
        events.with_row_index("row")
        .select("row", "user_id", "item_id", "at", weight, relation)
        .sort([*key, "weight", "row"], descending=[False, False, False, True, False])
        .unique(subset=key, keep="first", maintain_order=True)
    )


def _catalogue(item_ids: Sequence[str], events: pl.DataFrame) -> tuple[pl.Series, IntArray]:
    """Item ids in index order, and the first row of each item of the items file."""
    file = pl.DataFrame({"item_id": pl.Series(item_ids, dtype=pl.String)}).with_row_index("row")
    file = file.unique(subset="item_id", keep="first", maintain_order=True)
    extra = events.select("item_id").unique().join(file, on="item_id", how="anti").sort("item_id")
    catalogue = pl.concat([file["item_id"], extra["item_id"]])
    return catalogue, file["row"].to_numpy().astype(np.int64)


def _positions(ids: pl.Series, vocabulary: pl.Series) -> IntArray:
    """Index of each id in the vocabulary, which holds all of them; shape (len(ids),)."""
    index = pl.DataFrame({"id": vocabulary}).with_row_index("index")
    found = pl.DataFrame({"id": ids}).join(index, on="id", how="left", maintain_order="left")
    return found["index"].to_numpy().astype(np.int64)


def _renumber(item_category: IntArray, item_ids: Sequence[str], catalogue: pl.Series) -> IntArray:
    """Pairs by row of the items file -> pairs by item index, without repeats."""
    index_of_row = _positions(pl.Series(item_ids, dtype=pl.String), catalogue)
    pairs = np.column_stack([index_of_row[item_category[:, 0]], item_category[:, 1]])
    return np.unique(pairs, axis=0)


def _padded(rows: npt.NDArray[Number], n_items: int, filler: float) -> npt.NDArray[Number]:
    """Rows of the items file, then filler rows for the other items."""
    out = np.full((n_items, *rows.shape[1:]), filler, rows.dtype)
    out[: len(rows)] = rows
    return out
