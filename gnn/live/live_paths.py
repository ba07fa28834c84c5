"""The typed paths while events come in: pair counts kept exact, rows of touched items computed anew."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from gnn.co_engagement import degree_normalised, pair_counts, pair_entries
from gnn.fresh_rows import RowPatch
from gnn.histories import Histories
from gnn.ilk_config import IlkConfig
from gnn.layered_rows import LayeredRows, flat
from gnn.live.live_config import FoldLimits
from gnn.live.live_text import LiveText
from gnn.live.pending_pairs import PendingPairs
from gnn.shop_arrays import FloatArray, IntArray
from gnn.signals import ItemSignals
from gnn.sparse_rows import (
    Csr,
    empty_csr,
    keep_entries,
    log_scaled,
    row_sums,
    top_of_unsorted,
    top_per_row,
)
from gnn.typed_paths import PATH_NAMES

_NOTHING = 1e-5
"""What rounding leaves of a count that was taken away; the least count of a real pair is above .01."""


_FLUSH_SHARE = 0.02
_FLUSH_AT_LEAST = 100_000
"""Pending changes of pairs are written into the rows at this share of all pairs, and not below this."""


@dataclass(frozen=True)
class LivePaths:
    """Immutable; `counted` and `folded` give the next state. Memory: 8 bytes per stored pair of items (up to
    60 pairs an event, far fewer where histories are short or repeat) and 400 bytes an item."""

    counts: LayeredRows
    """`gnn.co_engagement.pair_counts` without what is pending, (n_items, n_items)."""
    pending: PendingPairs
    strength: FloatArray
    """Row sums of the counts, what is pending included, (n_items,)."""
    strongest: LayeredRows
    """Best co-engaged items of each, which take part in products, (n_items, n_items)."""

    @classmethod
    def of(cls, histories: Histories, signals: ItemSignals, config: IlkConfig) -> Self:
        """From all events of a shop and the signals made of them."""
        counts = pair_counts(histories, config.co_engagement)
        strongest = _strongest(signals, config)
        paths = cls(LayeredRows.over(counts), PendingPairs.none(), row_sums(counts), strongest)
        return paths.grown(histories.n_items)

    def flushed(self) -> Self:
        """The same with nothing pending and one flat matrix of counts."""
        paths = self.written() if len(self.pending) else self
        counts = paths.counts
        if counts.replaced_entries or counts.shape != counts.base.shape:
            counts = counts.compacted()
        return replace(paths, counts=counts, strength=row_sums(counts.base))

    def rebased(self, signals: ItemSignals, config: IlkConfig) -> Self:
        """The same counts beside freshly computed signals."""
        return replace(self, strongest=_strongest(signals, config))

    def written(self) -> Self:
        """The same with what is pending put into the rows."""
        rows = self.pending.rows
        counts = self.counts.replaced(rows, self._rows(rows), self.counts.shape)
        return replace(self, counts=counts, pending=PendingPairs.none())

    def _rows(self, rows: IntArray) -> Csr:
        """Counts of some rows (ascending), what is pending included."""
        summed = (self.counts.rows(rows) + self.pending.of(rows, self.counts.shape[1])).tocsr()
        summed.sort_indices()
        return keep_entries(summed, summed.data > _NOTHING)

    def counted(self, before: Histories, after: Histories, config: IlkConfig) -> tuple[Self, IntArray]:
        """(the next state with the pairs of some users' histories as they are, items whose pairs changed).

        before, after: the changed part of the histories, see `gnn.live.event_table.tails`. The items come in
        the order of how much of their counts changed."""
        gained, lost = (pair_entries(h, config.co_engagement) for h in (after, before))
        one, other = (np.concatenate([gained[end], lost[end]]).astype(np.int64) for end in (0, 1))
        value = np.concatenate([gained[2], -lost[2]])
        pending, rows, moved = self.pending.added(one, other, value)
        change = np.concatenate([value, value])
        strength = self.strength.astype(np.float64)
        np.add.at(strength, np.concatenate([one, other]), change)
        paths = replace(self, pending=pending, strength=np.maximum(strength, 0.0).astype(np.float32))
        if len(pending) > max(_FLUSH_SHARE * self.counts.nnz, _FLUSH_AT_LEAST):
            paths = paths.written()
        return paths, rows[np.argsort(-moved / (paths.strength[rows] + 1.0), kind="stable")]

    def grown(self, n_items: int) -> Self:
        """Room for more items."""
        shape, none, nothing = (n_items, n_items), np.zeros(0, np.int64), empty_csr(0, n_items)
        strength = np.zeros(n_items, np.float32)
        strength[: len(self.strength)] = self.strength
        return replace(
            self,
            counts=self.counts.replaced(none, nothing, shape),
            strength=strength,
            strongest=self.strongest.replaced(none, nothing, shape),
        )

    def folded(
        self,
        rows: IntArray,
        scales: dict[str, float],
        text: LiveText | None,
        config: IlkConfig,
        most: FoldLimits,
    ) -> tuple[Self, dict[str, RowPatch], int]:
        """(the next state, path rows of some items as far as the limits go, rows left out). rows: the most
        important first."""
        n = self.counts.shape[0]
        within = np.cumsum(self.counts.length[rows], dtype=np.int64) <= most.entries
        within[: most.always] = True
        chosen = rows[within]
        some, chosen_sorted = np.sort(chosen[: most.products]), np.sort(chosen)
        raw = degree_normalised(
            self._rows(chosen_sorted), self.strength, config.co_engagement.degree_exponent, chosen_sorted
        )
        best = top_per_row(raw, config.paths.hop_keep)
        strongest = self.strongest.replaced(chosen_sorted, best, (n, n))
        patches = {name: RowPatch.empty(n) for name in PATH_NAMES}
        if config.use_paths:
            patches["co_engaged"] = RowPatch(chosen_sorted, log_scaled(raw, scales["co_engaged"]))
            if text is not None:
                for name, product in _products(some, strongest, text, config).items():
                    patches[name] = RowPatch(some, log_scaled(product, scales[name]))
        return replace(self, strongest=strongest), patches, len(rows) - len(chosen)


def _strongest(signals: ItemSignals, config: IlkConfig) -> LayeredRows:
    """From the path's logarithm back to the entries that products are made of."""
    best = top_per_row(flat(signals.paths.matrices["co_engaged"]), config.paths.hop_keep)
    raw = np.expm1(best.data) * np.float32(signals.paths.scales["co_engaged"])
    return LayeredRows.over(replaced_data(best, raw.astype(np.float32)))


def _products(rows: IntArray, strongest: LayeredRows, text: LiveText, config: IlkConfig) -> dict[str, Csr]:
    """Rows of NK, KN and NKN before the logarithm, as `gnn.typed_paths.text_products` has them."""
    keep, hop_keep = config.paths.keep, config.paths.hop_keep
    near = text.space.neighbours[rows]
    hop = strongest.left_product(near)
    narrow = top_of_unsorted(hop, hop_keep)
    return {
        "text_co_engaged": top_of_unsorted(_without_own(hop, rows), keep),
        "co_engaged_text": _products_of_rows(strongest.rows(rows), text.to_text, rows, keep),
        "text_co_engaged_text": _products_of_rows(narrow, text.to_text, rows, keep),
    }


def _products_of_rows(left: Csr, right: Csr, rows: IntArray, keep: int) -> Csr:
    return top_of_unsorted(_without_own((left @ right).tocsr(), rows), keep)


def _without_own(matrix: Csr, rows: IntArray) -> Csr:
    own = np.repeat(rows, np.diff(matrix.indptr)) == matrix.indices
    return keep_entries(matrix, ~own)


def replaced_data(matrix: Csr, data: FloatArray) -> Csr:
    """The same places with other values."""
    other = matrix.copy()
    other.data = data
    return other
