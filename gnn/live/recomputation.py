"""A full recomputation beside a mirror that goes on: events need not wait for it."""

from dataclasses import dataclass, field

import numpy as np

from gnn.fresh_rows import FreshRows
from gnn.live.live_batch import LiveEvents, LiveItems, Revision
from gnn.live.mirror import Mirror
from gnn.live.signal_difference import Tolerance, signal_difference
from gnn.shop_arrays import IntArray
from gnn.signals import ItemSignals


@dataclass(frozen=True)
class Folded:
    """What one fold-in took in, as the influence caps left it."""

    events: LiveEvents
    items: LiveItems | None
    revision: Revision | None
    removed: IntArray
    erased: IntArray

    @property
    def only_events(self) -> bool:
        """Nothing but events: such fold-ins in a row count like one."""
        return self.items is None and self.revision is None and not len(self.removed) + len(self.erased)


@dataclass
class Recomputation:
    """Made by `LiveSignals.recomputation`; `run` may work in another thread, `LiveSignals.adopt` takes over.

    Memory while it lives: a copy of the mirror's dense arrays (37 bytes an event, 4 x d bytes a user, 8 x d
    an item) and all signals once more.
    """

    mirror: Mirror
    """A copy; changed by `run` alone."""
    served: ItemSignals
    """What was served when it began."""
    tolerance: Tolerance
    since: list[Folded] = field(default_factory=list)
    """What was folded in since it began."""
    fresh: FreshRows | None = None
    """Rows that moved, once `run` is done."""

    def run(self) -> None:
        """Compute everything anew from the events that were there at the beginning."""
        shop, signals = self.mirror.signals()
        self.fresh = signal_difference(self.served, signals, self.tolerance)
        self.mirror.settle(shop, signals)

    def folded_since(self) -> list[Folded]:
        """What was folded in since, fold-ins of events alone put together where they follow each other."""
        together: list[list[Folded]] = []
        for one in self.since:
            if together and one.only_events and together[-1][-1].only_events:
                together[-1].append(one)
            else:
                together.append([one])
        return [group[0] if len(group) == 1 else _joined(group) for group in together]


def _joined(group: list[Folded]) -> Folded:
    batches = [one.events for one in group]
    columns = {name: np.concatenate([getattr(batch, name) for batch in batches]) for name in vars(batches[0])}
    return Folded(LiveEvents(**columns), None, None, group[0].removed, group[0].erased)
