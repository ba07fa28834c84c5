"""The same list for everybody: what most users engaged with."""

import numpy as np

from gnn.baselines.interactions import fitted, interaction_matrix, item_users
from gnn.objective import Objective
from gnn.shop_arrays import FloatArray, IntArray, ShopArrays


class Popularity:
    """Score = number of distinct users of the item."""

    name = "popularity"
    deterministic = True

    def __init__(self) -> None:
        self._counts: FloatArray | None = None

    def fit(self, shop: ShopArrays, seed: int) -> None:
        """Count users."""
        self._counts = item_users(interaction_matrix(shop))

    def score_similar(self, query: IntArray, objective: Objective) -> FloatArray:
        """See `gnn.recommender`; a read-only view."""
        counts = fitted(self._counts)
        return np.broadcast_to(counts, (len(query), len(counts)))

    def score_users(self, users: IntArray) -> FloatArray:
        """See `gnn.recommender`; a read-only view."""
        return self.score_similar(users, Objective.NEXT)
