"""Indexes of FAISS: flat and HNSW (Douze et al., "The Faiss library", 2024)."""

import math
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from index.errors import InvalidQuery, SnapshotError
from index.exact_scan import exact_scan
from index.faiss_module import faiss_module
from index.query import Query, checked_matrix
from index.recall import sampled_truth
from index.snapshot import IndexKind
from index.vector_index import Ids, Scores
from index.wrapped_index import WrappedIndex, read_faiss

WANTED_RECALL = 0.998
"""Of a sample's 10 nearest; two in a thousand missed is what a sample of 2,000 can still tell from none."""
ASKED = 200
WIDEST = 16
"""Times `EF_SEARCH`: 3 ms a search on 20,000 x 384, where an exact one takes 6."""


class FaissIndex(WrappedIndex, ABC):
    """What the FAISS indexes share that keep rows as they are."""

    faiss_type: ClassVar[str]

    def __init__(self, faiss_index: Any) -> None:
        """Wrap a built FAISS index by inner product."""
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
        faiss = faiss_module()
        if not self.size:
            return np.zeros((0, self.dim), dtype=np.float32)
        flat = faiss.rev_swig_ptr(self._storage().get_xb(), self.size * self.dim)
        view: npt.NDArray[np.float32] = np.asarray(_Owned(flat, self._index)).reshape(self.size, self.dim)
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


class FaissHnswIndex(FaissIndex):
    """Hierarchical navigable small world graph (Malkov and Yashunin, 2018): approximate, logarithmic time.

    It returns k rows wherever k are allowed; those it returns carry exact scores. Thousands of equal rows
    clog the graph around them (3,000 equal rows of 30,000: recall@10 .92); zero rows do not.
    """

    kind = IndexKind.HNSW
    faiss_type = "IndexHNSWFlat"

    NEIGHBOURS = 32
    EF_CONSTRUCTION = 80
    EF_SEARCH = 96
    """Candidates kept while searching, at least: recall@10 .9985 on 60,000 clustered rows; with a filter that
    lets half to a twentieth of them through .998 when it is random, .97 to .99 when it cuts through it.
    Rows without clusters need more (20,000 random ones of length 384: 768), see `build`."""
    SCAN_ROWS = 2_000
    SCAN_SHARE = 0.025
    """With so few rows allowed (the larger of both), comparing them all is quick and finds everything."""
    SCAN_K = 10
    """When every tenth row is asked for, walking the graph saves nothing."""

    def __init__(self, faiss_index: Any, ef_search: int | None = None) -> None:
        """ef_search: candidates kept while searching, >= 1; more finds more and takes longer (`None`: as
        `build` found it, which FAISS's file keeps, and not below `EF_SEARCH`)."""
        super().__init__(faiss_index)
        if ef_search is None:
            ef_search = max(self.EF_SEARCH, int(faiss_index.hnsw.efSearch))
        if ef_search < 1:
            raise InvalidQuery(f"ef_search is {ef_search}; it must be at least 1")
        self.ef_search = ef_search

    @classmethod
    def build(cls, matrix: npt.NDArray[np.float32]) -> Self:
        """Copy a float32 matrix (n, d), link its rows, and find out how wide a search has to be.

        How many candidates are enough depends on the rows: see `enough_candidates`. Raises `InvalidMatrix`.
        """
        rows = checked_matrix(matrix)
        faiss = faiss_module()
        index = faiss.IndexHNSWFlat(rows.shape[1], cls.NEIGHBOURS, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = cls.EF_CONSTRUCTION
        index.add(rows)
        index.hnsw.efSearch = enough_candidates(cls(index, cls.EF_SEARCH), rows)
        return cls(index)

    def _search(self, query: Query) -> tuple[Ids, Scores]:
        share = query.candidates / self.size  # a walk meets that share of rows that may be returned
        kept, parameters = selector(query, ef=math.ceil(max(self.ef_search, 2 * query.k) / share))
        ids, scores = self._raw_search(query, query.k, parameters)
        del kept
        expected = min(query.k, query.candidates)
        short = np.flatnonzero((ids >= 0).sum(axis=1) < expected)
        if len(short):
            ids[short], scores[short] = exact_scan(self._matrix, query.only(short))
        return ids, scores

    def _scan_instead(self, query: Query) -> bool:
        if query.k * self.SCAN_K >= self.size:
            return True
        few = max(self.SCAN_ROWS, int(self.SCAN_SHARE * self.size))
        return query.allowed is not None and query.candidates <= few

    def _storage(self) -> Any:
        return faiss_module().downcast_index(self._index.storage)


def enough_candidates(index: FaissHnswIndex, rows: npt.NDArray[np.float32]) -> int:
    """The least of `ef_search`, twice, four ... sixteen times that, which finds what an exact search does.

    Asked are `ASKED` evenly spread rows (float32 (n, d), the index's own) for their ten nearest; enough is a
    recall of `WANTED_RECALL`, or one that twice the width does not raise: some rows no walk comes to. Costs
    one exact search of these (a second of one processor for 200,000 x 453) and some walks. `index` is left
    with the width that was tried last.
    """
    wanted = sampled_truth(rows, k=10, asked=ASKED)
    enough, found = index.ef_search, wanted.found_by(index)
    widest = WIDEST * enough
    while found < WANTED_RECALL and index.ef_search < widest:
        index.ef_search *= 2
        more = wanted.found_by(index)
        if more <= found:
            break
        enough, found = index.ef_search, more
    return enough


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
