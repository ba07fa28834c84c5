"""What the items of a shop say: which fields are filled, which repeat, which nobody has turned to."""

from dataclasses import dataclass

import polars as pl

from service.checking.activity import FEW_EVENTS

FIELDS = ("title", "description", "brand", "categories", "price", "image_url")


@dataclass(frozen=True)
class Catalogue:
    """Items in figures; shares are 0 to 1."""

    items: int
    filled: dict[str, float]
    """Field -> share of items that have it."""
    without_events: float
    """Share of items that no event names."""
    with_few_events: float
    """Share of items with fewer than five events, those without any included."""
    unknown_items: int
    """Items that events name and the catalogue lacks."""
    repeated_groups: int
    """Sets of items that share title and brand."""
    repeated_items: int
    """Items in these sets."""
    repeated_examples: list[tuple[str, str, list[str]]]
    """(title, brand, some item ids), the largest sets first."""


def measure_catalogue(items: pl.DataFrame, outline: pl.DataFrame, examples: int) -> Catalogue:
    """items, outline: as in `Scan`."""
    counts = outline.group_by("item").len("events")
    known = items.select(pl.col("item_id").hash().alias("item"))
    with_counts = known.join(counts, on="item", how="left").select(pl.col("events").fill_null(0)).to_series()
    groups = repeated_items(items)
    total = max(1, items.height)
    return Catalogue(
        items=items.height,
        filled={name: int(_filled(items[name]).sum()) / total for name in FIELDS},
        without_events=int((with_counts == 0).sum()) / total,
        with_few_events=int((with_counts < FEW_EVENTS).sum()) / total,
        unknown_items=counts.join(known, on="item", how="anti").height,
        repeated_groups=groups.height,
        repeated_items=int(groups["ids"].list.len().sum()),
        repeated_examples=[
            (title, brand, ids)
            for title, brand, ids in groups.select("title", "brand", pl.col("ids").list.head(5))
            .head(examples)
            .iter_rows()
        ],
    )


def repeated_items(items: pl.DataFrame) -> pl.DataFrame:
    """Sets of items whose title and brand agree but for case, punctuation and blanks.

    Columns `title`, `brand` (of one of them) and `ids` (list, sorted); the largest sets first. Items without
    a title are in none.
    """
    folded = items.select(
        "item_id",
        "title",
        "brand",
        *(
            pl.col(name)
            .str.to_lowercase()
            .str.replace_all(r"[^\p{L}\p{N}]+", " ")
            .str.strip_chars()
            .alias(key)
            for name, key in (("title", "same_title"), ("brand", "same_brand"))
        ),
    ).filter(pl.col("same_title") != "")
    return (
        folded.group_by("same_title", "same_brand")
        .agg(pl.col("title").min(), pl.col("brand").min(), pl.col("item_id").sort().alias("ids"))
        .filter(pl.col("ids").list.len() > 1)
        .sort([pl.col("ids").list.len(), "same_title", "same_brand"], descending=[True, False, False])
        .select("title", "brand", "ids")
    )


def _filled(column: pl.Series) -> pl.Series:
    if column.dtype == pl.String:
        return (column != "").fill_null(value=False)
    if isinstance(column.dtype, pl.List):
        return (column.list.len() > 0).fill_null(value=False)
    return column.is_not_null()
