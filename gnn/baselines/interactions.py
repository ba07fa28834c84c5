"""What most baselines learn from: who engaged with what, as a binary matrix."""

from typing import TypeAlias, TypeVar

import numpy as np
from scipy import sparse

from gnn.shop_arrays import FloatArray, ShopArrays

Csr: TypeAlias = "sparse.csr_array[np.float32]"
State = TypeVar("State")


def interaction_matrix(shop: ShopArrays) -> Csr:
    """1 where a user has an event of positive weight with an item, float32 CSR (n_users, n_items)."""
    kept = shop.weight > 0
    ones = np.ones(int(kept.sum()), np.float32)
    shape = (shop.n_users, shop.n_items)
    matrix = sparse.csr_array((ones, (shop.user[kept], shop.item[kept])), shape=shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    return matrix


def item_users(matrix: Csr) -> FloatArray:
    """Users of each item, shape (n_items,)."""
    return np.asarray(matrix.sum(axis=0), dtype=np.float32).ravel()


def without_diagonal(matrix: Csr) -> Csr:
    """An item is no neighbour of itself."""
    entries = matrix.tocoo()
    other = entries.row != entries.col
    places = (entries.row[other], entries.col[other])
    return sparse.csr_array((entries.data[other], places), shape=matrix.shape)


def co_users(matrix: Csr) -> Csr:
    """Users that two items share, CSR (n_items, n_items), empty diagonal."""
    return without_diagonal((matrix.T @ matrix).tocsr())


def dense_rows(matrix: Csr, rows: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> FloatArray:
    """Some rows as a float32 array (len(rows), n_items)."""
    return np.asarray(matrix[rows].toarray(), dtype=np.float32)


def fitted(state: State | None) -> State:
    """The state that `fit` left. Raises `RuntimeError` before it."""
    if state is None:
        raise RuntimeError("call fit first")
    return state
