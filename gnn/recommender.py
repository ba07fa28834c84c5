"""The port of everything that can be evaluated: Ilk's own model and every baseline."""

from typing import Protocol

from gnn.objective import Objective
from gnn.shop_arrays import FloatArray, IntArray, ShopArrays


class Recommender(Protocol):
    """Learns from a shop, scores the whole catalogue; higher is better."""

    @property
    def name(self) -> str:
        """As in `ilk evaluate --models`."""

    def fit(self, shop: ShopArrays, seed: int) -> None:
        """Learn from all events of the shop. Any validation is cut from them inside (the newest)."""

    def score_similar(self, query: IntArray, objective: Objective) -> FloatArray:
        """Query items (q,) -> float32 (q, n_items). The query's own column means nothing."""

    def score_users(self, users: IntArray) -> FloatArray | None:
        """Users (u,) seen in `fit` -> float32 (u, n_items), history not masked; None: cannot."""
