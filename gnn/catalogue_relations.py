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


def with_ancestors(pairs: IntArray, parent: IntArray | None, n_categories: int) -> IntArray:
    """(item, category) pairs with every ancestor of an item's categories added, unique, ascending; (m, 2).

    parent: parent of each category, -1 at roots; categories beyond its end have none.
    """
    above = np.full(n_categories, -1, np.int64)
    if parent is not None:
        above[: len(parent)] = parent
    item, category = pairs[:, 0], pairs[:, 1]
    found = [np.zeros(0, np.int64)]
    for _ in range(n_categories + 1):  # a path is at most as long as there are categories
        if not len(item):
            break
        found.append(item * n_categories + category)
        category = above[category]
        item, category = item[category >= 0], category[category >= 0]
    keys = np.unique(np.concatenate(found))
    width = max(n_categories, 1)
    return np.stack([keys // width, keys % width], axis=1)


def category_means(shop: ShopArrays) -> Csr | None:
    """Mean over an item's categories, ancestors included; (n_items, categories). `None` without any."""
    pairs, parent = shop.item_category, shop.category_parent
    if pairs is None or not len(pairs):
        return None
    n_categories = max(int(pairs[:, 1].max()) + 1, 0 if parent is None else len(parent))
    pairs = with_ancestors(pairs, parent, n_categories)
    counts = np.bincount(pairs[:, 0], minlength=shop.n_items)
    share = (1.0 / counts[pairs[:, 0]]).astype(np.float32)
    return to_csr(share, pairs[:, 0], pairs[:, 1], (shop.n_items, n_categories))


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
