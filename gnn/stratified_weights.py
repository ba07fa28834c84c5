"""Weights with which rarer targets count more, where the newest block says what they are."""

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from gnn.contest import Contest
from gnn.evaluation.slices import QUINTILES, popularity_quintile
from gnn.mix import MixExamples, ndcg, standard_errors
from gnn.mix_config import Mix, StratifiedConfig
from gnn.mix_ndcg import Gains, halves
from gnn.popularity_share import POPULARITY
from gnn.relation_learning import MOVED as RELATED
from gnn.shop_arrays import FloatArray, IntArray
from gnn.similar_features import SIMILAR_FEATURES

Numbers = npt.NDArray[np.float64]

MOVED = (*RELATED, POPULARITY)
"""What is learned: what an item without events has none of."""
_STEPS = np.array([0.8, 0.8, 0.3, 0.4])
"""About how far the weights of `MOVED` lie apart between shops: the first step of a search."""
_STARTS = np.array([[1, 1, 1, -1], [1, 1, -1, -1], [-0.5, 1, 0.5, -1], [1, -0.5, 0.5, -1]])
"""Directions of the first steps, one search each."""
_STEEP = 100.0
"""What a part of the mean NDCG that is lost beyond `spent` costs, in parts of what is looked for."""


def stratified_mix(contest: Contest, mix: Mix, counts: IntArray, config: StratifiedConfig) -> Mix | None:
    """The mix with the weights of `MOVED` that rank the block best where a target counts by its popularity to
    the power of -`config.power`; `None` where that is not worth it.

    Weights learned from all pairs alike serve the most popular items, for most pairs lead to them: what a
    shop's middle could gain is lost by a hair of the mean. Looked for is the popularity-stratified NDCG@10
    (Steck 2011, "Item popularity and recommendation accuracy"; with the power of 1 all items would count
    alike), where a search pays dearly for each part of NDCG@10 of all pairs alike that is lost beyond
    `config.spent`. It is no smooth function of the weights, so the simplex search of Nelder and Mead (1965)
    is used, from a few directions. Their outcomes lie far apart on what is nearly flat, each fitted to this
    block; their mean ranks the next block better. Of that mean no more is asked than that all pairs alike
    lose no more than `config.risked`.

    What is learned is taken only if what either half of the block teaches carries over to the other, both
    ways together: targets outside the most popular fifth gain clearly, and `config.min_rarer` of what they
    have, the stratified NDCG more than noise, and all together lose no more than `config.risked`: half a
    block teaches less. Errors are those of queries. A feature that the contest holds nothing of (a shop
    without texts, say) keeps its weight.

    contest: in the block's order. counts: events of each item before the block, (n_items,).
    """
    if not config.power or len(np.unique(contest.query)) < config.min_queries:
        return None
    start = np.array([mix[name] for name in MOVED])
    examples, share = _seen(contest, mix), counts[contest.target].clip(1) ** -config.power
    before = _ndcg(examples, start)
    rarer = popularity_quintile(counts)[contest.target] < QUINTILES - 1
    if not before.any() or not rarer.any():
        return None
    older, newer = halves(len(contest))
    carried = np.concatenate(
        [
            _ndcg(_cut(examples, half), _search(_cut(examples, other), share[other], start, config))
            for half, other in ((older, newer), (newer, older))
        ]
    )
    gain = carried - before
    if (
        standard_errors(gain * share, contest.query) < 1.0
        or standard_errors(gain[rarer], contest.query[rarer]) < config.min_gain
        or gain[rarer].sum() < config.min_rarer * before[rarer].sum()
        or gain.sum() < -config.risked * before.sum()
    ):
        return None
    weights = _search(examples, share, start, config)
    if _ndcg(examples, weights).sum() < (1.0 - config.risked) * before.sum():
        return None
    weights = np.where(examples.features[:, :, : len(MOVED)].any(axis=(0, 1)), weights, start)
    return {**mix, **dict(zip(MOVED, weights.tolist(), strict=True))}


def _search(examples: MixExamples, share: Numbers, start: Numbers, config: StratifiedConfig) -> Numbers:
    """Weights of `MOVED`, the mean of what the searches find."""
    before = _ndcg(examples, start)
    least, whole = (1.0 - config.spent) * before.sum(), float((before * share).sum())
    if not whole:
        return start

    def loss(step: Numbers) -> float:
        found = _ndcg(examples, start + _STEPS * step)
        missed = max(0.0, float(least - found.sum()) / float(before.sum()))
        return _STEEP * missed - float((found * share).sum()) / whole

    found = [
        minimize(
            loss,
            np.zeros(len(MOVED)),
            method="Nelder-Mead",
            options={
                "initial_simplex": np.concatenate([np.zeros((1, len(MOVED))), np.diag(first)]),
                "maxfev": config.evaluations,
                "xatol": 0.02,
                "fatol": 1e-4,
            },
        ).x
        for first in _STARTS
    ]
    moved: Numbers = start + _STEPS * np.mean(found, axis=0)
    return moved


def _seen(contest: Contest, mix: Mix) -> MixExamples:
    """The contest through `MOVED` and, last, what all else adds to the score by `mix`."""
    features = contest.examples.features
    places = [SIMILAR_FEATURES.index(name) for name in MOVED]
    kept = np.array([0.0 if name in MOVED else mix[name] for name in SIMILAR_FEATURES], np.float32)
    seen = np.empty((*features.shape[:2], len(MOVED) + 1), np.float32)
    for to, place in enumerate(places):  # none is held twice
        seen[:, :, to] = features[:, :, place]
    seen[:, :, -1] = features[:, :, : len(kept)] @ kept
    return MixExamples(seen, contest.examples.target, contest.examples.banned)


def _cut(examples: MixExamples, part: slice) -> MixExamples:
    return examples.cut(part.start, part.stop)


def _ndcg(examples: MixExamples, weights: Numbers) -> Gains:
    """NDCG@10 of each pair, (p,)."""
    all_weights: FloatArray = np.append(weights, 1.0).astype(np.float32)
    found = [ndcg(part.features @ all_weights, part) for part in examples.parts()]
    return np.concatenate([np.zeros(0), *found])
