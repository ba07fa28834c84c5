"""Which items of a history speak for a target, each beside the others: a sparse linear regression.

Co-engagement counts every item of a history by itself, so ten items that say the same say it ten times. Here
the items that are bought with a target share its weight (SLIM, Ning & Karypis 2011, with the target's nearest
items alone as regressors, and the ridge penalty of EASE, Steck 2019, instead of the lasso): 100 unknowns a
target whatever the size of the catalogue, where the closed form of EASE inverts a matrix of all items.
"""

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from gnn.histories import Histories
from gnn.setting_checks import check_number, check_whole
from gnn.shop_arrays import FloatArray, IntArray
from gnn.sparse_rows import Csr, empty_csr, mean_entry, to_csr

_LEAST = 1e-5
"""Smaller weights are dropped, as are negative ones: what speaks against a target is mostly noise of the
others' weights, and lists of candidates come from what speaks for it."""


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

    histories: each item once a user (`gnn.user_rows.latest_of_each`). Costs about a millisecond a target, and
    while it runs 8 bytes per pair of items that any shopper has both of.
    """
    n = histories.n_items
    pairs = _pair_shoppers(histories, config.history)
    counts = pairs.diagonal()
    sources, targets, weights = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0, np.float32)]
    # systems of 100 unknowns: threads of BLAS wait for each other many times longer than they work
    with threadpool_limits(1, "blas"):
        for target in range(n if config.neighbours else 0):
            near, with_target = _nearest(pairs, counts, target, config.neighbours)
            if not len(near):
                continue
            among = pairs[near][:, near].toarray().astype(np.float64)
            among[np.diag_indices_from(among)] += config.ridge
            weight = np.linalg.solve(among, with_target)
            kept = weight > _LEAST
            sources.append(near[kept])
            targets.append(np.full(int(kept.sum()), target))
            weights.append(weight[kept].astype(np.float32))
    if not sum(map(len, weights)):
        return empty_csr(n, n)
    matrix = to_csr(np.concatenate(weights), np.concatenate(sources), np.concatenate(targets), (n, n))
    matrix.data /= np.float32(mean_entry(matrix))
    return matrix


def _pair_shoppers(histories: Histories, most: int) -> Csr:
    """How many shoppers have both items, (n_items, n_items)."""
    ends = histories.indptr[1:][histories.user]
    place = np.arange(len(histories.item))
    kept = (ends - place <= most) & (histories.weight > 0)
    ones = np.ones(int(kept.sum()), np.float32)
    shape = (histories.n_users, histories.n_items)
    seen = to_csr(ones, histories.user[kept], histories.item[kept], shape)
    pairs: Csr = (seen.T.tocsr() @ seen).tocsr()
    pairs.sort_indices()
    return pairs


def _nearest(pairs: Csr, counts: FloatArray, target: int, most: int) -> tuple[IntArray, FloatArray]:
    """(items with the highest cosine to a target, ascending; shoppers of each with the target), (k,) each."""
    start, stop = int(pairs.indptr[target]), int(pairs.indptr[target + 1])
    item, together = pairs.indices[start:stop].astype(np.int64), pairs.data[start:stop]
    other = item != target
    item, together = item[other], together[other]
    if len(item) > most:
        cosine = together / np.sqrt(counts[item])
        best = np.sort(np.argsort(-cosine, kind="stable")[:most])
        item, together = item[best], together[best]
    return item, together
