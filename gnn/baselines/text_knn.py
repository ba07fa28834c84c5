"""Text and behaviour, each standardised per query, added up: what a shop builds in an afternoon."""

from dataclasses import dataclass

from gnn.baselines.item_knn import ItemKnn
from gnn.baselines.text import Text
from gnn.objective import Objective
from gnn.shop_arrays import FloatArray, IntArray, ShopArrays


@dataclass(frozen=True)
class TextKnnConfig:
    """Settings of `TextKnn`."""

    text_weight: float = 0.3
    """Of the text score; the score of item-kNN has weight 1."""


GRID = tuple(TextKnnConfig(weight) for weight in (0.1, 0.3, 0.5, 1.0, 2.0, 4.0))


class TextKnn:
    """Similar items only."""

    name = "text+knn"
    deterministic = True

    def __init__(self, config: TextKnnConfig = TextKnnConfig()) -> None:
        self.config = config
        self._text, self._knn = Text(), ItemKnn()

    def fit(self, shop: ShopArrays, seed: int) -> None:
        """Fit both. Raises `TextMissing` where the shop has no texts."""
        self._text.fit(shop, seed)
        self._knn.fit(shop, seed)

    def score_similar(self, query: IntArray, objective: Objective) -> FloatArray:
        """See `gnn.recommender`."""
        text = _standardised(self._text.score_similar(query, objective))
        return text * self.config.text_weight + _standardised(self._knn.score_similar(query, objective))

    def score_users(self, users: IntArray) -> None:
        """Does not serve users."""


def _standardised(scores: FloatArray) -> FloatArray:
    """Mean 0 and deviation 1 in each row."""
    mean = scores.mean(axis=1, keepdims=True)
    standardised: FloatArray = (scores - mean) / (scores.std(axis=1, keepdims=True) + 1e-9)
    return standardised
