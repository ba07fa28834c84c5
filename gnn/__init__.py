"""Models over arrays: Ilk's own (typed paths, trained embeddings, learned mix), evaluation and baselines."""

from gnn.fitted_ilk import FittedIlk
from gnn.fitting import STAGES, Fit, FitProgress, fit_with
from gnn.ilk_config import IlkConfig
from gnn.ilk_model import IlkModel
from gnn.objective import Objective
from gnn.recommender import Recommender
from gnn.served_model import MAX_CANDIDATES, ServedModel, Source
from gnn.shop_arrays import FloatArray, IntArray, ShopArrays

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
