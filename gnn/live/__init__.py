"""The live path over arrays: events since a release become fresh rows, without training and without torch."""

from gnn.live.signal_difference import Tolerance, signal_difference

__all__ = ["Tolerance", "signal_difference"]
