"""Task `next`: from the item a user looked at before, to the one they turn to."""

import numpy as np

from gnn.evaluation.cases import Pairs
from gnn.evaluation.split import Split
from gnn.shop_arrays import IntArray, ShopArrays


def previous_item(shop: ShopArrays) -> IntArray:
    """Item of the same user's last event of a strictly earlier time, -1 where there is none; shape (E,).

    Of several events at that time, the one last in the canonical order counts.
    """
    order = np.argsort(shop.user, kind="stable")  # by user, within a user by time
    user, at, item = shop.user[order], shop.at[order], shop.item[order]
    first = np.ones(len(order), np.bool_)  # first event of its (user, time) group
    first[1:] = (user[1:] != user[:-1]) | (at[1:] != at[:-1])
    start = np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))
    before = start - 1
    found = (before >= 0) & (user[before] == user)
    previous = np.full(len(order), -1, np.int64)
    previous[order] = np.where(found, item[before], -1)
    return previous


def next_pairs(shop: ShopArrays, split: Split) -> Pairs:
    """One pair per test event whose user has an earlier event with another item, in event order."""
    query = previous_item(shop.events(0, split.test_stop))[split.fit_stop :]
    test = shop.events(split.fit_stop, split.test_stop)
    pairs = Pairs(query, test.item, test.user)
    return pairs.where((query >= 0) & (query != test.item))
