"""The graph at one moment, as arrays: what a refresh learns from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import polars as pl

from gnn.shop_arrays import FloatArray, IntArray, ShopArrays
from graph.store import EdgeBlock, GraphStore, NodeKeys
from service.change_log import UnfoldedRange
from service.item_reviews import best_reviews, lines_of, within_total
from service.settings import ReviewSettings


@dataclass(frozen=True)
class ShopSnapshot:
    """Items, users and edges of a store up to one sequence number.

    Item rows follow the store's item indices: row i is item i, dead ones included (`alive`).
    Edges are ascending by (time, user id, item id), refunded ones left out: the same graph gives the same
    bytes, whatever the order in which it was loaded.
    """

    items: pl.DataFrame
    """`ITEM_SCHEMA` plus `index` and `alive`, one row per item index."""
    user_ids: list[str]
    edges: EdgeBlock
    item_category: IntArray
    category_parent: IntArray
    events_through: int
    reviews: pl.DataFrame | None = None
    """`BEST_REVIEWS_SCHEMA`: reviews that are part of the items' texts; `None` where none are."""
    review_lines: tuple[str, ...] = ()
    """`encoders.review_lines` of each item index where there are `reviews`."""
    review_rules: ReviewSettings | None = None
    """By which `reviews` were chosen: of an item fewer than are set where there are too many in all."""

    @property
    def alive(self) -> npt.NDArray[np.bool_]:
        """Items that may be served, shape (n_items,)."""
        return self.items["alive"].to_numpy()

    @cached_property
    def digest(self) -> str:
        """Changes with anything a model could learn from."""
        state = blake2b(digest_size=16)
        state.update(self.items.write_ndjson().encode())
        for column in (
            self.edges.user,
            self.edges.item,
            self.edges.at,
            self.edges.weight,
            self.edges.relation,
        ):
            state.update(np.ascontiguousarray(column).tobytes())
        state.update(self.item_category.tobytes())
        if self.reviews is not None:
            state.update("\0".join(self.review_lines).encode())
        return state.hexdigest()

    def arrays(self, text: FloatArray | None) -> ShopArrays:
        """What a model sees. text: float32 (n_items, d), rows of dead items zero."""
        edges = self.edges
        return ShopArrays(
            n_users=len(self.user_ids),
            n_items=self.items.height,
            user=edges.user,
            item=edges.item,
            at=edges.at,
            weight=edges.weight,
            relation=edges.relation,
            text=text,
            item_category=self.item_category,
            category_parent=self.category_parent,
            brand=brand_indices(self.items["brand"]),
        )


def take_snapshot(store: GraphStore, unfolded: Sequence[UnfoldedRange] = ()) -> ShopSnapshot:
    """Read everything a model learns from. Memory: 45 bytes per edge, the items' fields once.

    Safe while others write: what was applied after `events_through` was read stays out, new shoppers too.

    unfolded: events that are to stay out of the answers.
    """
    through = store.applied_seq()
    item_keys, user_keys = store.node_keys("item"), store.node_keys("user")
    items = _aligned(store.items(), item_keys)
    pairs = np.stack(store.item_categories(), axis=1)
    blocks = [without(block.until(through), unfolded) for block in store.export()]
    return ShopSnapshot(
        items=items,
        user_ids=user_keys.ids,
        edges=_ordered(blocks, item_keys, user_keys),
        item_category=pairs[pairs[:, 0] < len(item_keys.ids)],
        category_parent=store.category_parents(),
        events_through=through,
    )


def with_item_reviews(
    snapshot: ShopSnapshot, store: GraphStore, rules: ReviewSettings, unfolded: Sequence[UnfoldedRange] = ()
) -> ShopSnapshot:
    """The snapshot with the reviews that are part of its items' texts; as it is where none are to be.

    Memory: all review texts for a moment, then the best ones of each item. unfolded: as in `take_snapshot`.
    """
    if rules.share == 0:
        return snapshot
    known = store.review_texts().filter(
        pl.col("seq") <= snapshot.events_through, pl.col("item") < snapshot.items.height
    )
    best = best_reviews(reviews_without(known, unfolded), rules)
    rules = within_total(best, rules)
    best = best.group_by("item", maintain_order=True).head(rules.per_item)
    lines = lines_of(best, rules)
    return replace(
        snapshot,
        reviews=best,
        review_lines=tuple(lines.get(row, "") for row in range(snapshot.items.height)),
        review_rules=rules,
    )


def reviews_without(reviews: pl.DataFrame, unfolded: Sequence[UnfoldedRange]) -> pl.DataFrame:
    """Rows with `seq` less the events of some ranges of sequence numbers."""
    for one in unfolded:
        reviews = reviews.filter(~pl.col("seq").is_between(one.first, one.last))
    return reviews


def without(block: EdgeBlock, unfolded: Sequence[UnfoldedRange]) -> EdgeBlock:
    """A block less the events of some ranges of sequence numbers."""
    if not unfolded:
        return block
    kept = np.ones(len(block.seq), np.bool_)
    for one in unfolded:
        kept &= (block.seq < one.first) | (block.seq > one.last)
    return block.only(kept)


def brand_indices(brands: pl.Series) -> IntArray:
    """Brand names -> dense numbers in the order of the case-folded names, -1 where empty; shape (n,)."""
    folded = brands.fill_null("").str.strip_chars().str.to_lowercase()
    names = folded.unique().sort()
    names = names.filter(names != "")
    codes = pl.DataFrame({"brand": names, "code": np.arange(len(names), dtype=np.int64)})
    joined = pl.DataFrame({"brand": folded}).join(codes, on="brand", how="left", maintain_order="left")
    return joined["code"].fill_null(-1).to_numpy()


def _aligned(items: pl.DataFrame, keys: NodeKeys) -> pl.DataFrame:
    """One row per item index; items that died keep their row, emptied."""
    slots = pl.DataFrame(
        {"index": np.arange(len(keys.ids), dtype=np.int64), "item_id": keys.ids, "alive": keys.alive},
        schema_overrides={"item_id": pl.String},
    )
    joined = slots.join(items.drop("item_id"), on="index", how="left", maintain_order="left")
    texts = ("title", "description", "brand", "currency", "availability", "image_url")
    return joined.with_columns(
        *(pl.col(name).fill_null("") for name in texts),
        pl.col("categories").fill_null(pl.lit([], dtype=pl.List(pl.String))),
        pl.col("attributes").fill_null("{}"),
    )


def _ordered(blocks: list[EdgeBlock], items: NodeKeys, users: NodeKeys) -> EdgeBlock:
    edges = EdgeBlock.joined(blocks)
    keep = np.flatnonzero(edges.weight > 0)
    item, user = _rank(items.ids)[edges.item[keep]], _rank(users.ids)[edges.user[keep]]
    return edges.only(keep[np.lexsort((item, user, edges.at[keep]))])


def _rank(ids: list[str]) -> IntArray:
    """Position of each id among all, compared byte by byte."""
    order = pl.Series(ids, dtype=pl.String).arg_sort().to_numpy()
    rank = np.empty(len(ids), np.int64)
    rank[order] = np.arange(len(ids))
    return rank
