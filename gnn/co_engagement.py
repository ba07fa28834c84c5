"""Co-engagement: how strongly two items follow each other in the shoppers' histories (relation K)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from gnn.histories import Histories
from gnn.shop_arrays import FloatArray, IntArray
from gnn.sparse_rows import (
    Csr,
    IndexArray,
    entries_of,
    row_blocks,
    row_sums,
    row_values_repeated,
    to_csr,
)


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


def pair_entries(
    histories: Histories, config: CoEngagementConfig
) -> tuple[IndexArray, IndexArray, FloatArray]:
    """(earlier item, later item, decayed count) of every pair of events, each (pairs,), items int32; pairs
    repeat. Twelve bytes a pair, of which an event has up to `window`: counted before they are made."""
    item, user = histories.item, histories.user
    root = np.sqrt(histories.weight)
    longest = int(np.diff(histories.indptr).max(initial=0))
    gaps = range(1, min(config.window, longest - 1) + 1)

    def together(gap: int) -> npt.NDArray[np.bool_]:
        found: npt.NDArray[np.bool_] = (user[gap:] == user[:-gap]) & (item[gap:] != item[:-gap])
        return found

    n = sum(int(np.count_nonzero(together(gap))) for gap in gaps)
    sources, targets, values = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.float32)
    start = 0
    for gap in gaps:
        pairs = np.flatnonzero(together(gap))
        part = slice(start, start + len(pairs))
        sources[part], targets[part] = item[pairs], item[pairs + gap]
        values[part] = root[pairs] * root[pairs + gap] * gap**-config.gap_decay
        start = part.stop
    return sources, targets, values


def pair_counts(histories: Histories, config: CoEngagementConfig) -> Csr:
    """Symmetric decayed counts, shape (n_items, n_items)."""
    one_way = _one_way(histories, config)
    both = (one_way + one_way.T).tocsr()
    both.sort_indices()
    return both


def _one_way(histories: Histories, config: CoEngagementConfig) -> Csr:
    source, target, value = pair_entries(histories, config)
    return to_csr(value, source, target, (histories.n_items, histories.n_items))


def degree_normalised(
    counts: Csr, strength: FloatArray, exponent: float, rows: IntArray | None = None
) -> Csr:
    """counts / ((s_row s_column)^exponent + 1).

    strength: row sums of the whole count matrix, (n_items,). rows: which rows `counts` holds (`None`: all).
    """
    own = strength if rows is None else strength[rows]
    data = np.empty(counts.nnz, np.float32)
    for block in row_blocks(counts):
        entries = entries_of(counts, block)
        product = (
            row_values_repeated(own, counts, block).astype(np.float64) * strength[counts.indices[entries]]
        )
        data[entries] = counts.data[entries] / (product**exponent + 1.0)
    # the places are shared: these matrices are never changed in place
    return sparse.csr_array((data, counts.indices, counts.indptr), shape=counts.shape)


def co_engagement(counts: Csr, config: CoEngagementConfig) -> Csr:
    """Relation K before the logarithm, from `pair_counts`; shape (n_items, n_items)."""
    return degree_normalised(counts, row_sums(counts), config.degree_exponent)
