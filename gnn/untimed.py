"""Shops whose events carry no time: a history is a set there, and nothing sells more now than ever."""

from dataclasses import replace

import numpy as np

from gnn.histories import Histories, basket_pairs, next_pairs
from gnn.ilk_config import IlkConfig
from gnn.shop_arrays import IntArray, ShopArrays
from gnn.undated import is_untimed

HISTORY = 500
"""Items of a user that count where none is newer than another; bounds the work for one user."""


def without_order(shop: ShopArrays) -> ShopArrays:
    """An untimed shop with its events in random order and all of one time; any other shop as it is.

    The newest ninth, by which a fit chooses, is then a random ninth of everybody's events. In the order of a
    list it would be the ends of the longest lists; in that of user ids, all events of some users, who would
    have no history. The same order every time.
    """
    if not is_untimed(shop):
        return shop
    order = np.random.default_rng(0).permutation(shop.n_events)
    return replace(
        shop,
        user=shop.user[order],
        item=shop.item[order],
        at=np.full(shop.n_events, shop.at[0]),
        weight=shop.weight[order],
        relation=shop.relation[order],
    )


def config_for(shop: ShopArrays, config: IlkConfig) -> IlkConfig:
    """The settings with which a shop is fitted and served: of an untimed one whole histories count, all items
    alike, and pairs of items no less for lying apart."""
    if not is_untimed(shop):
        return config
    return replace(
        config,
        users=replace(config.users, history=max(config.users.history, HISTORY), decay=1.0),
        co_engagement=replace(config.co_engagement, gap_decay=0.0),
    )


def following_pairs(shop: ShopArrays, histories: Histories) -> tuple[IntArray, IntArray, IntArray]:
    """`next_pairs`; where nothing comes after anything, `basket_pairs`: another item of the same history."""
    return basket_pairs(histories) if is_untimed(shop) else next_pairs(histories)
