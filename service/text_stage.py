"""Texts of a snapshot's items -> matrix, through the cache."""

from encoders import CachedEncoder, item_texts
from gnn.shop_arrays import FloatArray
from service.reporter import ProgressFn
from service.shop_snapshot import ShopSnapshot


def encode_items(snapshot: ShopSnapshot, encoder: CachedEncoder, progress: ProgressFn) -> FloatArray:
    """Title, brand, categories and description of each item as one vector.

    Returns float32 (n_items, d), unit length; zeros for dead items and items without text.
    """
    texts = item_texts(snapshot.items)
    alive = snapshot.alive
    return encoder.encode([text if live else "" for text, live in zip(texts, alive, strict=True)], progress)
