"""Models that are one sparse item-item matrix: scoring is the same for all of them."""

from gnn.baselines.interactions import Csr, dense_rows, fitted, interaction_matrix
from gnn.objective import Objective
from gnn.shop_arrays import FloatArray, IntArray, ShopArrays


class ItemNeighbours:
    """Base: a subclass says how the matrix comes about in `similarity`."""

    def __init__(self) -> None:
        self._interactions: Csr | None = None
        self._similarity: Csr | None = None

    def similarity(self, interactions: Csr) -> Csr:
        """Binary interactions (n_users, n_items) -> item-item scores (n_items, n_items), empty diagonal."""
        raise NotImplementedError

    def fit(self, shop: ShopArrays, seed: int) -> None:
        """Build the matrix."""
        self._interactions = interaction_matrix(shop)
        self._similarity = self.similarity(self._interactions)

    def score_similar(self, query: IntArray, objective: Objective) -> FloatArray:
        """Rows of the matrix; see `gnn.recommender`."""
        return dense_rows(fitted(self._similarity), query)

    def score_users(self, users: IntArray) -> FloatArray:
        """Sum of the rows of the user's items; see `gnn.recommender`."""
        rows = fitted(self._interactions)[users] @ fitted(self._similarity)
        return rows.toarray()
