"""Co-engagement: how strongly two items follow each other in the shoppers' histories (relation K)."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from gnn.histories import Histories
from gnn.shop_arrays import FloatArray, IntArray
from gnn.sparse_rows import (
    Csr,
    IndexArray,
    entries_of,
    ranges,
    row_blocks,
    row_pointers,
    row_sums,
    row_values_repeated,
    stacked,
    to_csr,
)

_PAIRS_PER_BLOCK = 1_500_000
"""Pairs of events, or entries, that are worked on together: some 50 MiB."""


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
    histories: Histories, config: CoEngagementConfig, places: IntArray | None = None
) -> tuple[IndexArray, IndexArray, FloatArray]:
    """(earlier item, later item, decayed count) of every pair of events, each (pairs,), items int32; pairs
    repeat. Twelve bytes a pair, of which an event has up to `window`.

    places: events of `histories` that come first in the pairs, ascending; `None`: all.
    """
    item, root = histories.item, np.sqrt(histories.weight)
    if places is None:
        places = np.arange(len(item))
    left = histories.indptr[1:][histories.user[places]] - 1 - places  # later events of the same user
    most = int(np.minimum(left, config.window).sum())
    sources, targets, values = np.empty(most, np.int32), np.empty(most, np.int32), np.empty(most, np.float32)
    start = 0
    for gap in range(1, min(config.window, int(left.max(initial=0))) + 1):
        reach = left >= gap
        if not reach.all():
            places, left = places[reach], left[reach]
        pairs = places[item[places] != item[places + gap]]
        part = slice(start, start + len(pairs))
        sources[part], targets[part] = item[pairs], item[pairs + gap]
        values[part] = root[pairs] * root[pairs + gap] * gap**-config.gap_decay
        start = part.stop
    return sources[:start], targets[:start], values[:start]


def pair_counts(histories: Histories, config: CoEngagementConfig) -> Csr:
    """Symmetric decayed counts, shape (n_items, n_items).

    Made by blocks of rows: beside the result there are the counts one way, at most as large, and one block of
    pairs. All pairs at once would be twelve bytes each, 30 an event."""
    n = histories.n_items
    return stacked(_both_ways(stacked(_one_way(histories, config), n)), n)


def _one_way(histories: Histories, config: CoEngagementConfig) -> Iterator[Csr]:
    """Counts of (earlier, later) item, by blocks of rows. In a row the pairs are in the order in which
    `pair_entries` gives them all, so sums have the same bits whatever the blocks."""
    n, by_item = histories.n_items, np.argsort(histories.item, kind="stable")
    ends = np.append(0, np.cumsum(np.bincount(histories.item, minlength=n)))
    for rows in ranges(ends * config.window, _PAIRS_PER_BLOCK):
        places = np.sort(by_item[ends[rows.start] : ends[rows.stop]])
        source, target, value = pair_entries(histories, config, places)
        source -= np.int32(rows.start)
        yield to_csr(value, source, target, (rows.stop - rows.start, n))


def _both_ways(one_way: Csr) -> Iterator[Csr]:
    """One way and the other added up, by blocks of rows. Of each row of the other way's, the columns of a
    block follow those of the block before, so every entry is fetched once."""
    entries = np.diff(one_way.indptr).astype(np.int64)
    for block in row_blocks(one_way):
        entries += np.bincount(one_way.indices[entries_of(one_way, block)], minlength=len(entries))
    begin = one_way.indptr[:-1].astype(np.int64)
    for rows in ranges(np.append(0, np.cumsum(entries)), _PAIRS_PER_BLOCK):
        end = _first_not_below(one_way, begin, rows.stop)
        both = (one_way[rows] + _columns(one_way, begin, end, rows).T).tocsr()
        both.sort_indices()
        yield both
        begin = end


def _first_not_below(matrix: Csr, begin: IntArray, column: int) -> IntArray:
    """In each row, from the place `begin` on, the first entry whose column is not below that one, (rows,);
    all rows are bisected at once."""
    low, high = begin.copy(), matrix.indptr[1:].astype(np.int64)
    while len(undecided := np.flatnonzero(low < high)):
        middle = (low[undecided] + high[undecided]) // 2
        below = matrix.indices[middle] < column
        low[undecided[below]] = middle[below] + 1
        high[undecided[~below]] = middle[~below]
    return low


def _columns(matrix: Csr, begin: IntArray, end: IntArray, columns: slice) -> Csr:
    """Some columns, given the places of their first entry and behind their last one in each row."""
    indptr = row_pointers(end - begin)
    places = np.arange(indptr[-1]) + np.repeat(begin - indptr[:-1], end - begin)
    shape = (matrix.shape[0], columns.stop - columns.start)
    return sparse.csr_array(
        (matrix.data[places], matrix.indices[places] - np.int32(columns.start), indptr), shape=shape
    )


def degree_normalised(
    counts: Csr,
    strength: FloatArray,
    exponent: float,
    rows: IntArray | None = None,
    *,
    in_place: bool = False,
) -> Csr:
    """counts / ((s_row s_column)^exponent + 1).

    strength: row sums of the whole count matrix, (n_items,). rows: which rows `counts` holds (`None`: all).
    in_place: the counts are overwritten.
    """
    own = strength if rows is None else strength[rows]
    data = counts.data if in_place else np.empty(counts.nnz, np.float32)
    for block in row_blocks(counts):
        entries = entries_of(counts, block)
        product = (
            row_values_repeated(own, counts, block).astype(np.float64) * strength[counts.indices[entries]]
        )
        data[entries] = counts.data[entries] / (product**exponent + 1.0)
    # the places are shared: these matrices are never changed in place
    return sparse.csr_array((data, counts.indices, counts.indptr), shape=counts.shape)


def co_engagement(counts: Csr, config: CoEngagementConfig, *, in_place: bool = False) -> Csr:
    """Relation K before the logarithm, from `pair_counts`; shape (n_items, n_items). in_place: the counts are
    overwritten."""
    return degree_normalised(counts, row_sums(counts), config.degree_exponent, in_place=in_place)
