"""What the catalogue itself says about items: shared categories, shared brand."""

import numpy as np

from gnn.shop_arrays import FloatArray, IntArray, ShopArrays
from gnn.sparse_rows import Csr, row_numbers, to_csr


def category_rows(shop: ShopArrays) -> Csr | None:
    """Items by category, rows of unit length: the product of two rows is the cosine of their category
    sets; shape (n_items, categories). `None` where no item has a category."""
    pairs = shop.item_category
    if pairs is None or not len(pairs):
        return None
    n_categories = int(pairs[:, 1].max()) + 1
    rows = to_csr(np.ones(len(pairs), np.float32), pairs[:, 0], pairs[:, 1], (shop.n_items, n_categories))
    sizes = np.diff(rows.indptr)
    rows.data = (1.0 / np.sqrt(sizes[row_numbers(rows)])).astype(np.float32)
    return rows


def shared_category(rows: Csr, query: IntArray, columns: IntArray | None) -> FloatArray:
    """Cosine of category sets, shape (q, c); columns `None`: the whole catalogue."""
    targets = rows if columns is None else rows[columns]
    cosine: FloatArray = (rows[query] @ targets.T).toarray()
    return cosine


def shared_brand(brand: IntArray, query: IntArray, columns: IntArray | None) -> FloatArray:
    """1 where the brands are known and the same, else 0; shape (q, c)."""
    targets = brand if columns is None else brand[columns]
    own = brand[query][:, None]
    same: FloatArray = ((own == targets[None]) & (own >= 0)).astype(np.float32)
    return same
