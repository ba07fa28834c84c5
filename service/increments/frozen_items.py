"""Items that an increment must not change."""

from gnn import FittedIlk
from gnn.fresh_signals import replaced_signals
from gnn.live import Tolerance, signal_difference
from gnn.shop_arrays import IntArray
from service.live.model import without_rows

_EXACT = Tolerance(dense=0.0, paths=0.0)


def with_frozen(serving: FittedIlk, candidate: FittedIlk, frozen: IntArray) -> FittedIlk:
    """The candidate with some items' own rows as the serving model has them; as targets of others they change
    with those."""
    if not len(frozen):
        return candidate
    moved = without_rows(signal_difference(serving.signals, candidate.signals, _EXACT), frozen)
    signals = replaced_signals(serving.signals, moved)
    return FittedIlk(signals, candidate.mixes, candidate.user_mix, candidate.config, candidate.weights)
