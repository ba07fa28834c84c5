"""Items' texts with the reviews that a model may have read: no word of the test's time."""

from collections.abc import Sequence

import polars as pl

from encoders import with_reviews
from gnn.evaluation import EvaluationData
from gnn.shop_arrays import FloatArray
from graph.frames import REVIEW_TEXT_SCHEMA
from service.item_reviews import best_reviews, lines_of, within_total
from service.reporter import ProgressFn
from service.settings import ReviewSettings
from service.texts import Texts


class ReviewPooling:
    """A `gnn.evaluation.data.PoolReviews` over an encoder with a cache."""

    def __init__(
        self,
        data: EvaluationData,
        item_texts: Sequence[str],
        events: pl.DataFrame,
        texts: Texts,
        rules: ReviewSettings,
    ) -> None:
        """item_texts: `encoders.item_views` of the first items of `data`, those of the items file. events:
        the
        table that `data` were built from, of `EVENT_SCHEMA`."""
        assert data.rows is not None
        shop = data.shop
        self._text, self._texts, self._rules = shop.text, texts, rules
        self._own = [*item_texts, *[""] * (shop.n_items - len(item_texts))]
        # a position for a sequence number: events are in the order of time
        self._reviews = events[data.rows.tolist()].select(
            pl.Series("seq", range(shop.n_events), pl.Int64()),
            pl.Series("item", shop.item, pl.Int64()),
            *(name for name in REVIEW_TEXT_SCHEMA if name not in ("seq", "item")),
        )
        self._reviews = self._reviews.filter(pl.col("review_text").is_not_null())
        self.reviewed = self._reviews["item"].n_unique()
        """Items with a review."""

    def __call__(self, start: int, stop: int, progress: ProgressFn | None = None) -> FloatArray:
        """Vectors of all items with the reviews among the events of positions start..stop-1, (n_items, d)."""
        seen = self._reviews.filter(pl.col("seq").is_between(start, stop - 1))
        best = best_reviews(seen, self._rules)
        rules = within_total(best, self._rules)
        lines = lines_of(best.group_by("item", maintain_order=True).head(rules.per_item), rules)
        assert self._text is not None
        told = self._text.copy()
        if lines:
            texts = [with_reviews(self._own[item], one) for item, one in lines.items()]
            told[list(lines)] = self._texts.items.encode(texts, progress)
        return told
