"""What the newest block's pairs compete with: each query's strongest targets, seen through the features."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gnn.mix import MixExamples
from gnn.mix_config import Mix, RelationConfig
from gnn.shop_arrays import FloatArray, IntArray
from gnn.similar_features import SIMILAR_FEATURES, TREND_NAMES, SimilarFeatures

RELATIONS = tuple(name for name in SIMILAR_FEATURES if name not in TREND_NAMES)
"""What of a score depends on the query: all but the trends."""
BLOCK_CELLS = 8_000_000
"""Features of the whole catalogue that are held at once (32 MB)."""


@dataclass(frozen=True)
class Contest:
    """Pairs whose target is among their query's strongest, in the block's order."""

    examples: MixExamples
    """The last axis of its features: `SIMILAR_FEATURES` and the score by the mix that chose them."""
    query: IntArray
    """Of each pair, (p,)."""
    target: IntArray
    """Of each pair, (p,): items, where the examples know columns."""

    def __len__(self) -> int:
        return len(self.query)


def contest_of(
    features: SimilarFeatures, mix: Mix, query: IntArray, target: IntArray, config: RelationConfig
) -> Contest | None:
    """The contest of as many pairs as `config` bounds, evenly from the block; `None` where they are too few
    or fewer than two are reached.

    query, target: warm pairs of the newest block in its order, (p,).
    """
    looked_at = pairs_looked_at(len(query), features.n_items, config)
    if not looked_at:
        return None
    at = np.linspace(0, len(query) - 1, looked_at).astype(np.int64)
    found = contending(features, mix, query[at], target[at], config.contenders)
    return found if len(found) >= 2 else None


def pairs_looked_at(n_pairs: int, n_items: int, config: RelationConfig) -> int:
    """Pairs of a contest in a block of so many; 0 where they are too few."""
    cells = config.budget(most_contenders(config.contenders), len(SIMILAR_FEATURES) + 1)
    most = min(n_pairs, cells, config.max_looked_at // max(n_items, 1))
    return most if most >= max(config.min_pairs, 2) else 0  # each half must teach something


def most_contenders(contenders: int) -> int:
    """Targets of one query at most, where none is its strongest in two ways."""
    return 2 * contenders + len(RELATIONS) * (contenders // 4)


def contending(
    features: SimilarFeatures, mix: Mix, query: IntArray, target: IntArray, contenders: int
) -> Contest:
    """The contest of all of some pairs, (p,), one at least.

    Left out are pairs whose target is not among their query's strongest: no weights near these bring it into
    a list of ten. contenders: see `RelationConfig`.
    """
    weights = np.array([mix[name] for name in SIMILAR_FEATURES], np.float32)
    apart = np.array([name in RELATIONS for name in SIMILAR_FEATURES], np.float32)
    ways = [(weights, contenders), (weights * apart, contenders)]
    alone = np.eye(len(weights), dtype=np.float32)
    ways += [(alone[place], contenders // 4) for place in np.flatnonzero(apart)]
    order = np.argsort(query, kind="stable")
    queries, first = np.unique(query[order], return_index=True)
    ends = np.append(first, len(order))
    rows = max(1, BLOCK_CELLS // (features.n_items * len(SIMILAR_FEATURES)))
    most = min(most_contenders(contenders), features.n_items)
    # row after row in one place, which takes memory as it is filled: parts to be joined would be held twice
    joined = np.zeros((len(query), most, len(weights) + 1), np.float32)
    banned = np.ones((len(query), most), np.bool_)
    place, pairs = np.zeros(len(query), np.int64), np.zeros(len(query), np.int64)
    size, width = 0, 1
    for start in range(0, len(queries), rows):
        some = queries[start : start + rows]
        stacked = features.stack(some)  # (q, n, f)
        columns, absent = _strongest(stacked, some, ways)
        among = np.take_along_axis(stacked, columns[:, :, None], axis=1)  # (q, m, f)
        scores, wide = among @ weights, columns.shape[1]
        for row in range(len(some)):
            own = order[ends[start + row] : ends[start + row + 1]]
            here = (columns[row] == target[own][:, None]) & ~absent[row]
            reached = here.any(axis=1)
            at = slice(size, size + int(reached.sum()))
            joined[at, :wide, :-1], joined[at, :wide, -1] = among[row], scores[row]
            banned[at, :wide] = absent[row]
            place[at], pairs[at] = here[reached].argmax(axis=1), own[reached]
            size = at.stop
        width = max(width, wide)
        del stacked  # not beside the next
    in_order = np.argsort(pairs[:size])
    _put_in_order(joined, in_order)
    _cut_down(joined, size, width)
    kept = pairs[in_order]
    examples = MixExamples(joined, place[in_order], banned[in_order, :width])
    return Contest(examples, query[kept], target[kept])


def _put_in_order(rows: FloatArray, source: IntArray) -> None:
    """Each of the first rows becomes what row `source` of it was, (p,), and none is held twice."""
    is_done = np.zeros(len(source), np.bool_)
    for first in range(len(source)):
        if is_done[first]:
            continue
        displaced, to = rows[first].copy(), first
        while source[to] != first:
            rows[to] = rows[source[to]]
            is_done[to], to = True, int(source[to])
        rows[to], is_done[to] = displaced, True


def _cut_down(joined: FloatArray, size: int, width: int) -> None:
    """Leave the first rows and columns of (p, m, f), in the same place; the rest of it is free again."""
    flat, n_features = joined.reshape(-1), joined.shape[2]
    one = width * n_features
    for row in range(size):  # never over a row that is still to come
        flat[row * one : (row + 1) * one] = joined[row, :width].reshape(-1)
    del flat  # nothing else sees this memory, which the check would not believe under a debugger
    joined.resize((size, width, n_features), refcheck=False)


def _strongest(
    stacked: FloatArray, query: IntArray, ways: list[tuple[FloatArray, int]]
) -> tuple[IntArray, npt.NDArray[np.bool_]]:
    """The best targets of each query by each of some weightings, the query itself left out: (columns, which
    are only there to fill up), both (q, m)."""
    n = stacked.shape[1]
    listed = np.zeros((len(query), n), np.bool_)
    for weights, many in ways:
        scores = stacked @ weights
        scores[np.arange(len(query)), query] = -np.inf
        best = np.argpartition(-scores, min(many, n - 1), axis=1)[:, :many]
        np.put_along_axis(listed, best, True, axis=1)
    listed[np.arange(len(query)), query] = False
    count = listed.sum(axis=1)
    columns = np.argsort(~listed, axis=1, kind="stable")[:, : max(int(count.max()), 1)]
    return columns.astype(np.int64), np.arange(columns.shape[1])[None] >= count[:, None]
