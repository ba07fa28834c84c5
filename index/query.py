"""What every index checks before it searches or is built."""

import operator
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from index.errors import InvalidMatrix, InvalidQuery
from index.vector_index import Ids, Scores


@dataclass(frozen=True)
class Query:
    """A checked search: finite float32 vectors (q, dim), contiguous, and k clipped to the index's size."""

    vectors: npt.NDArray[np.float32]
    k: int
    allowed: npt.NDArray[np.bool_] | None
    """Rows that may be returned, shape (size,); `None`: all of them."""
    candidates: int
    """How many rows may be returned."""

    @classmethod
    def checked(
        cls,
        vectors: npt.NDArray[np.float32],
        k: int,
        dim: int,
        size: int,
        allowed: npt.NDArray[np.bool_] | None,
    ) -> Self:
        """Raises `InvalidQuery`."""
        candidates = size
        if allowed is not None:
            if allowed.dtype != np.bool_ or allowed.shape != (size,):
                raise InvalidQuery(
                    f"allowed must be bool of shape ({size},), not {allowed.dtype} {allowed.shape}"
                )
            candidates = int(np.count_nonzero(allowed))
        mask = allowed if candidates < size else None
        return cls(checked_queries(vectors, dim), min(checked_k(k), size), mask, candidates)

    @property
    def rows(self) -> npt.NDArray[np.int64] | None:
        """Allowed rows, ascending; `None`: all of them."""
        return None if self.allowed is None else np.flatnonzero(self.allowed)

    def only(self, positions: npt.NDArray[np.int64]) -> Self:
        """The same search for some of its vectors."""
        return replace(self, vectors=self.vectors[positions])

    def none_found(self) -> tuple[Ids, Scores]:
        """Ids -1 and scores -inf, each (q, k)."""
        shape = (len(self.vectors), self.k)
        return np.full(shape, -1, dtype=np.int64), np.full(shape, -np.inf, dtype=np.float32)


def checked_k(k: int) -> int:
    """Raises `InvalidQuery` unless k is a whole number of at least 1."""
    try:
        number = operator.index(k)
    except TypeError as error:
        raise InvalidQuery(f"k must be a whole number, not {k!r}") from error
    if number < 1:
        raise InvalidQuery(f"k is {number}; it must be at least 1")
    return number


def checked_queries(vectors: npt.NDArray[np.float32], dim: int) -> npt.NDArray[np.float32]:
    """float32 (q, dim), contiguous. Raises `InvalidQuery`."""
    if vectors.ndim != 2 or vectors.shape[1] != dim:
        raise InvalidQuery(f"queries must have shape (q, {dim}), not {vectors.shape}")
    if vectors.dtype.kind != "f" or not np.isfinite(vectors).all():
        raise InvalidQuery("queries must be floating point numbers without NaN or infinity")
    return np.ascontiguousarray(vectors, dtype=np.float32)


def checked_matrix(matrix: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The matrix, contiguous. Raises `InvalidMatrix` unless it is finite float32 of shape (n, d), d >= 1."""
    if matrix.ndim != 2 or matrix.shape[1] < 1 or matrix.dtype != np.float32:
        raise InvalidMatrix(f"vectors must be float32 of shape (n, d), not {matrix.dtype} {matrix.shape}")
    if not np.isfinite(matrix).all():
        raise InvalidMatrix("vectors must not hold NaN or infinity")
    return np.ascontiguousarray(matrix)
