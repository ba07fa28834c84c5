"""The port of vector indexes: who lies nearest by inner product."""

from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float32]


class VectorIndex(Protocol):
    """Immutable once built. Rows are numbered 0..n-1 as in the matrix it was built from.

    `search` is safe from many threads at once.
    """

    @property
    def size(self) -> int:
        """Number of rows."""

    @property
    def dim(self) -> int:
        """Length of a row."""

    def search(
        self, queries: npt.NDArray[np.float32], k: int, allowed: npt.NDArray[np.bool_] | None = None
    ) -> tuple[Ids, Scores]:
        """Rows with the largest inner product, best first; ties by ascending row number.

        queries: float32 (q, dim). allowed: bool (n,), rows that may be returned (`None`: all).
        Returns ids int64 (q, k') and scores float32 (q, k') with k' = min(k, n); where fewer rows are
        allowed, the rest is id -1, score -inf. Raises `InvalidQuery` on a wrong shape, NaN or k < 1.
        """

    def save(self, path: Path) -> None:
        """Write one snapshot file (not atomic: the release writer renames)."""
