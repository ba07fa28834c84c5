"""A full recomputation beside a mirror that goes on: events need not wait for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from gnn.fitted_ilk import FittedIlk
from gnn.fresh_rows import FreshRows
from gnn.live.live_batch import LiveEvents, LiveItems, Revision
from gnn.live.mirror import Mirror
from gnn.live.signal_difference import Tolerance, signal_difference
from gnn.live.touched_rows import paths_of
from gnn.shop_arrays import IntArray
from gnn.signals import ItemSignals
from gnn.typed_paths import TypedPaths

_FEW = 50
"""Events that whoever takes over may fold in: some ten milliseconds."""
_ROUNDS = 4


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


Fold = Callable[[Folded], FreshRows]


@dataclass(frozen=True)
class ReleaseLists:
    """Path lists of another release of the same events, but for rows that later events moved."""

    served: ItemSignals
    """Where those rows come from."""
    rows: Mapping[str, IntArray]
    """By path, ascending."""

    def paths(self, release: ItemSignals) -> TypedPaths:
        """All of them."""
        return paths_of(release, self.served, self.rows)


@dataclass
class Recomputation:
    """Made by `LiveSignals`; `run` may work in another thread, `LiveSignals.adopt` takes over.

    Memory while it lives: a copy of the mirror's dense arrays (37 bytes an event, 4 x d bytes a user, 8 x d
    an item), all signals once more, and the rows that differ from the release.
    """

    mirror: Mirror
    """A copy; changed by `run` alone until it is taken over."""
    release: FittedIlk
    """What is followed from then on."""
    lists: ReleaseLists | None
    """Where the path lists come from; `None`: they are computed anew, too."""
    through: int
    """Newest event that counts in the lists; what was folded in later is added."""
    tolerance: Tolerance
    fold: Fold
    """Folds into `mirror`."""
    since: list[Folded] = field(default_factory=list)
    """What was folded in since it began; only ever appended to."""
    fresh: FreshRows | None = None
    """Rows that differ from the release, once `run` is done; without what was folded in since."""
    later: FreshRows | None = None
    """Rows that moved by what was folded in since, as far as it was folded into `mirror`."""
    model: FittedIlk | None = None
    """The release with `fresh` and `later`."""
    _taken: int = 0

    def run(self) -> None:
        """Compute everything anew from the events that were there at the beginning, then fold in what came
        meanwhile, until only a few are left to whoever takes over."""
        lists = self.lists
        if lists is None:
            shop, signals = self.mirror.signals()
            fresh = signal_difference(self.release.signals, signals, self.tolerance)
        else:
            shop, signals = self.mirror.dense_signals(lists.paths(self.release.signals))
            fresh = signal_difference(self.release.signals, signals, self.tolerance, lists.rows)
        self.mirror.settle(shop, signals)
        self.model = self.release.with_fresh(fresh)
        for _ in range(_ROUNDS):
            if sum(len(one.events) for one in self.since[self._taken :]) <= _FEW:
                break
            self.catch_up()
        self.fresh = fresh

    def catch_up(self) -> None:
        """Fold what came since the last call into the copy."""
        assert self.model is not None, "run comes first"
        came = self.since[self._taken :]
        self._taken += len(came)
        for one in joined(came):
            fresh = self.fold(one)
            self.model = self.model.with_fresh(fresh)
            self.later = fresh if self.later is None else self.later.merged(fresh)


def joined(folded: list[Folded]) -> list[Folded]:
    """The same with fold-ins of events alone put together where they follow each other."""
    together: list[list[Folded]] = []
    for one in folded:
        if together and one.only_events and together[-1][-1].only_events:
            together[-1].append(one)
        else:
            together.append([one])
    return [group[0] if len(group) == 1 else _as_one(group) for group in together]


def _as_one(group: list[Folded]) -> Folded:
    batches = [one.events for one in group]
    columns = {name: np.concatenate([getattr(batch, name) for batch in batches]) for name in vars(batches[0])}
    return Folded(LiveEvents(**columns), None, None, group[0].removed, group[0].erased)
