"""What an approximate or rounded index misses."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from index.exact_scan import exact_scan
from index.query import Query, checked_matrix
from index.vector_index import Scores, VectorIndex

TIE = 1e-5
"""Inner products this close, in units of the largest that rows of their lengths can have, are equal: float32
sums in another order differ by 4e-7 of it, and which of two such rows is nearer says nothing of the index."""


@dataclass(frozen=True)
class SampledTruth:
    """Some queries, and how near the k rows are that an exact search finds."""

    rows: npt.NDArray[np.float32]
    """All rows, shape (n, d)."""
    queries: npt.NDArray[np.float32]
    """Shape (q, d)."""
    least: Scores
    """Score of the k-th nearest row, less what is a tie, shape (q,)."""
    k: int

    def found_by(self, index: VectorIndex) -> float:
        """Share of the k places for which the index finds a row as near; 1.0 where nothing was asked."""
        if not self.k or not len(self.queries):
            return 1.0
        found, _ = index.search(self.queries, self.k)
        scores = np.einsum("qd,qkd->qk", self.queries, self.rows[found])
        return float((scores >= self.least[:, None])[found >= 0].sum() / found.size)


def sampled_truth(
    matrix: npt.NDArray[np.float32], k: int, asked: int, queries: npt.NDArray[np.float32] | None = None
) -> SampledTruth:
    """How near the k nearest rows of the matrix (n, d) are to each of up to `asked` evenly spread queries.

    queries: (q, d); `None`: the rows themselves. One is left out where it is zero: nothing is near it. Raises
    `InvalidMatrix`.
    """
    rows = checked_matrix(matrix)
    queries = rows if queries is None else queries
    queries = queries[np.any(queries != 0, axis=1)]
    queries = queries[:: max(1, len(queries) // asked)][:asked]
    query = Query.checked(queries, k, rows.shape[1], len(rows), None)
    _, scores = exact_scan(rows, query)
    longest = np.linalg.norm(rows, axis=1).max(initial=0.0)
    tie = np.float32(TIE) * np.linalg.norm(queries, axis=1) * longest
    least = scores[:, -1] - tie if query.k else tie[:0]
    return SampledTruth(rows, queries, least, query.k)


def recall_of(
    index: VectorIndex,
    matrix: npt.NDArray[np.float32],
    k: int = 10,
    asked: int = 500,
    queries: npt.NDArray[np.float32] | None = None,
) -> float:
    """Share of the k nearest places for which the index finds a row as near as an exact search does.

    queries: what will be asked, (q, d), of which up to `asked` are; `None`: the rows of the matrix (n, d)
    themselves, which an approximate index finds more easily than anything else. 1.0 where nothing is left to
    ask for (see `sampled_truth`). Raises `InvalidMatrix`.
    """
    return sampled_truth(matrix, k, asked, queries).found_by(index)
