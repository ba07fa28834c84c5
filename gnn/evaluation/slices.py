"""Slices of test cases that show where a model is good."""

import numpy as np

from gnn.evaluation.scores import SliceScores
from gnn.shop_arrays import IntArray

QUINTILES = 5


def popularity_quintile(counts: IntArray) -> IntArray:
    """Fifth of the catalogue by number of events: 0 the rarest, 4 the most popular; shape (n_items,).

    Only items with events are divided; the others are -1. Items with equal counts share a fifth (that of
    their mean place), so the order of items does not matter and a fifth may be larger or smaller.
    """
    warm = counts > 0
    values, inverse, sizes = np.unique(counts[warm], return_inverse=True, return_counts=True)
    place = np.cumsum(sizes) - (sizes + 1) / 2  # mean place of each count, starting at 0
    quintile = np.minimum(place * QUINTILES // max(int(warm.sum()), 1), QUINTILES - 1)
    result = np.full(len(counts), -1, np.int64)
    result[warm] = quintile[inverse] if len(values) else quintile
    return result


def by_quintile(scores: SliceScores, target: IntArray, quintile: IntArray) -> list[SliceScores]:
    """Split a slice by the quintile of each case's true item; empty ones are left out."""
    own = quintile[target]
    task = scores.path[0]
    return [
        scores.where(("slices", f"{task}_by_popularity", f"quintile_{number + 1}"), own == number)
        for number in range(QUINTILES)
        if (own == number).any()
    ]
