"""Which items of a history speak for a target, each beside the others: a sparse linear regression.

Co-engagement counts every item of a history by itself, so ten items that say the same say it ten times. Here
the items that are bought with a target share its weight (SLIM, Ning & Karypis 2011, with the target's nearest
items alone as regressors, and the ridge penalty of EASE, Steck 2019, instead of the lasso): 100 unknowns a
target whatever the size of the catalogue, where the closed form of EASE inverts a matrix of all items.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from gnn.histories import Histories
from gnn.setting_checks import check_number, check_whole
from gnn.shop_arrays import FloatArray, IntArray
from gnn.sparse_rows import Csr, empty_csr, mean_entry, product_blocks, row_pointers

_LEAST = 1e-5
"""Smaller weights are dropped, as are negative ones: what speaks against a target is mostly noise of the
others' weights, and lists of candidates come from what speaks for it."""
_MOST_PAIRS = 16_000_000
"""Pairs of items whose shoppers are counted at once, 128 MiB; catalogues with no more pairs are counted
whole, which is cheaper where histories are long."""
_PAIR, _EVENT, _WEIGHT = 8, 64, 20
"""Bytes at the peak: of a pair of a block, of an event in both directions while they are made, of a weight in
its list, joined, and in the result."""


@dataclass(frozen=True)
class RegressionConfig:
    """How much is regressed on what."""

    neighbours: int = 100
    """Items with the highest cosine of co-engagement that explain a target."""
    ridge: float = 50.0
    """Added to each item's own count of shoppers: the larger, the nearer to plain co-engagement."""
    history: int = 500
    """Newest items of a shopper that count; bounds the pairs of one shopper at 500^2."""

    def __post_init__(self) -> None:
        """Below a thousandth the ridge no longer keeps items that always come together apart."""
        check_whole("regression.neighbours", self.neighbours, 0)
        check_number("regression.ridge", self.ridge, 1e-3)
        check_whole("regression.history", self.history, 1)


def neighbour_regression(histories: Histories, config: RegressionConfig) -> Csr:
    """Weight of each history item (row) for each target (column), mean entry 1; (n_items, n_items).

    histories: each item once a user (`gnn.user_rows.latest_of_each`). Costs about a millisecond of one
    processor a target; what it takes of memory `regression_bytes` counts.
    """
    n = histories.n_items
    seen = _seen(histories, config.history)
    owners = seen.T.tocsr()
    counts = np.diff(owners.indptr).astype(np.float32)
    whole = n * n <= _MOST_PAIRS
    blocks = [slice(0, n)] if whole else product_blocks(owners, seen, _MOST_PAIRS)
    gram = None if whole else _Gram(owners)
    sources, weights, per_target = (
        [np.zeros(0, np.int32)],
        [np.zeros(0, np.float32)],
        np.zeros(n, np.int32),
    )
    # systems of 100 unknowns: threads of BLAS wait for each other many times longer than they work
    with threadpool_limits(1, "blas"):
        for block in blocks if config.neighbours else ():
            pairs = (owners[block] @ seen).tocsr()
            pairs.sort_indices()
            for target in range(block.start, block.stop):
                near, with_target = _nearest(pairs, target - block.start, counts, target, config.neighbours)
                if not len(near):
                    continue
                among = pairs[near][:, near].toarray() if gram is None else gram.of(near)
                among = among.astype(np.float64)
                among[np.diag_indices_from(among)] += config.ridge
                weight = np.linalg.solve(among, with_target)
                kept = weight > _LEAST
                sources.append(near[kept].astype(np.int32))
                weights.append(weight[kept].astype(np.float32))
                per_target[target] = len(sources[-1])
            del pairs
    if not per_target.any():
        return empty_csr(n, n)
    by_target = (np.concatenate(weights), np.concatenate(sources), row_pointers(per_target))
    del sources, weights
    matrix: Csr = sparse.csc_array(by_target, shape=(n, n)).tocsr()
    matrix.data /= np.float32(mean_entry(matrix))
    return matrix


def regression_bytes(user: IntArray, n_items: int, config: RegressionConfig) -> int:
    """What the regression takes at its peak, its result among it, beside the histories that it reads.

    user: user index of each event, (E,).
    """
    taken = np.minimum(np.bincount(user) if len(user) else np.zeros(0, np.int64), config.history)
    together = int((taken**2).sum())
    pairs = min(together, max(_MOST_PAIRS, n_items), n_items**2)
    weights = min(together, config.neighbours * n_items)
    return _PAIR * pairs + _EVENT * len(user) + _WEIGHT * weights


def _seen(histories: Histories, most: int) -> Csr:
    """1 where an item is among the newest of a user; (n_users, n_items)."""
    left = histories.indptr[1:][histories.user]
    left -= np.arange(len(histories.item))
    kept = (left <= most) & (histories.weight > 0)
    del left
    counts = np.bincount(histories.user[kept], minlength=histories.n_users)
    # indices as wide as these go on into every product: int64 would make a pair 12 bytes
    entries = (
        np.ones(int(kept.sum()), np.float32),
        histories.item[kept].astype(np.int32),
        row_pointers(counts),
    )
    seen: Csr = sparse.csr_array(entries, shape=(histories.n_users, histories.n_items))
    seen.sum_duplicates()
    return seen


class _Gram:
    """How many shoppers a few items have in common, from those items' shoppers alone: counts of all pairs of
    a large catalogue are gigabytes, counts among 100 items are small."""

    def __init__(self, owners: Csr) -> None:
        """owners: 1 where a user has an item, (n_items, n_users)."""
        self._owners = owners
        self._place = np.zeros(owners.shape[1], np.int32)

    def of(self, items: IntArray) -> FloatArray:
        """Shoppers of both, (k, k); whole numbers below 2^24, so float32 holds them exactly."""
        rows = self._owners[items]
        # users by a place below the number of entries: nothing then costs as much as there are users
        self._place[rows.indices] = np.arange(rows.nnz, dtype=np.int32)
        columns = self._place[rows.indices]
        few = sparse.csr_array((rows.data, columns, rows.indptr), shape=(len(items), rows.nnz))
        return np.asarray((few @ few.T.tocsr()).toarray(), dtype=np.float32)


def _nearest(pairs: Csr, row: int, counts: FloatArray, target: int, most: int) -> tuple[IntArray, FloatArray]:
    """(items with the highest cosine to a target, ascending; shoppers of each with the target), (k,) each.

    pairs: shoppers of both, the target's at `row`. counts: shoppers of each item, (n_items,).
    """
    start, stop = int(pairs.indptr[row]), int(pairs.indptr[row + 1])
    item, together = pairs.indices[start:stop].astype(np.int64), pairs.data[start:stop]
    other = item != target
    item, together = item[other], together[other]
    if len(item) > most:
        cosine = together / np.sqrt(counts[item])
        best = np.sort(np.argsort(-cosine, kind="stable")[:most])
        item, together = item[best], together[best]
    return item, together
