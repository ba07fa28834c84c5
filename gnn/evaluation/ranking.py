"""Scores of the whole catalogue -> places of the true items, in blocks of bounded memory."""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from gnn.evaluation.cases import Pairs, TargetSets
from gnn.evaluation.errors import InvalidScores
from gnn.evaluation.metrics import Places, Values
from gnn.shop_arrays import FloatArray, IntArray

ScoreFn = Callable[[IntArray], FloatArray]
"""Queries (q,) -> scores (q, n_items), higher is better."""

_CELLS = 8_000_000
"""Scores held at once (32 MB as float32)."""
_MOST_ROWS = 512


def block_rows(n_items: int) -> int:
    """Queries scored at once."""
    return max(1, min(_MOST_ROWS, _CELLS // max(n_items, 1)))


def blocks(n: int, n_items: int) -> Iterator[slice]:
    """Consecutive ranges that cover 0..n-1."""
    size = block_rows(n_items)
    return (slice(start, min(start + size, n)) for start in range(0, n, size))


def checked_scores(score: ScoreFn, query: IntArray, n_items: int) -> FloatArray:
    """Scores that may be written to. Raises `InvalidScores` on a wrong shape or NaN."""
    scores = np.array(score(query), dtype=np.float32)  # a copy: models may hand out views
    if scores.shape != (len(query), n_items):
        raise InvalidScores(f"scores of shape {scores.shape}, not {(len(query), n_items)}")
    if np.isnan(scores).any():
        raise InvalidScores("scores hold NaN")
    return scores


def places_of(scores: FloatArray, row: IntArray, target: IntArray) -> Places:
    """Where targets stand in their row.

    Args:
        scores: Shape (r, c).
        row, target: Places in `scores`, shape (t,).
    """
    before, tied = np.empty(len(target), np.int64), np.empty(len(target), np.int64)
    for part in blocks(len(target), scores.shape[1]):
        rows = scores[row[part]]
        own = scores[row[part], target[part]][:, None]
        before[part] = np.count_nonzero(rows > own, axis=1)
        tied[part] = np.count_nonzero(rows == own, axis=1)
    return Places(before, tied)


def pair_ranks(score: ScoreFn, pairs: Pairs, n_items: int, among: IntArray | None = None) -> Values:
    """Expected rank of each pair's target for its query, the query itself left out; shape (m,).

    Args:
        among: Ascending items that compete (and hold every target); `None`: the whole catalogue.
    """
    rank = np.empty(len(pairs), np.float64)
    order = np.argsort(pairs.query, kind="stable")  # repeated queries are scored once per block
    for part in blocks(len(pairs), n_items):
        at = order[part]
        query, row = np.unique(pairs.query[at], return_inverse=True)
        scores = checked_scores(score, query, n_items)
        scores[np.arange(len(query)), query] = -np.inf
        target = pairs.target[at]
        if among is not None:
            scores, target = scores[:, among], np.searchsorted(among, target)
        rank[at] = places_of(scores, row, target).expected_rank
    return rank


def set_places(score: ScoreFn, sets: TargetSets, masked: TargetSets, n_items: int) -> Places:
    """Place of every target for its anchor, masked items left out; shape (t,).

    Args:
        masked: Items that an anchor is not shown; its cases are those of `sets`, and hold no target.
    """
    before, tied = np.empty(len(sets.target), np.int64), np.empty(len(sets.target), np.int64)
    for part in blocks(len(sets), n_items):
        scores = checked_scores(score, sets.anchor[part], n_items)
        hidden = _range(masked.case, part)
        scores[masked.case[hidden] - part.start, masked.target[hidden]] = -np.inf
        own = _range(sets.case, part)
        found = places_of(scores, sets.case[own] - part.start, sets.target[own])
        before[own], tied[own] = found.before, found.tied
    return Places(before, tied)


def _range(case: IntArray, part: slice) -> slice:
    """Places of the ascending `case` whose value lies in the range."""
    start, stop = np.searchsorted(case, [part.start, part.stop])
    return slice(int(start), int(stop))


def listed_items(scores: FloatArray, k: int) -> tuple[IntArray, npt.NDArray[np.bool_]]:
    """The k best items of each row, best first, and which of them count as listed, both shape (r, min(k, c)).

    An item is listed when its expected rank is below k: hundreds of items tied for the last places are no
    list, and neither is -inf.
    """
    k = min(k, scores.shape[1])
    top = np.argpartition(-scores, k - 1, axis=1)[:, :k]
    values = np.take_along_axis(scores, top, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    top, values = np.take_along_axis(top, order, axis=1), np.take_along_axis(values, order, axis=1)
    lowest = values[:, -1:]
    greater = np.count_nonzero(scores > lowest, axis=1)
    tied = np.count_nonzero(scores == lowest, axis=1)
    last_counts = greater + (tied - 1) / 2 < k
    return top, np.isfinite(values) & ((values > lowest) | last_counts[:, None])
