"""How much the trends count for `next`, and which: lifting the most popular items takes from all others."""

from collections.abc import Sequence

import numpy as np

from gnn.evaluation.slices import QUINTILES, popularity_quintile
from gnn.mix import standard_errors
from gnn.mix_config import Mix, TrendShareConfig
from gnn.mix_ndcg import Gains, halves, ndcg_by_mix, rarer_gain
from gnn.shop_arrays import IntArray
from gnn.similar_features import TREND_NAMES, SimilarFeatures


def with_share(mix: Mix, share: float, spread: Sequence[float] = ()) -> Mix:
    """The same mix with the trends' weights times `share`; with `spread` (a part for each of `TREND_NAMES`)
    their sum is dealt out by it instead."""
    if not spread:
        return {name: weight * share if name in TREND_NAMES else weight for name, weight in mix.items()}
    total = share * sum(mix[name] for name in TREND_NAMES)
    dealt = {name: total * part for name, part in zip(TREND_NAMES, spread, strict=True)}
    return {name: dealt.get(name, weight) for name, weight in mix.items()}


def with_best_trends(
    features: SimilarFeatures,
    shipped: Mix,
    learned: Mix,
    query: IntArray,
    target: IntArray,
    counts: IntArray,
    config: TrendShareConfig,
) -> Mix:
    """The mix with the trends' weights that the newest block clearly asks for, or `learned`.

    The smallest share of the shipped trends below 1 with which targets outside the most popular fifth clearly
    gain, in both halves of the newest block's time, while all targets together lose no more than noise, in
    neither half, and the noise itself is small: where a hundred queries tell it, a loss of a third hides in
    it. So what the mean does not need goes to the items that trends push down.

    Else larger shares, spread as shipped or in a few other ways: what is bought next may be mostly what
    sells at present, and then how long "at present" is matters. Those count that rank all targets clearly
    better than the shipped weights, in both halves. Of these and `learned`, those that rank nearly as well as
    the best, and among them the one that ranks the targets outside the most popular fifth best.

    What follows the same item is often one shopper's basket or one campaign, so errors are those of queries,
    not of pairs: a block of a thousand pairs may have sixty queries.

    Halves are those of the block's order: of its time, or random where events carry none.

    query, target: warm pairs of the newest block in its order, (p,). counts: events of each item before the
    block, (n_items,).
    """
    smaller = [with_share(shipped, share) for share in sorted(config.shares)]
    larger = [with_share(shipped, share, way) for share in config.larger for way in ((), *config.spreads)]
    judged = min(len(query), config.budget(features.n_items))
    tried = judged >= config.min_pairs and (smaller or larger)
    if not tried or not any(shipped[name] for name in TREND_NAMES):
        return learned
    at = np.linspace(0, len(query) - 1, judged).astype(np.int64)
    mixes = [shipped, *smaller, *larger, learned]
    ndcg = ndcg_by_mix(features, query[at], target[at], mixes, TREND_NAMES)
    gain = ndcg - ndcg[0]
    rarer = popularity_quintile(counts)[target[at]] < QUINTILES - 1
    for place in range(1, 1 + len(smaller)):
        if rarer_gain(gain[place], rarer, query[at], config.min_gain, config.risked * float(ndcg[0].mean())):
            return mixes[place]
    lifted = [
        place for place in range(1 + len(smaller), len(mixes) - 1) if _lifts(gain[place], query[at], config)
    ]
    if not lifted:
        return learned
    good = [*lifted, len(mixes) - 1]
    mean = ndcg.mean(axis=1)
    enough = (1.0 - config.spent) * max(mean[place] for place in good)
    near = [place for place in good if mean[place] >= enough]
    return mixes[max(near, key=lambda place: float(ndcg[place, rarer].sum()))]


def _lifts(gain: Gains, query: IntArray, config: TrendShareConfig) -> bool:
    """Whether all targets gain clearly, and by more than noise in both halves."""
    return standard_errors(gain, query) >= config.min_lift and all(
        standard_errors(gain[half], query[half]) >= 1.0 for half in halves(len(gain))
    )
