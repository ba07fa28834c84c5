"""Steps from one item to the next that a shop's users had made when a release was trained."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from gnn.shop_arrays import IntArray, ShopArrays

USERS = 2
"""So many different ones make a step familiar: what a single one did may be chance, and a pair of items
at random is such a step several times as often."""
_SHIFT = 32
"""Keys of pairs are lower item << 32 | higher item."""


@dataclass(frozen=True)
class FamiliarSteps:
    """Immutable. Memory: 8 bytes a pair of items, of which a shop has fewer than events."""

    keys: IntArray
    """Of pairs, ascending, see `pair_keys`."""

    @classmethod
    def none(cls) -> Self:
        """Nobody has made one."""
        return cls(np.zeros(0, np.int64))

    @classmethod
    def of(cls, shop: ShopArrays) -> Self:
        """Items that follow each other directly in the histories of at least `USERS` different users; events
        of one instant are in the shop's order."""
        before, after = steps(shop.user, shop.item)
        keys, user = pair_keys(shop.item[before], shop.item[after]), shop.user[before]
        order = np.argsort(keys, kind="stable")  # of one pair, users are ascending
        keys, user = keys[order], user[order]
        first = np.ones(len(keys), np.bool_)
        first[1:] = (keys[1:] != keys[:-1]) | (user[1:] != user[:-1])
        pairs, users = np.unique(keys[first], return_counts=True)
        return cls(pairs[users >= USERS])

    def hold(self, keys: IntArray) -> npt.NDArray[np.bool_]:
        """Which of some pairs are among these, (n,)."""
        place = np.searchsorted(self.keys, keys)
        held = np.zeros(len(keys), np.bool_)
        inside = place < len(self.keys)
        held[inside] = self.keys[place[inside]] == keys[inside]
        return held


def steps(user: IntArray, item: IntArray) -> tuple[IntArray, IntArray]:
    """(place before, place after) of every step of a user to another item, (s,) each; events of one user are
    in their order, whoever's come between."""
    order = np.argsort(user, kind="stable")
    before, after = order[:-1], order[1:]
    follows = (user[before] == user[after]) & (item[before] != item[after])
    return before[follows], after[follows]


def pair_keys(one: IntArray, other: IntArray) -> IntArray:
    """One number for a pair of items, whichever comes first."""
    return np.minimum(one, other) << _SHIFT | np.maximum(one, other)


def items_of(keys: IntArray) -> tuple[IntArray, IntArray]:
    """(lower, higher item) of pairs."""
    return keys >> _SHIFT, keys & ((1 << _SHIFT) - 1)
