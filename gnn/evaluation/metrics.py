"""Ranking metrics under ties.

A place counts the items before the true one: 0 is the top. Ties count half:

- with one true item per case, a figure is that of the expected rank (the mean over all orders of the tied
  items), which may end in .5; the item is hit when this rank is below k;
- with several, each counts with its expected share over all orders of the tied items: of two items tied for
  the last place of the list, each is half a hit. A group of more tied items than the list is long counts
  nothing: the model does not tell them apart.

DCG: Jarvelin and Kekalainen 2002, binary gains.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gnn.shop_arrays import IntArray

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Places:
    """Where true items stand."""

    before: IntArray
    """Items with a higher score, shape (t,)."""
    tied: IntArray
    """Items with the same score, the true one included; (t,)."""

    def __post_init__(self) -> None:
        if len(self.before) != len(self.tied):
            raise ValueError("before and tied must be parallel")

    @property
    def expected_rank(self) -> Values:
        """Mean place over all orders of tied items, shape (t,)."""
        return np.asarray(self.before + (self.tied - 1) / 2, dtype=np.float64)


def _share(places: Places, gains: Values) -> Values:
    """Expected gain of each true item, `gains` being those of the k places of the list; shape (t,)."""
    k = len(gains)
    reached = np.concatenate([[0.0], np.cumsum(gains)])
    start, stop = np.minimum(places.before, k), np.minimum(places.before + places.tied, k)
    expected = (reached[stop] - reached[start]) / places.tied
    return np.where(places.tied <= k, expected, 0.0)


def _discounts(k: int) -> Values:
    return np.asarray(1.0 / np.log2(np.arange(k) + 2.0), dtype=np.float64)


def hr_at_k(rank: Values, k: int) -> Values:
    """Hit rate of cases with one true item of that expected rank: 1 or 0 each, shape (m,)."""
    return (rank < k).astype(np.float64)


def single_ndcg_at_k(rank: Values, k: int) -> Values:
    """nDCG of cases with one true item of that expected rank (the ideal DCG is 1), shape (m,)."""
    return np.where(rank < k, 1.0 / np.log2(rank + 2.0), 0.0)


def _hits(places: Places, case: IntArray, m: int, k: int) -> Values:
    return np.asarray(np.bincount(case, _share(places, np.ones(k)), m), dtype=np.float64)


def recall_at_k(places: Places, case: IntArray, sizes: IntArray, k: int, *, capped: bool = False) -> Values:
    """Share of a case's true items that are hit, shape (m,).

    Args:
        places: Of every true item, shape (t,).
        case: Which case the true item belongs to, shape (t,).
        sizes: True items per case, at least 1, shape (m,).
        capped: Divide by min(k, size), so that a case with many true items can reach 1.
    """
    best = np.minimum(sizes, k) if capped else sizes
    recall: Values = _hits(places, case, len(sizes), k) / best
    return recall


def precision_at_k(places: Places, case: IntArray, sizes: IntArray, k: int) -> Values:
    """Share of the k places that hold true items, shape (m,)."""
    return _hits(places, case, len(sizes), k) / k


def f1_at_k(places: Places, case: IntArray, sizes: IntArray, k: int) -> Values:
    """Harmonic mean of precision and (uncapped) recall of each case, 0 where both are 0; shape (m,)."""
    f1: Values = 2.0 * _hits(places, case, len(sizes), k) / (k + sizes)
    return f1


def ndcg_at_k(places: Places, case: IntArray, sizes: IntArray, k: int) -> Values:
    """DCG / DCG of the best possible list, shape (m,)."""
    gained = np.bincount(case, weights=_share(places, _discounts(k)), minlength=len(sizes))
    ideal = np.cumsum(_discounts(k))
    ndcg: Values = gained / ideal[np.minimum(sizes, k) - 1]
    return ndcg
