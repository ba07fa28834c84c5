"""Items -> matrix of text vectors, and whether the text model fits the shop's language."""

from pathlib import Path

import polars as pl

from encoders import VIEW_SEPARATOR, Coverage, item_views_of, measure_coverage, split_views, with_reviews
from gnn.shop_arrays import FloatArray
from graph.store import GraphStore
from service.reporter import ProgressFn
from service.shop_snapshot import ShopSnapshot
from service.text_vectors import forget_reviews
from service.texts import Texts


def snapshot_texts(snapshot: ShopSnapshot) -> list[str]:
    """Title, brand, categories and description of each item, see `encoders.item_views`; "" for dead items."""
    return [
        text if live else "" for text, live in zip(item_views_of(snapshot.items), snapshot.alive, strict=True)
    ]


def texts_with_reviews(snapshot: ShopSnapshot) -> list[str]:
    """`snapshot_texts`, with the reviews of each item where the snapshot holds them."""
    texts = snapshot_texts(snapshot)
    if snapshot.reviews is None:
        return texts
    return [with_reviews(text, lines) for text, lines in zip(texts, snapshot.review_lines, strict=True)]


def count_missing(texts: Texts, item_text: list[str]) -> int:
    """How many texts `encode_texts` would have to encode: those that the cache lacks, views one by one."""
    return texts.encoder.count_missing([view for text in item_text for view in _views(text)])


def count_all(item_text: list[str]) -> int:
    """How many texts a text model that is taught anew would have to encode."""
    return len({view for text in item_text for view in _views(text) if view.strip()})


def encode_texts(texts: Texts, item_text: list[str], progress: ProgressFn) -> FloatArray:
    """One unit-length vector per text, zeros for empty ones; float32 (n_items, d)."""
    return texts.items.encode(item_text, progress)


def forget_erased(snapshot: ShopSnapshot, store: GraphStore, cache: Path) -> int:
    """Take out of the text cache what was encoded of reviews that were erased since the snapshot was taken;
    returns how many vectors went.

    An erasure does not wait for a refresh, and forgets what is cached when it comes. Whichever of the two
    ends later finds the vectors: a refresh looks here once all texts are encoded, an erasure once the store
    has nothing of the user any more.
    """
    if snapshot.reviews is None:
        return 0
    alive = store.review_texts()["seq"]
    erased = snapshot.reviews.filter(~pl.col("seq").is_in(alive.implode()))
    return forget_reviews(cache, erased["text"].to_list()) if erased.height else 0


def coverage_of(texts: Texts, item_text: list[str]) -> Coverage | None:
    """How the model's vocabulary meets the shop's words; None where it has no vocabulary."""
    if texts.cutter is None:
        return None
    return measure_coverage(texts.cutter, [text.partition(VIEW_SEPARATOR)[0] for text in item_text])


def _views(text: str) -> list[str]:
    parts = split_views(text)
    return [*parts.own, *(review for _, review in parts.reviews)]
