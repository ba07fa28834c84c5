"""What `next` learns about relations, where the newest block has pairs enough to tell."""

import numpy as np

from gnn.contest import Contest
from gnn.mix import carried_gains, fit_weights, standard_errors
from gnn.mix_config import Mix, RelationConfig
from gnn.similar_features import SIMILAR_FEATURES

MOVED = ("embedding", "co_engaged", "text_co_engaged")
"""What is learned: what an item without events has none of, so that new items are ranked among each other as
before."""

_LEAST_SCALE = 0.1
"""Below it the block says that the mix as a whole ranks little: nothing to take proportions from."""


def with_learned_relations(contest: Contest, mix: Mix, config: RelationConfig) -> Mix:
    """The mix with the weights of `MOVED` learned on the newest block, or as it is.

    The trends keep their weights: they were chosen on the same block, and more of them would take from
    the rarer targets what `gnn.trend_share` left them. So do texts and catalogue: the pairs lead to known
    items, and would teach that texts say little, while new items have nothing else. How large all scores are
    together is learned as well and taken out again: it ranks nothing, but a likelihood depends on it.

    What is learned is taken only if either half of the block teaches weights that rank the other half clearly
    better, both ways together. The halves are those of the block's time; where events carry no time the
    block's order is random, and the halves are two random ones.

    contest: its contenders chosen by `mix`.
    """
    chosen = np.array([mix[name] for name in SIMILAR_FEATURES], np.float32)
    start = np.append(chosen, np.float32(0.0))
    free = np.array([*(name in MOVED for name in SIMILAR_FEATURES), True], np.float32)
    carried = carried_gains(contest.examples, start, config, free)
    if standard_errors(carried, contest.query) < config.min_carried:
        return dict(mix)
    weights = fit_weights(contest.examples, start, config, free)
    scale = 1.0 + float(weights[-1])
    if not np.isfinite(weights).all() or scale < _LEAST_SCALE:
        return dict(mix)
    learned = (weights[:-1] + weights[-1] * chosen) / scale
    moved = dict(zip(SIMILAR_FEATURES, learned.tolist(), strict=True))
    return {name: moved[name] if name in MOVED else weight for name, weight in mix.items()}
