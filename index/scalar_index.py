"""A compact FAISS index: every coordinate as one byte (SQ8) or as a half-precision float."""

from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from index.errors import SnapshotError
from index.faiss_index import selector
from index.faiss_module import faiss_module
from index.query import Query, checked_matrix
from index.snapshot import IndexKind
from index.vector_index import Ids, Scores
from index.wrapped_index import WrappedIndex, read_faiss

FEWEST_TRAINED = 1
"""Rows from which SQ8 can take each coordinate's range."""


class FaissScalarIndex(WrappedIndex):
    """Every row compared, by FAISS, with its coordinates rounded: scores are those of the rounded rows, near
    ones may change places.

    Among rows that tie for the last place FAISS keeps any.
    """

    KINDS: ClassVar[dict[IndexKind, str]] = {IndexKind.SQ8: "QT_8bit", IndexKind.HALF: "QT_fp16"}

    def __init__(self, faiss_index: Any, kind: IndexKind) -> None:
        """Wrap a built FAISS index by inner product."""
        super().__init__(faiss_index)
        self.kind = kind

    @classmethod
    def build(cls, kind: IndexKind, matrix: npt.NDArray[np.float32]) -> Self:
        """Round a float32 matrix (n, d). SQ8 learns each coordinate's range from the rows. Raises
        `InvalidMatrix`."""
        rows = checked_matrix(matrix)
        faiss = faiss_module()
        quantiser = getattr(faiss.ScalarQuantizer, cls.KINDS[kind])
        index = faiss.IndexScalarQuantizer(rows.shape[1], quantiser, faiss.METRIC_INNER_PRODUCT)
        if len(rows) >= FEWEST_TRAINED:
            index.train(rows)
            index.add(rows)
        return cls(index, kind)

    def search(
        self, queries: npt.NDArray[np.float32], k: int, allowed: npt.NDArray[np.bool_] | None = None
    ) -> tuple[Ids, Scores]:
        """As the port says, of the rounded rows, but for ties at the last place."""
        query = Query.checked(queries, k, self.dim, self.size, allowed)
        if not len(query.vectors) or query.k == 0:
            return query.none_found()
        kept, parameters = selector(query)
        found = self._raw_search(query, query.k, parameters)
        del kept
        return found

    @classmethod
    def read(cls, path: Path, kind: IndexKind) -> Self:
        """Read the payload of a snapshot whose seal was checked. Raises `SnapshotError`."""
        found, faiss = read_faiss(path), faiss_module()
        wanted = getattr(faiss.ScalarQuantizer, cls.KINDS[kind])
        if not isinstance(found, faiss.IndexScalarQuantizer) or found.sq.qtype != wanted:
            raise SnapshotError(f"{path} holds a {type(found).__name__}, not rows rounded to {kind}")
        if found.metric_type != faiss.METRIC_INNER_PRODUCT:
            raise SnapshotError(f"{path} does not compare by inner product")
        return cls(found, kind)
