"""How little popularity counts for `together`: co-engagement alone leans towards what everybody buys."""

import numpy as np

from gnn.evaluation.slices import QUINTILES, popularity_quintile
from gnn.mix_config import Mix, PopularityShareConfig
from gnn.mix_ndcg import ndcg_by_mix, rarer_gain
from gnn.shop_arrays import IntArray
from gnn.similar_features import SimilarFeatures

POPULARITY = "trend_always"
"""Log of an item's counts of all times."""


def with_less_popularity(
    features: SimilarFeatures,
    mix: Mix,
    query: IntArray,
    target: IntArray,
    counts: IntArray,
    config: PopularityShareConfig,
) -> Mix:
    """The mix with popularity weighed less, as far as the newest block's rarer targets gain and the mean does
    not mind; or as it is.

    Counts of pairs grow with both items' popularity, of which K's normalisation takes a fixed part back, the
    same for every shop. A negative weight of log counts takes back more. Those amounts pay with which targets
    outside the most popular fifth gain clearly, and in both halves of the block, while all targets together
    lose no more than noise, in neither half, and clearly no more than `config.spent`; of these the one that
    ranks the rarer targets best is taken. Errors are those of queries, as in `gnn.trend_share`.

    query, target: warm pairs of the newest block in its order, (p,). counts: events of each item before the
    block, (n_items,).
    """
    judged = min(len(query), config.budget(features.n_items))
    if judged < config.min_pairs or not config.amounts:
        return dict(mix)
    at = np.linspace(0, len(query) - 1, judged).astype(np.int64)
    mixes = [mix, *({**mix, POPULARITY: mix[POPULARITY] - amount} for amount in config.amounts)]
    ndcg = ndcg_by_mix(features, query[at], target[at], mixes, (POPULARITY,))
    rarer, risked = popularity_quintile(counts)[target[at]] < QUINTILES - 1, config.spent * ndcg[0].mean()
    good = [
        place
        for place in range(1, len(mixes))
        if rarer_gain(ndcg[place] - ndcg[0], rarer, query[at], config.min_gain, risked)
    ]
    return dict(mixes[max(good, key=lambda place: float(ndcg[place, rarer].sum()), default=0)])
