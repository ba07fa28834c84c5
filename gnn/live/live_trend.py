"""Counts and trend while events come in: every event ages all older ones by the same factor."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from gnn.shop_arrays import FloatArray, IntArray, ShopArrays
from gnn.trend import HALF_LIVES, decay_per_event, decayed_counts


@dataclass
class LiveTrend:
    """Changes in place. Memory: 32 bytes an item, 8 bytes an event."""

    unit: int
    """See `ItemSignals.trend_events`."""
    counts: npt.NDArray[np.float64]
    """Sum of the weights of an item's events, (n_items,)."""
    decayed: npt.NDArray[np.float64]
    """Per half-life, (4, n_items)."""
    known: IntArray
    """Times of the events that were there at the last full recomputation, ascending."""
    later: IntArray
    """Times of the events since, ascending."""

    @classmethod
    def of(cls, shop: ShopArrays, unit: int) -> Self:
        """From all events of a shop."""
        counts = np.bincount(shop.item, weights=shop.weight, minlength=shop.n_items)
        by_half_life = [decayed_counts(shop, half_life, unit) for half_life in HALF_LIVES]
        decayed = np.stack(by_half_life).astype(np.float64)
        return cls(unit, counts.astype(np.float64), decayed, shop.at, np.zeros(0, np.int64))

    def copy(self) -> Self:
        """An independent copy."""
        return type(self)(self.unit, self.counts.copy(), self.decayed.copy(), self.known, self.later)

    def grow(self, n_items: int) -> None:
        """Make room for new items."""
        missing = n_items - len(self.counts)
        if missing > 0:
            self.counts = np.pad(self.counts, (0, missing))
            self.decayed = np.pad(self.decayed, ((0, 0), (0, missing)))

    def fold(self, item: IntArray, at: IntArray, weight: FloatArray) -> npt.NDArray[np.float64]:
        """Count new events, (m,) each; returns the factor by which all others have aged, (4,).

        A late event counts at its age exactly; events newer than it are aged one step too far until the next
        full recomputation."""
        per_event = decay_per_event(self.unit)
        factor = np.power(per_event, float(len(item)), dtype=np.float64)
        newer = len(self.known) - np.searchsorted(self.known, at, side="right")
        newer += len(self.later) - np.searchsorted(self.later, at, side="right")
        order = np.lexsort((item, at))
        newer[order] += np.arange(len(item))[::-1]
        self.decayed *= factor[:, None]
        for place, step in enumerate(per_event):
            np.add.at(self.decayed[place], item, weight * step**newer)
        np.add.at(self.counts, item, weight)
        self.later = np.sort(np.concatenate([self.later, at]), kind="stable")
        return factor

    def recount(self, item: IntArray, change: FloatArray) -> None:
        """Events that were counted weigh differently now; their trend waits for the full recomputation."""
        np.add.at(self.counts, item, change)
        self.counts[np.abs(self.counts) < 1e-6] = 0.0

    def features(self, rows: IntArray) -> FloatArray:
        """`gnn.trend.trend_features` of some items, (4, m)."""
        return np.log1p(self.decayed[:, rows]).astype(np.float32)
