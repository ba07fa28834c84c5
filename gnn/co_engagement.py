"""Co-engagement: how strongly two items follow each other in the shoppers' histories (relation K)."""

from dataclasses import dataclass

import numpy as np

from gnn.histories import Histories
from gnn.shop_arrays import FloatArray, IntArray
from gnn.sparse_rows import Csr, row_numbers, row_sums, to_csr


@dataclass(frozen=True)
class CoEngagementConfig:
    """How pairs of events of one user add up."""

    window: int = 30
    """Largest distance (in events of the user) of a pair; bounds one user's influence on an item."""
    gap_decay: float = 0.5
    """A pair at distance g counts g^-gap_decay."""
    degree_exponent: float = 0.3
    """Counts are divided by (s_a s_b)^degree_exponent + 1, s = an item's sum of counts: between raw counts
    (0, popular items win) and cosine (0.5, rare items win)."""


def pair_entries(histories: Histories, config: CoEngagementConfig) -> tuple[IntArray, IntArray, FloatArray]:
    """(earlier item, later item, decayed count) of every pair of events, each (pairs,); pairs repeat."""
    sources: list[IntArray] = [np.zeros(0, np.int64)]
    targets: list[IntArray] = [np.zeros(0, np.int64)]
    values: list[FloatArray] = [np.zeros(0, np.float32)]
    item, user = histories.item, histories.user
    root = np.sqrt(histories.weight)
    longest = int(np.diff(histories.indptr).max(initial=0))
    for gap in range(1, min(config.window, longest - 1) + 1):
        pairs = np.flatnonzero((user[gap:] == user[:-gap]) & (item[gap:] != item[:-gap]))
        sources.append(item[pairs])
        targets.append(item[pairs + gap])
        values.append((root[pairs] * root[pairs + gap] * gap**-config.gap_decay).astype(np.float32))
    return np.concatenate(sources), np.concatenate(targets), np.concatenate(values)


def pair_counts(histories: Histories, config: CoEngagementConfig) -> Csr:
    """Symmetric decayed counts, shape (n_items, n_items)."""
    source, target, value = pair_entries(histories, config)
    one_way = to_csr(value, source, target, (histories.n_items, histories.n_items))
    both = (one_way + one_way.T).tocsr()
    both.sort_indices()
    return both


def degree_normalised(
    counts: Csr, strength: FloatArray, exponent: float, rows: IntArray | None = None
) -> Csr:
    """counts / ((s_row s_column)^exponent + 1).

    strength: row sums of the whole count matrix, (n_items,). rows: which rows `counts` holds (`None`: all).
    """
    own = strength if rows is None else strength[rows]
    product = own[row_numbers(counts)].astype(np.float64) * strength[counts.indices]
    normalised = counts.copy()
    normalised.data = (counts.data / (product**exponent + 1.0)).astype(np.float32)
    return normalised


def co_engagement(counts: Csr, config: CoEngagementConfig) -> Csr:
    """Relation K before the logarithm, from `pair_counts`; shape (n_items, n_items)."""
    return degree_normalised(counts, row_sums(counts), config.degree_exponent)
