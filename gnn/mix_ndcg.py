"""How well mixes rank the newest block's pairs, where they differ by few weights."""

from collections.abc import Collection, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from gnn.evaluation.cases import Pairs
from gnn.evaluation.metrics import single_ndcg_at_k
from gnn.evaluation.ranking import blocks, pair_ranks
from gnn.mix import standard_errors
from gnn.mix_config import Mix
from gnn.shop_arrays import FloatArray, IntArray
from gnn.similar_features import SimilarFeatures

Gains = npt.NDArray[np.float64]
"""NDCG@10 of pairs, or how much of it is gained, float64."""


def ndcg_by_mix(
    features: SimilarFeatures,
    query: IntArray,
    target: IntArray,
    mixes: Sequence[Mix],
    moved: Collection[str],
) -> Gains:
    """NDCG@10 of each pair with each mix, over the whole catalogue, (mixes, p).

    moved: features whose weights differ. What the others add is computed once for all mixes that weigh them
    as the first does, which should be most. query, target: (p,).
    """
    rests = [{name: weight for name, weight in mix.items() if name not in moved} for mix in mixes]
    found = np.empty((len(mixes), len(query)), np.float64)
    for part in blocks(len(query), features.n_items):
        rows = np.unique(query[part])
        apart = {name: features.block(name, rows) for name in moved}
        nobody = np.zeros(len(query[part]), np.int64)  # whose pairs they are does not matter here
        pairs = Pairs(query[part], target[part], nobody)
        base = features.score(rows, rests[0])
        for row, (mix, rest) in enumerate(zip(mixes, rests, strict=True)):
            scores = base.copy() if rest == rests[0] else features.score(rows, rest)
            for name, block in apart.items():
                if mix[name]:
                    scores += np.float32(mix[name]) * block
            ranks = pair_ranks(partial(_looked_up, rows, scores), pairs, features.n_items)
            found[row, part] = single_ndcg_at_k(ranks, 10)
    return found


def halves(n: int) -> tuple[slice, slice]:
    """The older half of n pairs and the newer."""
    return slice(0, n // 2), slice(n // 2, n)


def rarer_gain(
    gain: Gains, rarer: npt.NDArray[np.bool_], query: IntArray, least: float, risked: float
) -> bool:
    """Whether the rarer targets gain clearly and in both halves of a block, and all together lose no more
    than noise, which with one standard error against them is at most `risked`.

    gain: of NDCG@10, query: whose pairs these are, (p,). rarer: which targets count as such. least: standard
    errors of queries that the rarer ones must gain.
    """
    parts = halves(len(gain))
    return (
        standard_errors(gain[rarer], query[rarer]) >= least
        and standard_errors(gain + risked, query) >= 1.0
        and all(gain[half][rarer[half]].sum() >= 0 for half in parts)
        and all(standard_errors(gain[part], query[part]) >= -1.0 for part in (slice(None), *parts))
    )


def _looked_up(rows: IntArray, scores: FloatArray, asked: IntArray) -> FloatArray:
    found: FloatArray = scores[np.searchsorted(rows, asked)]
    return found
