"""Whether the times of a shop's events say anything."""

import numpy as np

from gnn.shop_arrays import ShopArrays


def is_untimed(shop: ShopArrays) -> bool:
    """Whether two users or more all begin at the same instant: all times are alike, or they are places in
    each user's list (LightGCN's format). A clock does not do that."""
    users, first = np.unique(shop.user, return_index=True)  # events are in time order: the first is oldest
    return len(users) > 1 and bool((shop.at[first] == shop.at[0]).all())
