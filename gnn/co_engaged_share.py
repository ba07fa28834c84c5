"""How much co-engagement counts for `together`: the more shoppers a shop has, the more K alone can tell."""

import numpy as np

from gnn.mix import standard_errors
from gnn.mix_config import CoEngagedShareConfig, Mix
from gnn.mix_ndcg import halves, ndcg_by_mix
from gnn.shop_arrays import IntArray
from gnn.similar_features import SimilarFeatures

CO_ENGAGED = "co_engaged"


def with_more_co_engagement(
    features: SimilarFeatures, mix: Mix, query: IntArray, target: IntArray, config: CoEngagedShareConfig
) -> Mix:
    """The mix with the weight of K times what the newest block clearly asks for, or as it is.

    Learning moves all weights together, on a thousand pairs, half of the way, so it cannot follow where a
    large shop's pairs lead by one of them. One number can be chosen on ten times as many pairs: of the
    factors with which all targets gain clearly, and something in both halves of the newest block, the
    smallest that ranks them nearly as well as the best does. Often large ones rank alike, and the rarest
    targets, which texts find, pay for them. Errors are those of queries, as in `gnn.trend_share`. An item
    without events has no K: new items keep their order among each other.

    query, target: warm pairs of the newest block in its order, (p,).
    """
    judged = min(len(query), config.budget(features.n_items))
    if judged < config.min_pairs or not config.factors or mix[CO_ENGAGED] <= 0:
        return dict(mix)
    at = np.linspace(0, len(query) - 1, judged).astype(np.int64)
    mixes = [mix, *({**mix, CO_ENGAGED: mix[CO_ENGAGED] * factor} for factor in config.factors)]
    ndcg = ndcg_by_mix(features, query[at], target[at], mixes, (CO_ENGAGED,))
    gain = ndcg - ndcg[0]
    clear = [
        place
        for place in range(1, len(mixes))
        if standard_errors(gain[place], query[at]) >= config.min_gain
        and all(gain[place][half].sum() > 0 for half in halves(len(at)))
    ]
    mean = ndcg.mean(axis=1)
    enough = (1.0 - config.spent) * max((mean[place] for place in clear), default=0.0)
    near = [place for place in clear if mean[place] >= enough]
    return dict(mixes[min(near, key=lambda place: mixes[place][CO_ENGAGED], default=0)])
