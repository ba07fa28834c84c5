"""Item-based neighbours by shrunk cosine of their users (Sarwar et al. 2001)."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from gnn.baselines.interactions import Csr, co_users, item_users
from gnn.baselines.item_neighbours import ItemNeighbours


@dataclass(frozen=True)
class ItemKnnConfig:
    """Settings of `ItemKnn`."""

    shrink: float = 1.0
    """Added to the denominator: two users in common are weaker evidence than twenty."""
    exponent: float = 0.5
    """Of each item's number of users in the denominator; 0.5 is the cosine."""


GRID = tuple(ItemKnnConfig(shrink, exponent) for shrink in (1.0, 10.0, 50.0) for exponent in (0.3, 0.5))


class ItemKnn(ItemNeighbours):
    """Score of i and j = shared users / ((users_i users_j)^exponent + shrink); all neighbours are kept."""

    name = "item-knn"
    deterministic = True

    def __init__(self, config: ItemKnnConfig = ItemKnnConfig()) -> None:
        super().__init__()
        self.config = config

    def similarity(self, interactions: Csr) -> Csr:
        """See `ItemNeighbours`."""
        shared = co_users(interactions).tocoo()
        norm = np.power(np.maximum(item_users(interactions), 1.0), np.float32(self.config.exponent))
        data = shared.data / (norm[shared.row] * norm[shared.col] + np.float32(self.config.shrink))
        return sparse.csr_array((data.astype(np.float32), (shared.row, shared.col)), shape=shared.shape)
