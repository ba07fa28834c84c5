"""The same list for everybody: what sells at present. Strong, and missing from most papers."""

from dataclasses import dataclass

import numpy as np

from gnn.baselines.interactions import fitted
from gnn.objective import Objective
from gnn.shop_arrays import FloatArray, IntArray, ShopArrays


@dataclass(frozen=True)
class RecentPopularityConfig:
    """Settings of `RecentPopularity`."""

    half_life: float = 0.01
    """Share of all events after which an event counts half."""


GRID = tuple(RecentPopularityConfig(half_life) for half_life in (0.001, 0.003, 0.01, 0.03, 0.1, 0.3))


class RecentPopularity:
    """Score = number of events of the item, an event losing half of its count per half-life."""

    name = "recent-popularity"
    deterministic = True

    def __init__(self, config: RecentPopularityConfig = RecentPopularityConfig()) -> None:
        self.config = config
        self._counts: FloatArray | None = None

    def fit(self, shop: ShopArrays, seed: int) -> None:
        """Sum decayed counts; age is counted in events, so that quiet months do not matter."""
        kept = shop.weight > 0
        age = np.arange(shop.n_events - 1, -1, -1) / max(shop.n_events, 1)
        decayed = np.power(0.5, age[kept] / self.config.half_life)
        counts = np.bincount(shop.item[kept], weights=decayed, minlength=shop.n_items)
        self._counts = counts.astype(np.float32)

    def score_similar(self, query: IntArray, objective: Objective) -> FloatArray:
        """See `gnn.recommender`; a read-only view."""
        counts = fitted(self._counts)
        return np.broadcast_to(counts, (len(query), len(counts)))

    def score_users(self, users: IntArray) -> FloatArray:
        """See `gnn.recommender`; a read-only view."""
        return self.score_similar(users, Objective.NEXT)
