"""EASE: a linear autoencoder in closed form (Steck 2019)."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack

from gnn.baselines.interactions import Csr, fitted, interaction_matrix, item_users
from gnn.evaluation.errors import BaselineTooLarge
from gnn.objective import Objective
from gnn.shop_arrays import FloatArray, IntArray, ShopArrays

MAX_ITEMS = 16_000
"""Two float64 matrices of this side take 4 GB, the cubic time minutes."""


@dataclass(frozen=True)
class EaseConfig:
    """Settings of `Ease`."""

    regularisation: float = 200.0
    """Added to the diagonal of the co-occurrence matrix."""


GRID = tuple(EaseConfig(value) for value in (20.0, 50.0, 100.0, 200.0, 500.0, 1000.0))


class Ease:
    """Score of i and j = weight of i in the regression of j on all other items. Dense."""

    name = "ease"
    deterministic = True

    def __init__(self, config: EaseConfig = EaseConfig()) -> None:
        self.config = config
        self._interactions: Csr | None = None
        self._weights: FloatArray | None = None
        self._column: IntArray | None = None

    def fit(self, shop: ShopArrays, seed: int) -> None:
        """Invert. Raises `BaselineTooLarge` for more than `MAX_ITEMS` items."""
        if shop.n_items > MAX_ITEMS:
            raise BaselineTooLarge(
                f"ease inverts a dense matrix and takes up to {MAX_ITEMS} items; the shop has {shop.n_items}"
            )
        matrix = interaction_matrix(shop)
        warm = np.flatnonzero(item_users(matrix) > 0)  # the weights of all others are 0
        self._column = np.full(shop.n_items, -1, np.int64)
        self._column[warm] = np.arange(len(warm))
        self._interactions = matrix[:, warm]
        self._weights = ease_weights(self._interactions, self.config.regularisation)

    def score_similar(self, query: IntArray, objective: Objective) -> FloatArray:
        """Rows of the weights, zeros of items without users; see `gnn.recommender`."""
        weights, column = fitted(self._weights), fitted(self._column)
        rows = np.zeros((len(query), len(column)), np.float32)
        warm = np.flatnonzero(column[query] >= 0)
        rows[np.ix_(warm, np.flatnonzero(column >= 0))] = weights[column[query[warm]]]
        return rows

    def score_users(self, users: IntArray) -> FloatArray:
        """Sum of the rows of the user's items; see `gnn.recommender`."""
        column = fitted(self._column)
        scores = np.zeros((len(users), len(column)), np.float32)
        scores[:, column >= 0] = fitted(self._interactions)[users] @ fitted(self._weights)
        return scores


def ease_weights(interactions: Csr, regularisation: float) -> FloatArray:
    """B = I - P diag(P)^-1 with P the inverse of X'X + regularisation, shape (n_items, n_items)."""
    gram = (interactions.T @ interactions).toarray().astype(np.float64)
    if not len(gram):
        return gram.astype(np.float32)
    gram[np.diag_indices_from(gram)] += regularisation
    # positive definite: Cholesky takes half the time of a general inverse, and works in place
    factor, failed = lapack.dpotrf(gram, lower=1, overwrite_a=1)
    assert not failed, "X'X plus a positive diagonal is positive definite"
    inverse, failed = lapack.dpotri(factor, lower=1, overwrite_c=1)
    assert not failed
    diagonal = np.diagonal(inverse).copy()
    lower = np.tril(inverse, -1)
    weights: FloatArray = (-(lower + lower.T) / diagonal).astype(np.float32)
    return weights
