"""Trend: what sells at present, as decayed counts over several horizons."""

import math

import numpy as np
import numpy.typing as npt

from gnn.histories import event_ages
from gnn.shop_arrays import FloatArray, ShopArrays
from gnn.undated import is_untimed

HALF_LIVES = (0.25, 0.05, 0.01, math.inf)
"""Half-lives as shares of all events: a season, weeks, days, and all times (bestsellers outlast trends)."""


def decayed_counts(shop: ShopArrays, half_life: float, unit: int | None = None) -> FloatArray:
    """Sum of event weights, each halved for every `half_life` (share of the events) of age; (n_items,).

    unit: events of which `half_life` is a share (`None`: those of the shop); with a fixed unit every
    new event ages all older ones by the same factor. Where events have no time, each counts what they do in
    the mean."""
    age = event_ages(shop).astype(np.float64)
    if unit is not None:
        age *= shop.n_events / max(unit, 1)
    share = np.power(0.5, age / half_life)
    decay = shop.weight * (share.mean() if is_untimed(shop) else share)
    return np.bincount(shop.item, weights=decay, minlength=shop.n_items).astype(np.float32)


def trend_features(shop: ShopArrays, unit: int | None = None) -> FloatArray:
    """log(1 + decayed count) per half-life, shape (4, n_items)."""
    return np.stack([np.log1p(decayed_counts(shop, half_life, unit)) for half_life in HALF_LIVES])


def decay_per_event(unit: int) -> npt.NDArray[np.float64]:
    """Factor by which one newer event ages all older ones, float64, shape (4,)."""
    return np.power(0.5, 1.0 / (max(unit, 1) * np.array(HALF_LIVES)), dtype=np.float64)


def rise(trend: FloatArray) -> FloatArray:
    """Log ratio of the rate of the last weeks to the season's, from `trend_features`; shape (n_items,).

    A rate is the decayed count over its half-life. The season's mean rate is added to both sides, so that one
    event of an item nobody knows is no rise.
    """
    season, weeks = (np.expm1(trend[row]) / HALF_LIVES[row] for row in (0, 1))
    prior = max(float(season.mean()), 1e-6)
    ratio: FloatArray = np.log((weeks + prior) / (season + prior)).astype(np.float32)
    return ratio
