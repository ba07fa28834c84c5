"""Category paths -> arrays for models."""

import numpy as np
import polars as pl

from gnn.shop_arrays import IntArray
from graph.frames import CATEGORY_SEPARATOR


def category_arrays(categories: pl.Series) -> tuple[IntArray, IntArray]:
    """Paths per item -> (item row, category) pairs (m, 2) and the parent of each category (c,), -1 at roots.

    Every ancestor is a category of its own; categories are numbered in the order of their paths.
    """
    rows = pl.DataFrame({"path": categories}).with_row_index("row").explode("path").drop_nulls().unique()
    paths = rows["path"].unique().to_list()
    known = {ancestor for path in paths for ancestor in _lineage(path)}
    number = {path: index for index, path in enumerate(sorted(known))}
    parents = np.array([number.get(_parent(path), -1) for path in sorted(known)], np.int64)
    codes = (
        rows["path"].replace_strict(number, return_dtype=pl.Int64) if number else rows["path"].cast(pl.Int64)
    )
    pairs = np.column_stack([rows["row"].to_numpy().astype(np.int64), codes.to_numpy()])
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))], parents


def _parent(path: str) -> str:
    return path.rpartition(CATEGORY_SEPARATOR)[0]


def _lineage(path: str) -> list[str]:
    """The path and all its ancestors."""
    parts = path.split(CATEGORY_SEPARATOR)
    return [CATEGORY_SEPARATOR.join(parts[:depth]) for depth in range(1, len(parts) + 1)]
