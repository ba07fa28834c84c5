"""Task `basket`: from one item of a basket to another; a basket is one user's events of one time."""

import numpy as np

from gnn.evaluation.cases import Pairs
from gnn.evaluation.split import Split
from gnn.shop_arrays import IntArray, ShopArrays


def basket_mate(shop: ShopArrays) -> IntArray:
    """Next item of the event's basket in id order, cyclic; the item itself in a basket of one; shape (E,)."""
    order = np.argsort(shop.user, kind="stable")  # by user, then time, then item id
    user, at, item = shop.user[order], shop.at[order], shop.item[order]
    first = np.ones(len(order), np.bool_)
    first[1:] = (user[1:] != user[:-1]) | (at[1:] != at[:-1])
    place = np.arange(len(order))
    start = np.maximum.accumulate(np.where(first, place, 0))
    last = np.append(first[1:], True)
    mate = np.full(len(order), -1, np.int64)
    mate[order] = item[np.where(last, start, np.minimum(place + 1, len(order) - 1))]
    return mate


def basket_pairs(shop: ShopArrays, split: Split) -> Pairs:
    """One pair per test event in a basket of several items; the basket counts as a whole, also where the
    split cuts through it. In event order."""
    query = basket_mate(shop.events(0, split.test_stop))[split.fit_stop :]
    test = shop.events(split.fit_stop, split.test_stop)
    return Pairs(query, test.item, test.user).where(query != test.item)
