"""The live path over arrays: events since a release become fresh rows, without training and without torch."""

from gnn.live.influence import InfluenceCaps
from gnn.live.live_batch import LiveEvents, LiveItems, Revision
from gnn.live.live_config import FoldLimits, LiveConfig
from gnn.live.live_signals import LiveSignals
from gnn.live.recomputation import Recomputation
from gnn.live.signal_difference import Tolerance, signal_difference

__all__ = [
    "FoldLimits",
    "InfluenceCaps",
    "LiveConfig",
    "LiveEvents",
    "LiveItems",
    "LiveSignals",
    "Recomputation",
    "Revision",
    "Tolerance",
    "signal_difference",
]
