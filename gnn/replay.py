"""Which old events an increment sees again, so that it does not forget what it no longer reads."""

import numpy as np

from gnn.incremental_config import ReplayStrata
from gnn.shop_arrays import IntArray, ShopArrays


def replayed(
    shop: ShopArrays, old: IntArray, count: int, strata: ReplayStrata, rng: np.random.Generator
) -> IntArray:
    """Positions of `count` old events (all, where there are fewer), ascending, without repeats.

    The strata give one event each in turn until they are empty: a reservoir sample of each (Vitter 1985), of
    equal size where the stratum has so many. old: positions to draw from, (m,).
    """
    if count >= len(old):
        return old
    stratum = _strata(shop, strata)[shop.item[old]]
    shuffled = rng.permutation(len(old))
    by_stratum = shuffled[np.argsort(stratum[shuffled], kind="stable")]
    sizes = np.bincount(stratum, minlength=1)
    turn = np.arange(len(old)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    chosen = by_stratum[np.argsort(turn, kind="stable")[:count]]
    return np.sort(old[chosen])


def _strata(shop: ShopArrays, strata: ReplayStrata) -> IntArray:
    """Stratum of each item, (n_items,)."""
    if strata is ReplayStrata.DEGREE:
        degree = np.bincount(shop.item, minlength=shop.n_items)
        return np.log2(np.maximum(degree, 1)).astype(np.int64)
    found = np.zeros(shop.n_items, np.int64)
    if strata is ReplayStrata.CATEGORY and shop.item_category is not None:
        pairs = shop.item_category[::-1]  # of several categories the first is written last
        found[pairs[:, 0]] = pairs[:, 1] + 1
    return found
