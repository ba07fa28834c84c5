"""FAISS's navigable graph for inner products of rows of any lengths."""

import logging
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from index.errors import InvalidQuery, SnapshotError
from index.exact_scan import ROW_BLOCK, exact_scan
from index.faiss_index import FaissIndex, selector
from index.faiss_module import faiss_module
from index.query import Query, checked_matrix
from index.recall import sampled_truth
from index.snapshot import IndexKind
from index.top_k import by_score_then_id, merged, top_k
from index.vector_index import Ids, Scores
from index.wrapped_index import read_faiss

logger = logging.getLogger(__name__)

WANTED_RECALL = 0.998
"""Of a sample's 10 nearest; two in a thousand missed is what a sample of 2,000 can still tell from none."""
ASKED = 200
MORE = 4
"""Coordinates beside a row's own. One makes rows equally long; in four, equal ones also keep apart."""
WIDEST = 16
"""Times `EF_SEARCH`: 3 ms a search on 20,000 x 384, where an exact one takes 6."""


class FaissHnswIndex(FaissIndex):
    """Hierarchical navigable small world graph (Malkov and Yashunin, 2018): approximate, logarithmic time.

    It returns k rows wherever k are allowed; those it returns carry exact scores.

    Rows are linked and walked by distance. More coordinates, as long together as the root of what a row's
    square lacks to the longest one's, make them all equally long, and a query has zeros there: the nearest by
    distance are then the best by inner product (Bachrach et al., "Speeding up the Xbox recommender system
    using a Euclidean transformation for inner-product spaces", RecSys 2014, with one such coordinate). Of
    equal rows, zero ones among them, each lies in a direction of its own there: at one place thousands would
    link to each other only, and the rows around them to nothing else. The `HEAD` longest rows are best for
    many queries and far from everything: no walk comes to them, so they are compared one by one, and the
    others are made as long as the longest of themselves.

    Of what is best by inner product for a shop's items and weights (rows 2 to 12 long) a graph linked by
    inner products found 3 to 22 %, this one 99.8 %.
    """

    kind = IndexKind.HNSW
    faiss_type = "IndexHNSWFlat"

    NEIGHBOURS = 32
    EF_CONSTRUCTION = 80
    EF_SEARCH = 192
    """Candidates kept while searching, at least: recall@10 .9985 on 60,000 clustered rows with half as many;
    with a filter that lets half to a twentieth of them through .998 when it is random, .97 to .99 when it
    cuts through it. Rows without clusters need more, see `build`."""
    HEAD = 2_000
    """Longest rows, compared one by one: a fifth of a millisecond a query and 3.5 MiB at 453 dimensions."""
    SCAN_ROWS = 2_000
    SCAN_SHARE = 0.025
    """With so few rows allowed (the larger of both), comparing them all is quick and finds everything."""
    SCAN_K = 10
    """When every tenth row is asked for, walking the graph saves nothing."""

    def __init__(
        self,
        faiss_index: Any,
        ef_search: int | None = None,
        longest: npt.NDArray[np.int64] | None = None,
    ) -> None:
        """ef_search: candidates kept while searching, >= 1; more finds more and takes longer (`None`: as
        `build` found it, which FAISS's file keeps, and not below `EF_SEARCH`). longest: `longest_rows` of the
        rows, where it is known already."""
        super().__init__(faiss_index)
        self._head = np.sort(longest_rows(self._matrix, self.HEAD) if longest is None else longest)
        self._head_rows = self._matrix[self._head]
        self._in_head = np.zeros(self.size, np.bool_)
        self._in_head[self._head] = True
        self._length = self._length_in_graph()
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
        index = faiss.IndexHNSWFlat(rows.shape[1] + MORE, cls.NEIGHBOURS, faiss.METRIC_L2)
        index.hnsw.efConstruction = cls.EF_CONSTRUCTION
        longest = longest_rows(rows, cls.HEAD)
        lacking = lacking_length(rows, longest)
        for block in row_ranges(len(rows)):  # a whole copy beside FAISS's own would be the peak
            index.add(np.hstack([rows[block], lacking[block]]))
        made = cls(index, cls.EF_SEARCH, longest)
        made.ef_search = index.hnsw.efSearch = enough_candidates(made, rows)
        return made

    @property
    def dim(self) -> int:
        """Length of a row."""
        return int(self._index.d) - MORE

    @classmethod
    def read(cls, path: Path) -> Self:
        """As `FaissIndex.read`; a graph linked by inner products, as once written, is built anew."""
        found, faiss = read_faiss(path), faiss_module()
        if type(found).__name__ != cls.faiss_type:
            raise SnapshotError(f"{path} holds a {type(found).__name__}, not a {cls.faiss_type}")
        if found.metric_type == faiss.METRIC_INNER_PRODUCT:
            logger.warning(
                "%s links rows by inner products and would find little: its %s rows are linked anew, now and "
                "at each opening until the next release",
                path,
                f"{found.ntotal:,}",
            )
            return cls.build(found.reconstruct_n(0, found.ntotal))
        return cls(found)

    def _search(self, query: Query) -> tuple[Ids, Scores]:
        share = query.candidates / self.size  # a walk meets that share of rows that may be returned
        kept, parameters = selector(query, ef=math.ceil(max(self.ef_search, 2 * query.k) / share))
        _, ids = self._index.search(self._as_long(query.vectors), query.k, params=parameters)
        del kept
        ids[self._in_head[ids]] = -1  # compared below; a row not found stands for the last one here
        walked = by_score_then_id(ids, self._scores(query.vectors, ids))
        ids, scores = merged(*walked, *self._best_of_head(query), query.k)
        expected = min(query.k, query.candidates)
        short = np.flatnonzero((ids >= 0).sum(axis=1) < expected)
        if len(short):
            ids[short], scores[short] = exact_scan(self._matrix, query.only(short))
        return ids, scores

    def _as_long(self, queries: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Queries (q, d) as long as the rows in the graph, with zeros for what rows lack, (q, d + MORE).

        Their length does not change what is nearest; beside much longer or shorter rows float32 would keep no
        digits of the difference.
        """
        length = np.linalg.norm(queries, axis=1, keepdims=True)
        scaled = queries * (self._length / np.where(length > 0, length, np.float32(1)))
        return np.pad(scaled, ((0, 0), (0, MORE)))

    def _best_of_head(self, query: Query) -> tuple[Ids, Scores]:
        """The best of the longest rows, as far as they are allowed, (q, up to k)."""
        head, rows = self._head, self._head_rows
        if query.allowed is not None:
            allowed = query.allowed[head]
            head, rows = head[allowed], rows[allowed]
        columns, scores = top_k(query.vectors @ rows.T, query.k)
        return head[columns], scores

    def _scores(self, queries: npt.NDArray[np.float32], ids: Ids) -> Scores:
        """Inner products with the rows found, (q, k); -inf where none was."""
        scores = np.empty(ids.shape, np.float32)
        for place, row in enumerate(ids):  # a gather for each: all at once are q x k x d
            scores[place] = self._matrix[row] @ queries[place]
        return np.where(ids < 0, np.float32(-np.inf), scores)

    def _scan_instead(self, query: Query) -> bool:
        if query.k * self.SCAN_K >= self.size:
            return True
        few = max(self.SCAN_ROWS, int(self.SCAN_SHARE * self.size))
        return query.allowed is not None and query.candidates <= few

    def _storage(self) -> Any:
        return faiss_module().downcast_index(self._index.storage)

    def _length_in_graph(self) -> np.float32:
        """Of every row but the head's, which are longer."""
        others = np.flatnonzero(~self._in_head)[:1]
        row = self._all_coordinates()[others if len(others) else slice(0, 1)]
        return np.float32(np.linalg.norm(row)) if row.any() else np.float32(1)

    def _view(self) -> npt.NDArray[np.float32]:
        return self._all_coordinates()[:, :-MORE]


def longest_rows(rows: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.int64]:
    """The `count` longest rows of (n, d), or all, in no order."""
    lacking = -np.einsum("nd,nd->n", rows, rows)
    return np.argpartition(lacking, count)[:count] if count < len(rows) else np.arange(len(rows))


def lacking_length(rows: npt.NDArray[np.float32], but: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Coordinates (n, MORE) that make rows (n, d), all `but` some, as long as the longest of them."""
    square = np.einsum("nd,nd->n", rows, rows)
    length = np.sqrt(np.maximum(np.delete(square, but).max(initial=0.0) - square, 0.0))
    direction = np.zeros((len(rows), MORE), np.float32)
    direction[:, 0] = 1.0
    rng = np.random.default_rng(0)
    seen_from = rows @ np.asarray(rng.normal(size=rows.shape[1]), np.float32)  # the same for equal rows
    _, first = np.unique(seen_from, return_index=True)
    again = np.ones(len(rows), np.bool_)
    again[first] = False
    any_way = rng.normal(size=(int(again.sum()), MORE)).astype(np.float32)
    direction[again] = any_way / np.linalg.norm(any_way, axis=1, keepdims=True)
    return np.asarray(direction * length[:, None], np.float32)


def row_ranges(count: int) -> Iterator[slice]:
    """All of so many rows in ranges of `ROW_BLOCK`."""
    return (slice(start, start + ROW_BLOCK) for start in range(0, count, ROW_BLOCK))


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
