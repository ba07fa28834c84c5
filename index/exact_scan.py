"""Inner products with every row, in bounded memory."""

import numpy as np
import numpy.typing as npt

from index.query import Query
from index.top_k import merged, top_k
from index.vector_index import Ids, Scores

QUERY_BLOCK = 64
ROW_BLOCK = 16_384
"""Rows per block: 4 MB of scores, and 25 MB of gathered rows at 384 dimensions."""


def exact_scan(matrix: npt.NDArray[np.float32], query: Query) -> tuple[Ids, Scores]:
    """Exact answer of a checked query over a float32 matrix (n, d), as `VectorIndex.search` promises."""
    ids, scores = query.none_found()
    if query.k == 0:
        return ids, scores
    rows = query.rows
    for start in range(0, len(query.vectors), QUERY_BLOCK):
        part = slice(start, start + QUERY_BLOCK)
        ids[part], scores[part] = _scan(matrix, query.vectors[part], query.k, rows)
    return ids, scores


def _scan(
    matrix: npt.NDArray[np.float32],
    vectors: npt.NDArray[np.float32],
    k: int,
    rows: npt.NDArray[np.int64] | None,
) -> tuple[Ids, Scores]:
    best_ids = np.full((len(vectors), k), -1, dtype=np.int64)
    best = np.full((len(vectors), k), -np.inf, dtype=np.float32)
    total = len(matrix) if rows is None else len(rows)
    for start in range(0, total, ROW_BLOCK):
        part = slice(start, start + ROW_BLOCK)
        block = matrix[part] if rows is None else matrix[rows[part]]
        columns, scores = top_k(vectors @ block.T, k)
        found = columns + start if rows is None else rows[part][columns]
        best_ids, best = merged(best_ids, best, found, scores, k)
    return best_ids, best
