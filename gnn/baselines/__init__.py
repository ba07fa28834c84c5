"""Peers that Ilk is compared with, each an implementation of `gnn.recommender.Recommender`."""

from gnn.baselines.ease import Ease, EaseConfig
from gnn.baselines.ials import Ials, IalsConfig
from gnn.baselines.item_knn import ItemKnn, ItemKnnConfig
from gnn.baselines.lightgcn import LightGcn, LightGcnConfig
from gnn.baselines.popularity import Popularity
from gnn.baselines.recent_popularity import RecentPopularity, RecentPopularityConfig
from gnn.baselines.registry import BASELINES, baseline
from gnn.baselines.rp3beta import Rp3beta, Rp3betaConfig
from gnn.baselines.text import Text, TextConfig
from gnn.baselines.text_knn import TextKnn, TextKnnConfig
from gnn.baselines.tuning import Tuned, Tuning

__all__ = [
    "BASELINES",
    "Ease",
    "EaseConfig",
    "Ials",
    "IalsConfig",
    "ItemKnn",
    "ItemKnnConfig",
    "LightGcn",
    "LightGcnConfig",
    "Popularity",
    "RecentPopularity",
    "RecentPopularityConfig",
    "Rp3beta",
    "Rp3betaConfig",
    "Text",
    "TextConfig",
    "TextKnn",
    "TextKnnConfig",
    "Tuned",
    "Tuning",
    "baseline",
]
