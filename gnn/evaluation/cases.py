"""Test cases: questions and their true answers, as index arrays."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gnn.evaluation.errors import UnfitData
from gnn.shop_arrays import IntArray

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Pairs:
    """One query item, one true item."""

    query: IntArray
    """(m,)"""
    target: IntArray
    """(m,)"""
    user: IntArray
    """Whose event it is: cases of one user are not independent; (m,)"""

    def __post_init__(self) -> None:
        if not len(self.query) == len(self.target) == len(self.user):
            raise UnfitData("query, target and user must be parallel")

    def where(self, mask: Mask) -> "Pairs":
        """Some of the pairs."""
        return Pairs(self.query[mask], self.target[mask], self.user[mask])

    def __len__(self) -> int:
        return len(self.query)


@dataclass(frozen=True)
class TargetSets:
    """One anchor (a user or a query item), a set of true items each."""

    anchor: IntArray
    """Ascending, without repeats; (m,)"""
    case: IntArray
    """Position in `anchor` of each target, ascending; (t,)"""
    target: IntArray
    """(t,)"""

    @property
    def sizes(self) -> IntArray:
        """True items of each anchor, shape (m,)."""
        return np.bincount(self.case, minlength=len(self.anchor)).astype(np.int64)

    def __len__(self) -> int:
        return len(self.anchor)


def target_sets(anchor: IntArray, target: IntArray, n_items: int) -> TargetSets:
    """(anchor, target) pairs, repeats allowed -> sets."""
    keys = np.unique(anchor * np.int64(n_items) + target)
    anchors, case = np.unique(keys // n_items, return_inverse=True)
    return TargetSets(anchors.astype(np.int64), case.astype(np.int64), (keys % n_items).astype(np.int64))


def chosen(sets: TargetSets, keep: IntArray) -> TargetSets:
    """The cases at ascending positions `keep`."""
    new_case = np.full(len(sets), -1, np.int64)
    new_case[keep] = np.arange(len(keep))
    kept = new_case[sets.case] >= 0
    return TargetSets(sets.anchor[keep], new_case[sets.case[kept]], sets.target[kept])
