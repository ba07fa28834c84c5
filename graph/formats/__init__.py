"""Any shop's files as clean frames: `open_shop` recognises them and gives a `ShopReader`."""

from graph.formats.counts import Counts
from graph.formats.opening import FORMATS, open_shop
from graph.formats.problem import Outcome, Problem, Reason
from graph.formats.shop_reader import Batch, ShopReader

__all__ = ["FORMATS", "Batch", "Counts", "Outcome", "Problem", "Reason", "ShopReader", "open_shop"]
