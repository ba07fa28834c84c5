"""The typed paths while events come in: pair counts kept exact, rows of touched items computed anew."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from gnn.co_engagement import degree_normalised, pair_counts, pair_entries
from gnn.fresh_rows import RowPatch
from gnn.histories import Histories
from gnn.ilk_config import IlkConfig
from gnn.layered_rows import LayeredRows, flat
from gnn.live.live_text import LiveText
from gnn.shop_arrays import FloatArray, IntArray
from gnn.signals import ItemSignals
from gnn.sparse_rows import (
    Csr,
    empty_csr,
    keep_entries,
    log_scaled,
    row_sums,
    to_csr,
    top_per_row,
)
from gnn.typed_paths import PATH_NAMES

_NOTHING = 1e-5
"""What rounding leaves of a count that was taken away; the least count of a real pair is above .01."""


@dataclass(frozen=True)
class LivePaths:
    """Immutable; `folded` gives the next state. Memory: 8 bytes per stored pair of items (up to 60 pairs an
    event, far fewer where histories are short or repeat) and 400 bytes an item."""

    counts: LayeredRows
    """`gnn.co_engagement.pair_counts`, (n_items, n_items)."""
    strength: FloatArray
    """Its row sums, (n_items,)."""
    strongest: LayeredRows
    """Best co-engaged items of each, which take part in products, (n_items, n_items)."""

    @classmethod
    def of(cls, histories: Histories, signals: ItemSignals, config: IlkConfig) -> Self:
        """From all events of a shop and the signals made of them."""
        counts = pair_counts(histories, config.co_engagement)
        paths = cls._from(LayeredRows.over(counts), row_sums(counts), signals, config)
        return paths.grown(histories.n_items)

    def rebased(self, signals: ItemSignals, config: IlkConfig) -> Self:
        """The same counts beside freshly computed signals."""
        counts = self.counts if not self.counts.replaced_entries else self.counts.compacted()
        return self._from(counts, self.strength, signals, config)

    @classmethod
    def _from(
        cls, counts: LayeredRows, strength: FloatArray, signals: ItemSignals, config: IlkConfig
    ) -> Self:
        scaled = flat(signals.paths.matrices["co_engaged"])
        best = top_per_row(scaled, config.paths.hop_keep)
        raw = np.expm1(best.data) * np.float32(signals.paths.scales["co_engaged"])
        best = replaced_data(best, raw.astype(np.float32))
        return cls(counts, strength, LayeredRows.over(best))

    def counted(self, before: Histories, after: Histories, config: IlkConfig) -> tuple[Self, IntArray]:
        """(the next state with the pairs of some users' histories as they are, items whose pairs changed).

        before, after: the changed part of the histories, see `gnn.live.event_table.tails`."""
        n = self.counts.shape[0]
        gained, lost = (pair_entries(h, config.co_engagement) for h in (after, before))
        one, other = np.concatenate([gained[0], lost[0]]), np.concatenate([gained[1], lost[1]])
        value = np.concatenate([gained[2], -lost[2]])
        rows = np.union1d(one, other)
        place = np.searchsorted(rows, np.concatenate([one, other]))
        both = np.concatenate([value, value]), place, np.concatenate([other, one])
        delta = to_csr(both[0], both[1], both[2], (len(rows), n))
        summed = (self.counts.rows(rows) + delta).tocsr()
        summed.sort_indices()
        summed = keep_entries(summed, summed.data > _NOTHING)
        strength = self.strength.copy()
        strength[rows] = row_sums(summed)
        return replace(self, counts=self.counts.replaced(rows, summed, (n, n)), strength=strength), rows

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
        self, rows: IntArray, scales: dict[str, float], text: LiveText | None, config: IlkConfig, most: int
    ) -> tuple[Self, dict[str, RowPatch]]:
        """(the next state, path rows of some items). most: items whose products are computed, the first."""
        n = self.counts.shape[0]
        some = np.sort(rows[:most])
        rows = np.sort(rows)
        raw = degree_normalised(
            self.counts.rows(rows), self.strength, config.co_engagement.degree_exponent, rows
        )
        strongest = self.strongest.replaced(rows, top_per_row(raw, config.paths.hop_keep), (n, n))
        patches = {name: RowPatch.empty(n) for name in PATH_NAMES}
        if config.use_paths:
            patches["co_engaged"] = RowPatch(rows, log_scaled(raw, scales["co_engaged"]))
            if text is not None:
                for name, product in _products(some, strongest, text, config).items():
                    patches[name] = RowPatch(some, log_scaled(product, scales[name]))
        return replace(self, strongest=strongest), patches


def _products(rows: IntArray, strongest: LayeredRows, text: LiveText, config: IlkConfig) -> dict[str, Csr]:
    """Rows of NK, KN and NKN before the logarithm, as `gnn.typed_paths.text_products` has them."""
    keep, hop_keep = config.paths.keep, config.paths.hop_keep
    near = text.space.neighbours[rows]
    hop = strongest.left_product(near)
    hop.sort_indices()
    narrow = top_per_row(hop, hop_keep)
    return {
        "text_co_engaged": top_per_row(_without_own(hop, rows), keep),
        "co_engaged_text": _products_of_rows(strongest.rows(rows), text.to_text, rows, keep),
        "text_co_engaged_text": _products_of_rows(narrow, text.to_text, rows, keep),
    }


def _products_of_rows(left: Csr, right: Csr, rows: IntArray, keep: int) -> Csr:
    product = (left @ right).tocsr()
    product.sort_indices()
    return top_per_row(_without_own(product, rows), keep)


def _without_own(matrix: Csr, rows: IntArray) -> Csr:
    own = np.repeat(rows, np.diff(matrix.indptr)) == matrix.indices
    return keep_entries(matrix, ~own)


def replaced_data(matrix: Csr, data: FloatArray) -> Csr:
    """The same places with other values."""
    other = matrix.copy()
    other.data = data
    return other
