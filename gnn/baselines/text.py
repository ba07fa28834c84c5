"""Similar texts, no behaviour at all: the only baseline that knows new items."""

from dataclasses import dataclass

import numpy as np

from gnn.baselines.interactions import Csr, fitted, interaction_matrix
from gnn.evaluation.errors import TextMissing
from gnn.objective import Objective
from gnn.shop_arrays import FloatArray, IntArray, ShopArrays


@dataclass(frozen=True)
class TextConfig:
    """Settings of `Text`."""

    whiten: float | None = None
    """`None`: embeddings as they are. Else they are centred and each principal axis is divided by this
    power of its spread: 0 only centres, 1 whitens fully."""


GRID = tuple(TextConfig(whiten) for whiten in (None, 0.0, 0.2, 0.35, 0.5, 1.0))


class Text:
    """Similar items by cosine of their texts, users by the sum over their items."""

    name = "text"
    deterministic = True

    def __init__(self, config: TextConfig = TextConfig()) -> None:
        self.config = config
        self._interactions: Csr | None = None
        self._vectors: FloatArray | None = None

    def fit(self, shop: ShopArrays, seed: int) -> None:
        """Take the texts. Raises `TextMissing` where the shop has none."""
        self._vectors = text_vectors(shop, self.config)
        self._interactions = interaction_matrix(shop)

    def score_similar(self, query: IntArray, objective: Objective) -> FloatArray:
        """See `gnn.recommender`."""
        vectors = fitted(self._vectors)
        return vectors[query] @ vectors.T

    def score_users(self, users: IntArray) -> FloatArray:
        """See `gnn.recommender`."""
        vectors = fitted(self._vectors)
        profile: FloatArray = fitted(self._interactions)[users] @ vectors
        return profile @ vectors.T


def text_vectors(shop: ShopArrays, config: TextConfig) -> FloatArray:
    """Unit-length text vectors, zeros of items without text; shape (n_items, d).

    Raises `TextMissing` where the shop has no texts.
    """
    text = shop.text if shop.whole_text is None else shop.whole_text
    if text is None or not text.any():
        raise TextMissing("the shop's items have no text embeddings")
    if config.whiten is None:
        return text
    known = text.any(axis=1)
    centred = text[known] - text[known].mean(axis=0)
    variance, axes = np.linalg.eigh(centred.T @ centred)
    spread = np.sqrt(np.maximum(variance, 0.0))
    # the floor keeps axes without spread from blowing up noise
    scale = np.power(spread / spread.max() + 1e-3, -config.whiten)
    rows = (centred @ axes) * scale
    vectors = np.zeros_like(text)
    vectors[known] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return vectors
