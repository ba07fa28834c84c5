"""Events by user, in time order, and the pairs of items that follow from them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from gnn.shop_arrays import FloatArray, IntArray, ShopArrays
from gnn.sparse_rows import Csr, row_pointers, to_csr

VALID_SHARE = 9
"""The newest ninth of the events is the validation block (a tenth of all where a tenth is held out)."""


def block_start(n_events: int) -> int:
    """Position of the validation block's first event."""
    return n_events - n_events // VALID_SHARE


@dataclass(frozen=True)
class Histories:
    """Events grouped by user (time order kept): user `u` owns places `indptr[u]` to `indptr[u + 1]`."""

    n_items: int
    indptr: IntArray
    """Shape (n_users + 1,)."""
    item: IntArray
    """Shape (E,)."""
    user: IntArray
    """Shape (E,), ascending."""
    position: IntArray
    """Position of the event in the shop, shape (E,)."""
    weight: FloatArray
    """Shape (E,)."""
    step: IntArray
    """Number of the (user, time) group that the event belongs to, ascending, shape (E,): a basket."""

    @property
    def n_users(self) -> int:
        """Users, those without an event included."""
        return len(self.indptr) - 1


def group_by_user(shop: ShopArrays) -> Histories:
    """Group a shop's events."""
    order = np.argsort(shop.user, kind="stable")
    user, at = shop.user[order], shop.at[order]
    counts = np.bincount(user, minlength=shop.n_users)
    new_step = np.ones(len(user), np.int64)
    new_step[1:] = (user[1:] != user[:-1]) | (at[1:] != at[:-1])
    return Histories(
        n_items=shop.n_items,
        indptr=np.concatenate([[0], np.cumsum(counts)]),
        item=shop.item[order],
        user=user,
        position=order,
        weight=shop.weight[order],
        step=np.cumsum(new_step) - 1,
    )


def _step_starts(histories: Histories) -> IntArray:
    """First place of every step, and the number of events at the end; shape (steps + 1,)."""
    new_step = np.diff(histories.step, prepend=-1) > 0
    return np.append(np.flatnonzero(new_step), len(histories.step))


def next_pairs(histories: Histories) -> tuple[IntArray, IntArray, IntArray]:
    """(query, target, position of the target's event): query is the item of the same user's last event
    of a strictly earlier time; pairs of an item with itself are left out. In time order."""
    if not len(histories.item):
        return _no_pairs()
    before = _step_starts(histories)[histories.step] - 1
    has_one = before >= 0
    has_one[has_one] = histories.user[before[has_one]] == histories.user[has_one]
    has_one[has_one] = histories.item[before[has_one]] != histories.item[has_one]
    places = np.flatnonzero(has_one)
    return _in_time_order(histories, before[places], places)


def basket_pairs(histories: Histories) -> tuple[IntArray, IntArray, IntArray]:
    """As `next_pairs`; query is the next item of the same basket in id order, cyclic."""
    if not len(histories.item):
        return _no_pairs()
    starts = _step_starts(histories)
    places = np.arange(len(histories.item))
    mate = places + 1
    wraps = mate == starts[histories.step + 1]
    mate[wraps] = starts[histories.step[wraps]]
    places = places[histories.item[mate] != histories.item]
    return _in_time_order(histories, mate[places], places)


def _no_pairs() -> tuple[IntArray, IntArray, IntArray]:
    none = np.zeros(0, np.int64)
    return none, none, none


def _in_time_order(
    histories: Histories, query_place: IntArray, target_place: IntArray
) -> tuple[IntArray, IntArray, IntArray]:
    position = histories.position[target_place]
    order = np.argsort(position, kind="stable")
    return (
        histories.item[query_place][order],
        histories.item[target_place][order],
        position[order],
    )


def history_weights(
    rows: IntArray, items: IntArray, back: IntArray, decay: float, shape: tuple[int, int]
) -> Csr:
    """Users' item weights: `decay ** back` (1: all alike), summing to 1 for each user; shape (u, n_items)."""
    weight = np.power(decay, back, dtype=np.float64)
    total = np.bincount(rows, weights=weight, minlength=shape[0])
    return to_csr((weight / np.maximum(total[rows], 1e-12)).astype(np.float32), rows, items, shape)


def interaction_matrix(shop: ShopArrays) -> Csr:
    """Strongest event weight of each (user, item), shape (n_users, n_items); no entry where it is 0."""
    order = np.lexsort((shop.weight, shop.item, shop.user))
    order = order[changes_after(shop.user[order]) | changes_after(shop.item[order])]
    order = order[shop.weight[order] > 0]
    counts = np.bincount(shop.user[order], minlength=shop.n_users)
    entries = (shop.weight[order], shop.item[order].astype(np.int32), row_pointers(counts))
    return sparse.csr_array(entries, shape=(shop.n_users, shop.n_items))


def changes_after(values: IntArray) -> npt.NDArray[np.bool_]:
    """Whether the next value is another one, or there is none; (m,)."""
    last = np.ones(len(values), np.bool_)
    np.not_equal(values[1:], values[:-1], out=last[:-1])
    return last


def without_weightless(shop: ShopArrays) -> ShopArrays:
    """Drop events that refunds took all weight from."""
    mask: npt.NDArray[np.bool_] = shop.weight > 0
    return shop if bool(mask.all()) else shop.only(mask)


def event_ages(shop: ShopArrays) -> FloatArray:
    """Age of each event as the share of all events that are newer, shape (E,), 0 = newest."""
    n = shop.n_events
    return (np.arange(n, dtype=np.float32)[::-1] / np.float32(max(n, 1))).astype(np.float32)
