"""How much the trends count for `next`: lifting the most popular items takes from all others."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from gnn.evaluation.cases import Pairs
from gnn.evaluation.metrics import single_ndcg_at_k
from gnn.evaluation.ranking import blocks, pair_ranks
from gnn.evaluation.slices import QUINTILES, popularity_quintile
from gnn.mix import standard_errors
from gnn.mix_config import Mix, TrendShareConfig
from gnn.shop_arrays import FloatArray, IntArray
from gnn.similar_features import TREND_NAMES, SimilarFeatures

Gains = npt.NDArray[np.float64]
"""NDCG@10 of pairs, or how much of it is gained, float64."""


def with_share(mix: Mix, share: float) -> Mix:
    """The same mix with the trends' weights times `share`."""
    return {name: weight * share if name in TREND_NAMES else weight for name, weight in mix.items()}


def share_of_trends(
    features: SimilarFeatures,
    mix: Mix,
    query: IntArray,
    target: IntArray,
    counts: IntArray,
    config: TrendShareConfig,
) -> float:
    """The share of the trends' weights that `mix` is to have: below 1, 1, or above.

    The smallest share below 1 with which targets outside the most popular fifth clearly gain, in both halves
    of the newest block's time, while all targets together lose no more than noise, in neither half. So what
    the mean does not need goes to the items that trends push down. Else the smallest share above 1 that ranks
    all targets clearly better, in both halves, and as well as the best such share but for noise: where what
    follows an item is mostly what sells at present. 1 where there is neither.

    query, target: warm pairs of the newest block in time order, (p,). counts: events of each item before the
    block, (n_items,).
    """
    shares = (*config.shares, *config.larger)
    if len(query) < config.min_pairs or not shares or not any(mix[name] for name in TREND_NAMES):
        return 1.0
    at = np.linspace(0, len(query) - 1, min(len(query), config.budget(features.n_items))).astype(np.int64)
    whole, *others = _ndcg(features, mix, query[at], target[at], (1.0, *shares))
    rarer = popularity_quintile(counts)[target[at]] < QUINTILES - 1
    ndcg = dict(zip(shares, others, strict=True))
    kept = [share for share in config.shares if _pays(ndcg[share] - whole, rarer, config.min_gain)]
    if kept:
        return min(kept)
    lifted = [share for share in config.larger if _lifts(ndcg[share] - whole, config)]
    best = max(lifted, key=lambda share: float(ndcg[share].mean()), default=1.0)
    alike = [share for share in lifted if standard_errors(ndcg[share] - ndcg[best]) >= -1.0]
    return min(alike, default=1.0)


def _ndcg(
    features: SimilarFeatures, mix: Mix, query: IntArray, target: IntArray, shares: Sequence[float]
) -> Gains:
    """NDCG@10 of each pair with each share of the trends, (shares, p)."""
    rest = with_share(mix, 0.0)
    trends = {name: mix[name] - weight for name, weight in rest.items()}
    found = np.empty((len(shares), len(query)), np.float64)
    for part in blocks(len(query), features.n_items):
        rows = np.unique(query[part])
        base, lift = features.score(rows, rest), features.score(rows, trends)
        nobody = np.zeros(len(query[part]), np.int64)  # whose pairs they are does not matter here
        pairs = Pairs(query[part], target[part], nobody)
        for row, share in enumerate(shares):
            ranks = pair_ranks(partial(_shared, rows, base, lift, share), pairs, features.n_items)
            found[row, part] = single_ndcg_at_k(ranks, 10)
    return found


def _shared(rows: IntArray, base: FloatArray, lift: FloatArray, share: float, asked: IntArray) -> FloatArray:
    at = np.searchsorted(rows, asked)
    scores: FloatArray = base[at] + np.float32(share) * lift[at]
    return scores


def _lifts(gain: Gains, config: TrendShareConfig) -> bool:
    """Whether all targets gain clearly, and by more than noise in both halves."""
    halves = gain[: len(gain) // 2], gain[len(gain) // 2 :]
    return standard_errors(gain) >= config.min_lift and all(standard_errors(half) >= 1.0 for half in halves)


def _pays(gain: Gains, rarer: npt.NDArray[np.bool_], min_gain: float) -> bool:
    """Whether the rarer targets gain clearly and in both halves, and all together lose no more than noise."""
    everything = np.arange(len(gain))
    halves = everything[: len(gain) // 2], everything[len(gain) // 2 :]
    return (
        standard_errors(gain[rarer]) >= min_gain
        and all(gain[half][rarer[half]].sum() >= 0 for half in halves)
        and all(standard_errors(gain[part]) >= -1.0 for part in (everything, *halves))
    )
