"""Purchases that refunds took back: gone for whoever learns after the refund, there for who learns before."""

from dataclasses import dataclass

import numpy as np

from gnn.shop_arrays import FloatArray, IntArray


@dataclass(frozen=True)
class TakenBack:
    """What refunds left of earlier events; an event may stand here several times."""

    event: IntArray
    """Position of the event, shape (r,)."""
    at: IntArray
    """Time of the refund, microseconds UTC, shape (r,)."""
    kept: FloatArray
    """Share of the event's weight that is left once it and the refunds before it happened, shape (r,)."""

    def since(self, start: int) -> "TakenBack":
        """The same for a shop that begins at position `start`."""
        later = self.event >= start
        return TakenBack(self.event[later] - start, self.at[later], self.kept[later])

    def left_of(self, weight: FloatArray, start: int, until: int) -> FloatArray:
        """Weights of the events from position `start` on, shape (n,), by the refunds up to a time."""
        seen = (self.at <= until) & (self.event >= start) & (self.event < start + len(weight))
        share = np.ones(len(weight), np.float32)
        np.minimum.at(share, self.event[seen] - start, self.kept[seen])
        return np.asarray(weight * share, np.float32)
