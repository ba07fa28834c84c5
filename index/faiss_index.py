"""Indexes of FAISS that keep rows as they are (Douze et al., "The Faiss library", 2024)."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from index.errors import SnapshotError
from index.exact_scan import exact_scan
from index.faiss_module import faiss_module
from index.query import Query, checked_matrix
from index.snapshot import IndexKind
from index.vector_index import Ids, Scores
from index.wrapped_index import WrappedIndex, read_faiss


class FaissIndex(WrappedIndex, ABC):
    """What the FAISS indexes share that keep rows as they are."""

    faiss_type: ClassVar[str]

    def __init__(self, faiss_index: Any) -> None:
        """Wrap a built FAISS index."""
        super().__init__(faiss_index)
        self._matrix = self._view()

    @property
    def faiss_index(self) -> Any:
        """The wrapped index; do not change it."""
        return self._index

    @property
    def matrix(self) -> npt.NDArray[np.float32]:
        """The rows, float32 (n, d), read-only; a view into FAISS's memory, which it keeps."""
        return self._matrix

    def search(
        self, queries: npt.NDArray[np.float32], k: int, allowed: npt.NDArray[np.bool_] | None = None
    ) -> tuple[Ids, Scores]:
        """As the port says."""
        query = Query.checked(queries, k, self.dim, self.size, allowed)
        if not len(query.vectors) or query.k == 0:
            return query.none_found()
        if self._scan_instead(query):
            return exact_scan(self._matrix, query)
        return self._search(query)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the payload of a snapshot whose seal was checked. Raises `SnapshotError`."""
        found, faiss = read_faiss(path), faiss_module()
        if type(found).__name__ != cls.faiss_type or found.metric_type != faiss.METRIC_INNER_PRODUCT:
            raise SnapshotError(
                f"{path} holds a {type(found).__name__}, not a {cls.faiss_type} by inner product"
            )
        return cls(found)

    @abstractmethod
    def _search(self, query: Query) -> tuple[Ids, Scores]:
        """Search with k >= 1 and rows to find."""

    @abstractmethod
    def _scan_instead(self, query: Query) -> bool:
        """Whether comparing the allowed rows one by one beats FAISS (in time or in recall)."""

    @abstractmethod
    def _storage(self) -> Any:
        """The FAISS index that holds the vectors."""

    def _view(self) -> npt.NDArray[np.float32]:
        """What `matrix` gives."""
        return self._all_coordinates()

    def _all_coordinates(self) -> npt.NDArray[np.float32]:
        """What FAISS keeps of each row, (n, width)."""
        width = int(self._index.d)
        if not self.size:
            return np.zeros((0, width), dtype=np.float32)
        flat = faiss_module().rev_swig_ptr(self._storage().get_xb(), self.size * width)
        view: npt.NDArray[np.float32] = np.asarray(_Owned(flat, self._index)).reshape(self.size, width)
        view.flags.writeable = False
        return view


class _Owned:
    """FAISS's memory with its owner: an array made of it keeps both."""

    def __init__(self, memory: npt.NDArray[np.float32], owner: Any) -> None:
        self.__array_interface__ = memory.__array_interface__
        self._owner = owner


class FaissFlatIndex(FaissIndex):
    """Every row compared, by FAISS; exact, ties included."""

    kind = IndexKind.FLAT
    faiss_type = "IndexFlatIP"

    @classmethod
    def build(cls, matrix: npt.NDArray[np.float32]) -> Self:
        """Copy a float32 matrix (n, d). Raises `InvalidMatrix`."""
        rows = checked_matrix(matrix)
        index = faiss_module().IndexFlatIP(rows.shape[1])
        index.add(rows)
        return cls(index)

    def _search(self, query: Query) -> tuple[Ids, Scores]:
        kept, parameters = selector(query)
        more = min(query.k + 1, self.size)
        ids, scores = self._raw_search(query, more, parameters)
        del kept
        if more > query.k:
            # FAISS keeps any of the rows that tie for the last place; ours is the first of them
            tied = np.flatnonzero((scores[:, query.k - 1] == scores[:, query.k]) & (ids[:, query.k] >= 0))
            ids, scores = ids[:, : query.k].copy(), scores[:, : query.k].copy()
            if len(tied):
                ids[tied], scores[tied] = exact_scan(self._matrix, query.only(tied))
        return ids, scores

    def _scan_instead(self, query: Query) -> bool:
        return query.candidates * 4 <= self.size

    def _storage(self) -> Any:
        return self._index


def selector(query: Query, ef: int | None = None) -> tuple[Any, Any]:
    """(What must stay alive during the search, FAISS's search parameters or `None`)."""
    faiss = faiss_module()
    settings: dict[str, Any] = {} if ef is None else {"efSearch": ef}
    bits = None
    if query.allowed is not None:
        bits = np.packbits(query.allowed, bitorder="little")
        settings["sel"] = faiss.IDSelectorBitmap(bits)
    if not settings:
        return None, None
    parameters = faiss.SearchParameters if ef is None else faiss.SearchParametersHNSW
    return (bits, settings.get("sel")), parameters(**settings)
