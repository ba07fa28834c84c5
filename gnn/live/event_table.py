"""All events that count, by number of arrival, and each user's in time order."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from gnn.histories import Histories
from gnn.layered_rows import LayeredRows
from gnn.live.live_batch import LiveEvents
from gnn.shop_arrays import IntArray, ShopArrays

_FIRST_ROOM = 1024
_COLUMNS = {
    "user": np.int64,
    "item": np.int64,
    "at": np.int64,
    "weight": np.float32,
    "relation": np.int8,
    "sequence": np.int64,
}
_COMPACT_AT = 4


class EventTable:
    """Append-only columns (37 bytes an event) and user rows (8 bytes an event, up to 5 times before they are
    compacted). Growth by half: appending costs constant time per event on the whole."""

    def __init__(self, shop: ShopArrays, sequence: IntArray | None = None) -> None:
        self.n_users, self.n_items = shop.n_users, shop.n_items
        self.size = 0
        room = shop.n_events + _FIRST_ROOM
        self._columns = {name: np.zeros(room, dtype) for name, dtype in _COLUMNS.items()}
        numbers = np.full(shop.n_events, -1, np.int64) if sequence is None else sequence
        self._append(LiveEvents(shop.user, shop.item, shop.at, shop.weight.copy(), shop.relation, numbers))
        order = np.lexsort((shop.item, shop.at, shop.user))
        counts = np.bincount(shop.user, minlength=shop.n_users)
        indptr = np.concatenate([[0], np.cumsum(counts)])
        self._of_user = LayeredRows.over(_numbers(order, indptr))

    def copy(self) -> "EventTable":
        """An independent copy."""
        other = object.__new__(EventTable)
        other.__dict__ |= self.__dict__
        other._columns = {name: column.copy() for name, column in self._columns.items()}
        return other

    def column(self, name: str) -> npt.NDArray[Any]:
        """One column, (size,); weight may be written to."""
        return self._columns[name][: self.size]

    def _append(self, events: LiveEvents) -> None:
        stop = self.size + len(events)
        if stop > len(self._columns["user"]):
            room = stop + stop // 2
            for name, column in self._columns.items():
                grown = np.zeros(room, column.dtype)
                grown[: self.size] = column[: self.size]
                self._columns[name] = grown
        for name in _COLUMNS:
            self._columns[name][self.size : stop] = getattr(events, name)
        self.size = stop

    def grow(self, n_users: int, n_items: int) -> None:
        """Make room for users and items."""
        self.n_users, self.n_items = n_users, n_items
        nothing = np.zeros(0, np.int64)
        self._of_user = self._of_user.replaced(nothing, _numbers(nothing, np.zeros(1)), self._shape())

    def add(self, events: LiveEvents) -> IntArray:
        """Append events of known users and items; returns the numbers of the events, (m,)."""
        numbers = np.arange(self.size, self.size + len(events))
        self._append(events)
        users = np.unique(events.user)
        old = self._of_user.rows(users)
        all_numbers = np.concatenate([old.indices, numbers])
        row = np.concatenate(
            [np.repeat(np.arange(len(users)), np.diff(old.indptr)), np.searchsorted(users, events.user)]
        )
        at, item = self._columns["at"][all_numbers], self._columns["item"][all_numbers]
        order = np.lexsort((all_numbers, item, at, row))
        indptr = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(users)))])
        self._of_user = self._of_user.replaced(users, _numbers(all_numbers[order], indptr), self._shape())
        if self._of_user.replaced_entries > _COMPACT_AT * max(self.size, _FIRST_ROOM):
            self._of_user = self._of_user.compacted()
        return numbers

    def _shape(self) -> tuple[int, int]:
        return self.n_users, max(self.size, 1)

    def histories(self, users: IntArray) -> Histories:
        """Events with weight of some users, numbered 0.. in that order; `position` is the event's number."""
        found = self._of_user.rows(users)
        numbers = found.indices.astype(np.int64)
        row = np.repeat(np.arange(len(users)), np.diff(found.indptr))
        counts = self._columns["weight"][numbers] > 0
        numbers, row = numbers[counts], row[counts]
        return Histories(
            n_items=self.n_items,
            indptr=np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(users)))]),
            item=self._columns["item"][numbers],
            user=row,
            position=numbers,
            weight=self._columns["weight"][numbers],
            step=np.zeros(len(numbers), np.int64),  # nobody asks for baskets here
        )

    def shop(self, catalogue: ShopArrays) -> ShopArrays:
        """Events with weight in the order of (time, user, item, arrival), over a given catalogue."""
        kept = np.flatnonzero(self._columns["weight"][: self.size] > 0)
        item, user, at = (self._columns[name][kept] for name in ("item", "user", "at"))
        order = np.argsort(item, kind="stable")  # and no `lexsort`, which keeps Python's lock meanwhile
        for column in (user, at):
            order = order[np.argsort(column[order], kind="stable")]
        order = kept[order]
        columns = {name: self._columns[name][order] for name in _COLUMNS if name != "sequence"}
        return replace(catalogue, n_users=self.n_users, n_items=self.n_items, **columns)


def from_first_change(histories: Histories, changed: IntArray, before: int) -> npt.NDArray[np.int64]:
    """Place in each user's history of the first event among `changed` numbers, less `before`; (n_users,)."""
    first = np.full(histories.n_users, np.iinfo(np.int64).max // 2)
    places = np.flatnonzero(np.isin(histories.position, changed))
    np.minimum.at(first, histories.user[places], places - histories.indptr[histories.user[places]])
    return first - before


def tails(histories: Histories, first: IntArray) -> Histories:
    """Only the events from a place of each user's history on; first: (n_users,)."""
    place = np.arange(len(histories.item)) - histories.indptr[histories.user]
    kept = place >= first[histories.user]
    counts = np.bincount(histories.user[kept], minlength=histories.n_users)
    columns = {n: getattr(histories, n)[kept] for n in ("item", "user", "position", "weight", "step")}
    return Histories(histories.n_items, np.concatenate([[0], np.cumsum(counts)]), **columns)


def _numbers(
    numbers: npt.NDArray[np.integer], indptr: npt.NDArray[np.generic]
) -> "sparse.csr_array[np.float32]":
    """Event numbers as rows of a matrix; the entries themselves mean nothing."""
    indices = numbers.astype(np.int32)
    columns = int(indices.max(initial=0)) + 1
    data = np.zeros(len(indices), np.float32)
    return sparse.csr_array((data, indices, indptr.astype(np.int64)), shape=(len(indptr) - 1, columns))
