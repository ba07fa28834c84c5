"""Models over arrays: Ilk's own (typed paths, trained embeddings, learned mix), evaluation and baselines.

What trains is imported when it is first asked for: a process that only serves never loads torch (seconds,
400 MB).
"""

from importlib import import_module
from typing import TYPE_CHECKING

from gnn.fitted_ilk import FittedIlk
from gnn.ilk_config import IlkConfig
from gnn.objective import Objective
from gnn.recommender import Recommender
from gnn.served_model import MAX_CANDIDATES, ServedModel, Source
from gnn.shop_arrays import FloatArray, IntArray, ShopArrays

if TYPE_CHECKING:
    from gnn.fitting import STAGES, Fit, FitProgress, fit_with
    from gnn.ilk_model import IlkModel

_ON_DEMAND = {
    "STAGES": "gnn.fitting",
    "Fit": "gnn.fitting",
    "FitProgress": "gnn.fitting",
    "IlkModel": "gnn.ilk_model",
    "fit_with": "gnn.fitting",
}

__all__ = [
    "MAX_CANDIDATES",
    "STAGES",
    "Fit",
    "FitProgress",
    "FittedIlk",
    "FloatArray",
    "IlkConfig",
    "IlkModel",
    "IntArray",
    "Objective",
    "Recommender",
    "ServedModel",
    "ShopArrays",
    "Source",
    "fit_with",
]


def __getattr__(name: str) -> object:
    if name not in _ON_DEMAND:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_ON_DEMAND[name]), name)
