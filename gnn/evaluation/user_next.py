"""Task `user-next`: from a user's history to what they turn to that is new to them."""

from dataclasses import dataclass

import numpy as np

from gnn.evaluation.cases import TargetSets, target_sets
from gnn.evaluation.split import Split
from gnn.shop_arrays import IntArray, ShopArrays


@dataclass(frozen=True)
class UserCases:
    """Users to be judged, and what each must not be shown again."""

    sets: TargetSets
    """Anchors are users."""
    history: TargetSets
    """Items of each user's history; its anchors are the users of `sets`, in the same order."""


def user_cases(shop: ShopArrays, split: Split) -> UserCases:
    """Users with a history before the split and a test item outside of it."""
    n_items = shop.n_items
    before = shop.user[: split.fit_stop] * np.int64(n_items) + shop.item[: split.fit_stop]
    after = (
        shop.user[split.fit_stop : split.test_stop] * np.int64(n_items)
        + shop.item[split.fit_stop : split.test_stop]
    )
    seen = np.zeros(shop.n_users, np.bool_)
    seen[shop.user[: split.fit_stop]] = True
    new = np.setdiff1d(after, before)
    new = new[seen[new // n_items]]
    sets = target_sets(new // n_items, new % n_items, n_items)
    return UserCases(sets, _history(before, sets.anchor, n_items))


def _history(before: IntArray, users: IntArray, n_items: int) -> TargetSets:
    """Distinct (user, item) keys of the users that are judged."""
    keys = before[np.isin(before // n_items, users)]
    return target_sets(keys // n_items, keys % n_items, n_items)
