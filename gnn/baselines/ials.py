"""Matrix factorisation for implicit feedback (Hu et al. 2008), by the library `implicit`."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from gnn.baselines.interactions import fitted, interaction_matrix, item_users
from gnn.evaluation.errors import ExtraMissing
from gnn.objective import Objective
from gnn.shop_arrays import FloatArray, IntArray, ShopArrays


@dataclass(frozen=True)
class IalsConfig:
    """Settings of `Ials`."""

    factors: int = 64
    """Length of the vectors."""
    regularisation: float = 0.05
    alpha: float = 10.0
    """Confidence in an interaction over a missing one."""
    iterations: int = 20
    threads: int = 2


GRID = tuple(IalsConfig(factors=factors, alpha=alpha) for factors in (64, 128) for alpha in (1.0, 10.0, 40.0))


class Ials:
    """Similar items by the cosine of item factors, users by the product of user and item factors."""

    name = "ials"

    def __init__(self, config: IalsConfig = IalsConfig()) -> None:
        self.config = config
        self._users: FloatArray | None = None
        self._items: FloatArray | None = None
        self._unit: FloatArray | None = None

    def fit(self, shop: ShopArrays, seed: int) -> None:
        """Alternate least squares. Raises `ExtraMissing` without the package `implicit`."""
        matrix = interaction_matrix(shop)
        # BLAS threads under implicit's own threads slow each other down many times over
        with threadpool_limits(1, "blas"):
            model = _als(self.config, seed)
            model.fit(sparse.csr_matrix(matrix), show_progress=False)
        self._users = np.asarray(model.user_factors, dtype=np.float32)
        self._items = np.asarray(model.item_factors, dtype=np.float32)
        self._unit = self._items / np.maximum(np.linalg.norm(self._items, axis=1, keepdims=True), 1e-9)
        self._unit[item_users(matrix) == 0] = 0.0  # their factors are noise

    def score_similar(self, query: IntArray, objective: Objective) -> FloatArray:
        """See `gnn.recommender`."""
        unit = fitted(self._unit)
        return unit[query] @ unit.T

    def score_users(self, users: IntArray) -> FloatArray:
        """See `gnn.recommender`."""
        return fitted(self._users)[users] @ fitted(self._items).T


def _als(config: IalsConfig, seed: int) -> Any:
    try:
        from implicit.cpu.als import AlternatingLeastSquares
    except ImportError as missing:
        raise ExtraMissing("ials needs the package implicit: pip install 'ilk[baselines]'") from missing
    return AlternatingLeastSquares(
        factors=config.factors,
        regularization=config.regularisation,
        alpha=config.alpha,
        iterations=config.iterations,
        random_state=seed,
        num_threads=config.threads,
    )
