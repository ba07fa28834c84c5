"""Which reviews of an item are part of its text, and how much each counts."""

import math
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from graph.frames import REVIEW_TEXT_SCHEMA
from service.settings import ReviewSettings

ENOUGH_WORDS = 20
"""A shorter review counts in proportion: few words say little of the item."""
TOP_RATING = 5.0
"""Ratings from here on count fully, others in proportion, from `LEAST_RATING` on: a complaint is more
about the delivery than about the item."""
LEAST_RATING = 1.0
USUAL_RATING = 4.0
"""Stands in where no rating was given."""
MOST_VOTES = 1_000
"""More votes count as so many: whoever may write events could tell any number. So a review is worth at most
eight times one without votes."""
HALF_LIFE_DAYS = 730.0
"""An older review of the same item counts half with so many days between them."""

RULES = "reviews"
"""Where a release's configuration says by which rules reviews are in its texts; nothing there: none are."""

BEST_REVIEWS_SCHEMA: dict[str, pl.DataType] = {
    "item": pl.Int64(),  # index
    "seq": pl.Int64(),
    "text": pl.String(),  # first words, on one line
    "strength": pl.Float64(),  # logarithm of the weight, the same zero for all
}
_DAY = 86_400e6


def best_reviews(reviews: pl.DataFrame, rules: ReviewSettings) -> pl.DataFrame:
    """The reviews of each item that count, of `BEST_REVIEWS_SCHEMA`, the strongest first.

    reviews: of `REVIEW_TEXT_SCHEMA`, in any order. A weight is (1 + ln(1 + votes)) x words / `ENOUGH_WORDS` x
    rating / `TOP_RATING`, votes at most `MOST_VOTES`, the last two at most 1, and halves with
    `HALF_LIFE_DAYS` of age: between two reviews of an item only their distance in time matters, so weights do
    not depend on today. Reviews of an item that read alike count once.
    """
    words = pl.col("review_text").str.replace_all(r"[\s\x00-\x1f\x7f]+", " ").str.strip_chars()
    rated = pl.col("rating").fill_nan(None).fill_null(USUAL_RATING).clip(LEAST_RATING, TOP_RATING)
    cut = reviews.select(
        "item",
        "seq",
        words.str.split(" ").list.head(rules.words).alias("words"),
        (rated.cast(pl.Float64) / TOP_RATING).log().alias("liked"),
        (1 + (1 + pl.col("helpful").fill_null(0).clip(0, MOST_VOTES).cast(pl.Float64)).log())
        .log()
        .alias("voted"),
        (pl.col("at").cast(pl.Float64) / _DAY / HALF_LIFE_DAYS * math.log(2)).alias("recent"),
    )
    length = (pl.col("words").list.len().cast(pl.Float64) / ENOUGH_WORDS).clip(0, 1).log()
    known = cut.select(
        "item",
        "seq",
        pl.col("words").list.join(" ").alias("text"),
        (pl.col("liked") + pl.col("voted") + pl.col("recent") + length).alias("strength"),
    )
    return merged(known.filter(pl.col("text") != ""), pl.DataFrame(schema=BEST_REVIEWS_SCHEMA), rules)


def merged(new: pl.DataFrame, known: pl.DataFrame, rules: ReviewSettings) -> pl.DataFrame:
    """The best of two frames of `BEST_REVIEWS_SCHEMA`: as if all reviews behind them were judged at once."""
    both = pl.concat([known, new.select(list(BEST_REVIEWS_SCHEMA))])
    order = both.sort(["item", "strength", "seq"], descending=[False, True, True])
    once = order.unique(["item", "text"], keep="first", maintain_order=True)
    return once.group_by("item", maintain_order=True).head(rules.per_item).select(list(BEST_REVIEWS_SCHEMA))


def within_total(best: pl.DataFrame, rules: ReviewSettings) -> ReviewSettings:
    """The rules with as many reviews per item, at least one, as make no more than `rules.total` together.

    best: what `best_reviews` made by the rules.
    """
    counts = best.group_by("item").len()["len"]
    fitting = (
        n for n in range(rules.per_item, 1, -1) if int(counts.clip(upper_bound=n).sum()) <= rules.total
    )
    return rules.model_copy(update={"per_item": next(fitting, 1)})


def recorded(rules: ReviewSettings) -> dict[str, Any]:
    """What a release's configuration (`ReleaseManifest.config`) says of the rules it was made with, as
    `within_total` left them."""
    return {RULES: rules.model_dump(include={"share", "per_item", "words"})}


def rules_of_release(config: Mapping[str, Any]) -> ReviewSettings:
    """The rules that a release was made with, from its configuration; share 0 where it names none.

    What is followed between two refreshes keeps to them: other settings change texts with the next refresh,
    behind its gate, and no text changes because there are many reviews by now.
    """
    found = config.get(RULES)
    return ReviewSettings(share=0.0) if found is None else ReviewSettings(**found, total=2**62)


def lines_of(best: pl.DataFrame, rules: ReviewSettings) -> dict[int, str]:
    """`encoders.review_lines` by item index, of a frame that `best_reviews` made.

    An item's reviews have together the weight share / (1 - share) beside 1 for its own text.
    """
    from encoders import review_lines  # here: the text libraries are slow to import and seldom needed

    beside = rules.share / (1 - rules.share)
    relative = (pl.col("strength") - pl.col("strength").max().over("item")).exp()
    weighed = best.with_columns(weight=beside * relative / relative.sum().over("item"))
    by_item: dict[int, list[tuple[float, str]]] = {}
    for item, weight, text in weighed.select("item", "weight", "text").iter_rows():
        by_item.setdefault(item, []).append((weight, text))
    return {item: review_lines(reviews) for item, reviews in by_item.items()}


def review_digests(lines: Sequence[str]) -> npt.NDArray[np.uint64] | None:
    """64 bits that tell one item's reviews from others, 0 where there are none, shape (n_items,); `None`
    for no lines at all: reviews are no part of the texts."""
    if not lines:
        return None
    digests = (blake2b(one.encode(), digest_size=8).digest() if one else bytes(8) for one in lines)
    return np.frombuffer(b"".join(digests), "<u8")


def reviews_of_events(events: pl.DataFrame, item: pl.Series) -> pl.DataFrame:
    """Events of the log as `REVIEW_TEXT_SCHEMA`, those without a text left out. item: index of each one's
    item, null where it has none."""
    found = events.with_columns(item.cast(pl.Int64).alias("item"))
    return found.filter(pl.col("review_text").fill_null("") != "", pl.col("item").is_not_null()).select(
        list(REVIEW_TEXT_SCHEMA)
    )


def first_words(texts: list[str], words: int) -> list[str]:
    """Texts cut as `best_reviews` cuts them."""
    frame = pl.DataFrame({"review_text": texts}, schema={"review_text": pl.String}).with_columns(
        item=pl.int_range(pl.len(), dtype=pl.Int64),
        seq=pl.lit(1, pl.Int64),
        rating=pl.lit(None, pl.Float32),
        at=pl.lit(0, pl.Int64),
        helpful=pl.lit(None, pl.Int64),
    )
    return best_reviews(frame, ReviewSettings(words=words))["text"].to_list()
