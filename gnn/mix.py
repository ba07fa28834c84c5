"""The learned mix: how much each feature counts, per objective, learned on the newest block only."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from gnn.mix_config import Mix, MixConfig, PairLearningConfig
from gnn.prior_fit import Loss, fitted_shift, in_parts
from gnn.shop_arrays import FloatArray, IntArray

LEAST_GROUPS = 10
"""Of fewer groups no gain is believed: their sums are too few to tell how far they scatter."""
_FIT_MEMORY = 20
_CELLS_AT_ONCE = 2_000_000
"""Pairs x items x features, 8 MB."""


@dataclass(frozen=True)
class MixExamples:
    """Validation pairs in the block's order, seen through the features."""

    features: FloatArray
    """(p, n_items, features)."""
    target: IntArray
    """Column of the true item, (p,)."""
    banned: npt.NDArray[np.bool_]
    """Columns out of competition (the query itself, a user's history), (p, n_items)."""
    group: IntArray | None = None
    """Of each pair, (p,): see `standard_errors`."""

    def cut(self, start: int, stop: int) -> Self:
        """Pairs start..stop-1."""
        part = slice(start, stop)
        return replace(
            self,
            features=self.features[part],
            target=self.target[part],
            banned=self.banned[part],
            group=None if self.group is None else self.group[part],
        )

    def parts(self) -> Iterator[Self]:
        """Some pairs at a time, so that what is worked out of their features stays in the caches."""
        rows = max(1, _CELLS_AT_ONCE // max(self.features[:1].size, 1))
        return (self.cut(start, start + rows) for start in range(0, len(self.target), rows))


def ndcg(scores: FloatArray, examples: MixExamples) -> FloatArray:
    """NDCG@10 of each target; ties count half; shape (p,)."""
    scores = np.where(examples.banned, np.float32(-np.inf), scores)
    own = scores[np.arange(len(scores)), examples.target][:, None]
    rank = (scores > own).sum(axis=1) + 0.5 * ((scores == own).sum(axis=1) - 1)
    gain: FloatArray = np.where(rank < 10, 1.0 / np.log2(rank + 2.0), 0.0)
    return gain


def fit_weights(
    examples: MixExamples, start: FloatArray, config: PairLearningConfig, free: FloatArray | None = None
) -> FloatArray:
    """Weights that maximise the softmax likelihood of the targets over the whole catalogue (MAP), then
    taken back towards `start` by 1 - trust. free: 1 where a weight may move, 0 where not (`None`: all)."""
    parts = [_unlikelihood(part, len(examples.target)) for part in examples.parts()]
    strength = config.prior * (100.0 / len(examples.target)) ** 2
    shift = fitted_shift(start, in_parts(parts), strength, config.iterations, _FIT_MEMORY, free)
    return start + np.float32(config.trust) * shift


def _unlikelihood(examples: MixExamples, pairs: int) -> Loss:
    """The targets' -log softmax over the whole catalogue, summed up and divided by so many pairs."""
    features = torch.from_numpy(examples.features)  # (p, n, f)
    target = torch.from_numpy(examples.target)
    banned = torch.from_numpy(examples.banned)

    def loss(weights: torch.Tensor) -> torch.Tensor:
        scores = (features @ weights).masked_fill_(banned, -math.inf)
        return functional.cross_entropy(scores, target, reduction="sum") / pairs

    return loss


def _gains(examples: MixExamples, learned: FloatArray, start: FloatArray) -> FloatArray:
    """NDCG@10 of learned weights over that of the defaults, pair by pair, (p,)."""
    gains = [
        ndcg(part.features @ learned, part) - ndcg(part.features @ start, part) for part in examples.parts()
    ]
    return np.concatenate([np.zeros(0, np.float32), *gains])


def standard_errors(gains: npt.NDArray[np.floating[Any]], group: IntArray | None = None) -> float:
    """Mean in units of its standard error; 0 where nothing differs, infinite where all differ alike.

    group: of each gain, (p,); gains of one group may be alike, only groups are independent (Liang & Zeger
    1986, with the usual G / (G - 1) for G groups): a thousand pairs that follow the same item are little more
    than one. The error is never taken to be below that of single gains, for the sums of a few groups can
    cancel by chance; with fewer than `LEAST_GROUPS` groups what would be above 0 is 0, while a loss is still
    told. `None`: each by itself.
    """
    if not len(gains):
        return 0.0
    mean, spread, most = float(gains.mean()), float(gains.std()), math.inf
    if group is not None:
        _, own = np.unique(group, return_inverse=True)
        sums = np.bincount(own, weights=gains - mean)
        if len(sums) < LEAST_GROUPS:
            most = 0.0
        if spread > 0:
            between = np.square(sums).sum() / len(gains) * len(sums) / max(len(sums) - 1, 1)
            spread = max(spread, math.sqrt(between))
    if spread > 0:
        return min(mean / spread * math.sqrt(len(gains)), most)
    return min(math.copysign(math.inf, mean) if mean else 0.0, most)


def carried_gains(
    examples: MixExamples, start: FloatArray, config: PairLearningConfig, free: FloatArray | None = None
) -> FloatArray:
    """What weights learned on one half of the block gain over `start` on the other half, (p,).

    The block's older half and its newer one; where events carry no time its order is random
    (`gnn.untimed.without_order`), and so are the halves. examples: two pairs at least.
    """
    middle = len(examples.target) // 2
    older, newer = examples.cut(0, middle), examples.cut(middle, len(examples.target))
    forth = _gains(newer, fit_weights(older, start, config, free), start)
    back = _gains(older, fit_weights(newer, start, config, free), start)
    return np.concatenate([back, forth])


def learn_mix(examples: MixExamples, defaults: Mapping[str, float], config: MixConfig) -> Mix:
    """Learned weights, or the defaults where there are too few pairs or learning ranks no better.

    Tastes of a whole block may be a campaign's, so what is learned must also carry over between the block's
    halves. examples: the last axis of its features as in `defaults`.
    """
    if len(examples.target) < max(config.min_pairs, 2):  # each half must teach something
        return dict(defaults)
    start = np.array(list(defaults.values()), np.float32)
    free = np.array([not config.moved or name in config.moved for name in defaults], np.float32)
    weights = fit_weights(examples, start, config, free)
    better = (
        bool(np.isfinite(weights).all())
        and standard_errors(_gains(examples, weights, start), examples.group) >= config.min_gain
        and carried_gains(examples, start, config, free).sum() > 0
    )
    return dict(zip(defaults, weights.tolist(), strict=True)) if better else dict(defaults)
