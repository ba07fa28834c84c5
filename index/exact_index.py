"""The index that cannot be wrong: every row is compared, in NumPy."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from index.exact_scan import exact_scan
from index.query import Query, checked_matrix
from index.snapshot import IndexKind, seal
from index.vector_index import Ids, Scores


class ExactIndex:
    """Holds the matrix and scans it in blocks; memory beside the matrix is bounded (about 30 MB).

    The oracle of the other indexes, and good enough for some ten thousand rows.
    """

    def __init__(self, matrix: npt.NDArray[np.float32]) -> None:
        """matrix: float32 (n, d), not copied when contiguous: do not change it. Raises `InvalidMatrix`."""
        self._matrix = checked_matrix(matrix)

    @property
    def size(self) -> int:
        """Number of rows."""
        return len(self._matrix)

    @property
    def dim(self) -> int:
        """Length of a row."""
        return int(self._matrix.shape[1])

    def search(
        self, queries: npt.NDArray[np.float32], k: int, allowed: npt.NDArray[np.bool_] | None = None
    ) -> tuple[Ids, Scores]:
        """As the port says."""
        return exact_scan(self._matrix, Query.checked(queries, k, self.dim, self.size, allowed))

    def save(self, path: Path) -> None:
        """Write a `.npy` file with a seal at its end (readers of `.npy` ignore that)."""
        with path.open("wb") as file:
            np.save(file, self._matrix, allow_pickle=False)
        seal(path, IndexKind.EXACT, self.size, self.dim)

    @classmethod
    def read(cls, path: Path) -> "ExactIndex":
        """Read the payload of a snapshot whose seal was checked."""
        with path.open("rb") as file:
            return cls(np.load(file, allow_pickle=False))
