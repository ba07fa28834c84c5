"""Three-step random walks with a discount for popular items (Paudel et al. 2017)."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from gnn.baselines.interactions import Csr, item_users, without_diagonal
from gnn.baselines.item_neighbours import ItemNeighbours


@dataclass(frozen=True)
class Rp3betaConfig:
    """Settings of `Rp3beta`."""

    alpha: float = 1.0
    """Power of the transition probabilities; 1 is the plain walk."""
    beta: float = 0.5
    """Power of the target's number of users by which a score is divided."""


GRID = tuple(Rp3betaConfig(alpha, beta) for alpha in (0.8, 1.0) for beta in (0.3, 0.5, 0.8))


class Rp3beta(ItemNeighbours):
    """Score of i and j = probability of walking item i -> user -> item j, over users_j^beta."""

    name = "rp3beta"
    deterministic = True

    def __init__(self, config: Rp3betaConfig = Rp3betaConfig()) -> None:
        super().__init__()
        self.config = config

    def similarity(self, interactions: Csr) -> Csr:
        """See `ItemNeighbours`."""
        users = np.maximum(item_users(interactions), 1.0)
        items = np.maximum(np.asarray(interactions.sum(axis=1), dtype=np.float32).ravel(), 1.0)
        alpha = self.config.alpha
        to_item = sparse.diags_array(np.power(items, -alpha)) @ interactions
        to_user = sparse.diags_array(np.power(users, -alpha)) @ interactions.T
        walk = without_diagonal((to_user @ to_item).tocsr())
        discount = sparse.diags_array(np.power(users, -self.config.beta))
        scores: Csr = (walk @ discount).tocsr().astype(np.float32)
        return scores
