"""The graph network's forward pass in numpy: what serving and the updater compute without torch.

The formulas are those of `gnn.embedding_model`: with A the symmetrically normalised user-item matrix,
items are x + A^T A x. A test holds both to the same results.
"""

import numpy as np

from gnn.shop_arrays import FloatArray
from gnn.sparse_rows import Csr, row_sums, scaled
from gnn.text_space import unit_rows


def normalised(interactions: Csr) -> Csr:
    """weight / sqrt(degree of the user x degree of the item), (n_users, n_items)."""
    users, items = row_sums(interactions), column_sums(interactions)
    return scaled(interactions, rows=_inverse_root(users), columns=_inverse_root(items))


def column_sums(matrix: Csr) -> FloatArray:
    """Sum of each column, (columns,)."""
    return np.bincount(matrix.indices, weights=matrix.data, minlength=matrix.shape[1]).astype(np.float32)


def propagated(x: FloatArray, interactions: Csr, layers: int) -> tuple[FloatArray, FloatArray]:
    """(items of unit length, what an item adds to its users), each (n_items, dim).

    x: layer 0, (n_items, dim). interactions: weights, (n_users, n_items).
    """
    to_users = normalised(interactions)
    to_items = to_users.T.tocsr()
    total, current = x, x
    for _ in range(2, layers + 1, 2):
        current = to_items @ (to_users @ current)
        total = total + current
    side = x + to_items @ (to_users @ x) if layers > 2 else x
    degree = np.maximum(column_sums(interactions), np.float32(1.0))
    return unit_rows(total), (side / np.sqrt(degree)[:, None]).astype(np.float32)


def _inverse_root(sums: FloatArray) -> FloatArray:
    return (1.0 / np.sqrt(np.where(sums > 0, sums, 1.0))).astype(np.float32)
