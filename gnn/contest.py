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
_BLOCK_CELLS = 8_000_000
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
    widest = 2 * config.contenders + len(RELATIONS) * (config.contenders // 4)
    most = min(
        len(query),
        config.budget(widest, len(SIMILAR_FEATURES) + 1),
        config.max_looked_at // max(features.n_items, 1),
    )
    if most < max(config.min_pairs, 2):  # each half must teach something
        return None
    at = np.linspace(0, len(query) - 1, most).astype(np.int64)
    found = contending(features, mix, query[at], target[at], config.contenders)
    return found if len(found) >= 2 else None


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
    in_order, queries = query[order], np.unique(query)
    rows = max(1, _BLOCK_CELLS // (features.n_items * len(SIMILAR_FEATURES)))
    found: list[tuple[FloatArray, npt.NDArray[np.bool_], IntArray, IntArray]] = []
    for start in range(0, len(queries), rows):
        some = queries[start : start + rows]
        stacked = features.stack(some)  # (q, n, f)
        columns, absent = _strongest(stacked, some, ways)
        first, last = np.searchsorted(in_order, [some[0], some[-1] + 1])
        pair = order[first:last]
        row = np.searchsorted(some, query[pair])
        here = (columns[row] == target[pair][:, None]) & ~absent[row]
        reached = here.any(axis=1)
        pair, row, place = pair[reached], row[reached], here[reached].argmax(axis=1)
        among = np.take_along_axis(stacked, columns[:, :, None], axis=1)  # (q, m, f)
        found.append((among[row], absent[row], place, pair))
    width = max(absent.shape[1] for _, absent, _, _ in found)
    pair = np.sort(np.concatenate([own for *_, own in found]))
    joined = np.zeros((len(pair), width, len(weights) + 1), np.float32)
    banned = np.ones((len(pair), width), np.bool_)
    place = np.zeros(len(pair), np.int64)
    while found:  # each part goes as soon as it is joined: together they may be 280 MB
        among, absent, reached_at, own = found.pop()
        at, wide = np.searchsorted(pair, own), among.shape[1]
        joined[at, :wide, :-1], joined[at, :wide, -1] = among, among @ weights
        banned[at, :wide], place[at] = absent, reached_at
    return Contest(MixExamples(joined, place, banned), query[pair], target[pair])


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
