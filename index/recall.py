"""What an approximate or rounded index misses."""

import numpy as np
import numpy.typing as npt

from index.exact_scan import exact_scan
from index.query import Query, checked_matrix
from index.vector_index import VectorIndex


def recall_of(index: VectorIndex, matrix: npt.NDArray[np.float32], k: int = 10, asked: int = 500) -> float:
    """Share of the k exactly nearest rows that the index finds, over evenly spread rows of the matrix (n, d).

    A row is left out where it is zero: nothing is near it. 1.0 where no row is left. Raises `InvalidMatrix`.
    """
    rows = checked_matrix(matrix)
    queries = rows[np.any(rows != 0, axis=1)]
    queries = queries[:: max(1, len(queries) // asked)][:asked]
    if not len(queries):
        return 1.0
    truth, _ = exact_scan(rows, Query.checked(queries, k, index.dim, len(rows), None))
    found, _ = index.search(queries, k)
    hits = sum(len(np.intersect1d(ours, theirs)) for ours, theirs in zip(found, truth, strict=True))
    return hits / truth.size
