"""Trend: what sells at present, as decayed counts over several horizons."""

import numpy as np

from gnn.histories import event_ages
from gnn.shop_arrays import FloatArray, ShopArrays

HALF_LIVES = (0.25, 0.05, 0.01)
"""Half-lives as shares of all events: a season, weeks, days."""


def decayed_counts(shop: ShopArrays, half_life: float) -> FloatArray:
    """Sum of event weights, each halved for every `half_life` (share of the events) of age; (n_items,)."""
    decay = shop.weight * np.power(0.5, event_ages(shop).astype(np.float64) / half_life)
    return np.bincount(shop.item, weights=decay, minlength=shop.n_items).astype(np.float32)


def trend_features(shop: ShopArrays) -> FloatArray:
    """log(1 + decayed count) per half-life, shape (3, n_items)."""
    return np.stack([np.log1p(decayed_counts(shop, half_life)) for half_life in HALF_LIVES])
