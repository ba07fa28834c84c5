"""What `next` learns about relations, where the newest block has pairs enough to tell."""

import numpy as np
import numpy.typing as npt

from gnn.mix import MixExamples, carried_gains, fit_weights, standard_errors
from gnn.mix_config import Mix, RelationConfig
from gnn.shop_arrays import FloatArray, IntArray
from gnn.similar_features import SIMILAR_FEATURES, TREND_NAMES, SimilarFeatures

MOVED = ("embedding", "co_engaged", "text_co_engaged")
"""What is learned: what an item without events has none of, so that new items are ranked among each other as
before."""
RELATIONS = tuple(name for name in SIMILAR_FEATURES if name not in TREND_NAMES)
"""What of a score depends on the query: all but the trends."""

_LEAST_SCALE = 0.1
"""Below it the block says that the mix as a whole ranks little: nothing to take proportions from."""
_BLOCK_CELLS = 8_000_000
"""Features of the whole catalogue that are held at once (32 MB)."""


def with_learned_relations(
    features: SimilarFeatures, mix: Mix, query: IntArray, target: IntArray, config: RelationConfig
) -> Mix:
    """The mix with the weights of `MOVED` learned on the newest block, or as it is.

    The trends keep their weights: they were chosen on the same block, and more of them would take from
    the rarer targets what `gnn.trend_share` left them. So do texts and catalogue: the pairs lead to known
    items, and would teach that texts say little, while new items have nothing else. How large all scores are
    together is learned as well and taken out again: it ranks nothing, but a likelihood depends on it.

    What is learned is taken only if either half of the block teaches weights that rank the other half clearly
    better, both ways together. The halves are those of the block's time; where events carry no time the
    block's order is random, and the halves are two random ones.

    query, target: warm pairs of the newest block in its order, (p,).
    """
    widest = 2 * config.contenders + len(RELATIONS) * (config.contenders // 4)
    most = min(
        len(query),
        config.budget(widest, len(SIMILAR_FEATURES) + 1),
        config.max_looked_at // max(features.n_items, 1),
    )
    if most < max(config.min_pairs, 2):  # each half must teach something
        return dict(mix)
    at = np.linspace(0, len(query) - 1, most).astype(np.int64)
    examples, pair = contending(features, mix, query[at], target[at], config.contenders)
    if len(pair) < 2:
        return dict(mix)
    chosen = np.array([mix[name] for name in SIMILAR_FEATURES], np.float32)
    start = np.append(chosen, np.float32(0.0))
    free = np.array([*(name in MOVED for name in SIMILAR_FEATURES), True], np.float32)
    carried = carried_gains(examples, start, config, free)
    if standard_errors(carried, query[at][pair]) < config.min_carried:
        return dict(mix)
    weights = fit_weights(examples, start, config, free)
    scale = 1.0 + float(weights[-1])
    if not np.isfinite(weights).all() or scale < _LEAST_SCALE:
        return dict(mix)
    learned = (weights[:-1] + weights[-1] * chosen) / scale
    moved = dict(zip(SIMILAR_FEATURES, learned.tolist(), strict=True))
    return {name: moved[name] if name in MOVED else weight for name, weight in mix.items()}


def contending(
    features: SimilarFeatures, mix: Mix, query: IntArray, target: IntArray, contenders: int
) -> tuple[MixExamples, IntArray]:
    """Pairs seen among their query's strongest targets, and their places among the pairs given, ascending.

    Left out are pairs whose target is not among those: no weights near these bring it into a list of ten.
    The examples' last axis: `SIMILAR_FEATURES` and the score by `mix`. query, target: (p,), one at least.
    contenders: see `RelationConfig`.
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
    return MixExamples(joined, place, banned), pair


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
