"""Poison: events by users whom the shop does not know, made to push items."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gnn.shop_arrays import IntArray, ShopArrays


@dataclass(frozen=True)
class Attack:
    """Who does what, in order."""

    name: str
    user: IntArray
    item: IntArray


def attacks(shop: ShopArrays) -> Iterator[Attack]:
    """By users whom the shop does not know; storms push its most popular item."""
    rng = np.random.default_rng(0)
    popular = int(np.bincount(shop.item, minlength=shop.n_items).argmax())
    everything = np.concatenate([rng.permutation(shop.n_items) for _ in range(5)])
    item = np.stack([everything, np.full_like(everything, popular)], axis=1).ravel()
    yield Attack("one user buys everything", np.full(len(item), shop.n_users), item)
    rare = int(np.bincount(shop.item, minlength=shop.n_items).argmin())
    users = np.repeat(shop.n_users + np.arange(2000), 2)
    yield Attack("2,000 new users do one thing", users, np.tile([popular, rare], 2000))
    item = np.stack([rng.integers(0, shop.n_items, 2000), np.full(2000, popular)], axis=1)
    yield Attack("2,000 new users, some item and one", users, item.ravel())
    user = shop.n_users + rng.integers(0, 5, 20_000)
    yield Attack("5 scripts, random edges", user, rng.integers(0, shop.n_items, 20_000))
    yield Attack("2,000 new users, any two items", users, rng.integers(0, shop.n_items, 4000))
