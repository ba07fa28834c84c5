"""An index of FAISS in our terms: its size, its answers, its file."""

from pathlib import Path
from typing import Any

import numpy as np

from index.errors import SnapshotError
from index.faiss_module import faiss_module
from index.query import Query
from index.snapshot import IndexKind, seal
from index.top_k import by_score_then_id
from index.vector_index import Ids, Scores


class WrappedIndex:
    """Never changed after it was built: searching is then safe from many threads, adding would not be."""

    kind: IndexKind

    def __init__(self, faiss_index: Any) -> None:
        """Wrap a built FAISS index."""
        self._index = faiss_index

    @property
    def size(self) -> int:
        """Number of rows."""
        return int(self._index.ntotal)

    @property
    def dim(self) -> int:
        """Length of a row."""
        return int(self._index.d)

    def save(self, path: Path) -> None:
        """Write FAISS's own format with a seal at its end (`faiss.read_index` ignores that)."""
        faiss_module().write_index(self._index, str(path))
        seal(path, self.kind, self.size, self.dim)

    def _raw_search(self, query: Query, k: int, parameters: Any) -> tuple[Ids, Scores]:
        """FAISS's answer in our terms: nothing found is id -1, score -inf; ties by ascending row."""
        scores, ids = self._index.search(query.vectors, k, params=parameters)
        return by_score_then_id(ids, np.where(ids < 0, np.float32(-np.inf), scores))


def read_faiss(path: Path) -> Any:
    """FAISS's index in a file. Raises `SnapshotError`."""
    try:
        return faiss_module().read_index(str(path))
    except RuntimeError as error:
        raise SnapshotError(f"{path}: FAISS cannot read it") from error
