"""The learned mix: how much each feature counts, per objective, learned on the newest block only."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from gnn.mix_config import Mix, MixConfig
from gnn.shop_arrays import FloatArray, IntArray


@dataclass(frozen=True)
class MixExamples:
    """Validation pairs in time order, seen through the features."""

    features: FloatArray
    """(p, n_items, features)."""
    target: IntArray
    """Column of the true item, (p,)."""
    banned: npt.NDArray[np.bool_]
    """Columns out of competition (the query itself, a user's history), (p, n_items)."""
    weight: FloatArray
    """Of each pair, (p,)."""
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
            weight=self.weight[part],
            group=None if self.group is None else self.group[part],
        )


def ndcg(scores: FloatArray, examples: MixExamples) -> FloatArray:
    """NDCG@10 of each target times the pair's weight; ties count half; shape (p,)."""
    scores = np.where(examples.banned, np.float32(-np.inf), scores)
    own = scores[np.arange(len(scores)), examples.target][:, None]
    rank = (scores > own).sum(axis=1) + 0.5 * ((scores == own).sum(axis=1) - 1)
    gain: FloatArray = np.where(rank < 10, 1.0 / np.log2(rank + 2.0), 0.0) * examples.weight
    return gain


def fit_weights(
    examples: MixExamples, start: FloatArray, config: MixConfig, free: FloatArray | None = None
) -> FloatArray:
    """Weights that maximise the softmax likelihood of the targets over the whole catalogue (MAP), then
    taken back towards `start` by 1 - trust. free: 1 where a weight may move, 0 where not (`None`: all)."""
    features = torch.from_numpy(examples.features)  # (p, n, f)
    target = torch.from_numpy(examples.target)
    offset = torch.from_numpy(np.where(examples.banned, np.float32(-1e4), np.float32(0.0)))
    weight = torch.from_numpy(examples.weight / examples.weight.sum())
    origin = torch.from_numpy(start)
    strength = config.prior * (100.0 / len(target)) ** 2
    may_move = torch.ones_like(origin) if free is None else torch.from_numpy(free)
    shift = torch.zeros_like(origin, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [shift], max_iter=config.iterations, history_size=20, line_search_fn="strong_wolfe"
    )

    def objective() -> torch.Tensor:
        optimiser.zero_grad()
        logits = (features @ (origin + may_move * shift)).add_(offset)
        loss = (weight * functional.cross_entropy(logits, target, reduction="none")).sum()
        loss = loss + strength * shift.square().sum()
        loss.backward()
        return loss

    optimiser.step(objective)
    return (origin + config.trust * may_move * shift).detach().numpy()


def _gains(examples: MixExamples, learned: FloatArray, start: FloatArray) -> FloatArray:
    """NDCG@10 of learned weights over that of the defaults, pair by pair, (p,)."""
    return ndcg(examples.features @ learned, examples) - ndcg(examples.features @ start, examples)


def standard_errors(gains: npt.NDArray[np.floating[Any]], group: IntArray | None = None) -> float:
    """Mean in units of its standard error; 0 where nothing differs, infinite where all differ alike.

    group: of each gain, (p,); gains of one group may be alike, only groups are independent (Liang & Zeger
    1986): a thousand pairs that follow the same item are little more than one. `None`: each by itself.
    """
    mean, spread = (float(gains.mean()), float(gains.std())) if len(gains) else (0.0, 0.0)
    if group is not None:
        _, own = np.unique(group, return_inverse=True)
        sums = np.bincount(own, weights=gains - mean)
        if len(sums) < 2:
            return 0.0  # a single group says nothing of how others would do
        spread = float(np.sqrt(np.square(sums).sum() / len(gains))) if spread > 0 else 0.0
    if spread > 0:
        return mean / spread * math.sqrt(len(gains))
    return math.copysign(math.inf, mean) if mean else 0.0


def carried_gains(
    examples: MixExamples, start: FloatArray, config: MixConfig, free: FloatArray | None = None
) -> FloatArray:
    """What weights learned on one half of the block's time gain over `start` on the other half, (p,)."""
    middle = len(examples.target) // 2
    older, newer = examples.cut(0, middle), examples.cut(middle, len(examples.target))
    forth = _gains(newer, fit_weights(older, start, config, free), start)
    back = _gains(older, fit_weights(newer, start, config, free), start)
    return np.concatenate([back, forth])


@dataclass(frozen=True)
class Learned:
    """What one sample of pairs teaches."""

    weights: FloatArray
    """(features,)."""
    gains: FloatArray
    """NDCG@10 over the defaults, pair by pair, (p,)."""
    carried: float
    """Sum of the `carried_gains`."""
    group: IntArray | None = None
    """Of each gain, (p,): see `standard_errors`; of all samples or of none."""


def learn(examples: MixExamples, defaults: Mapping[str, float], config: MixConfig) -> Learned:
    """Learn from one sample; `examples` in time order, the last axis of its features as in `defaults`."""
    start = np.array(list(defaults.values()), np.float32)
    free = np.array([not config.moved or name in config.moved for name in defaults], np.float32)
    weights = fit_weights(examples, start, config, free)
    gains = _gains(examples, weights, start)
    return Learned(weights, gains, float(carried_gains(examples, start, config, free).sum()), examples.group)


def agreed(samples: Sequence[Learned], defaults: Mapping[str, float], config: MixConfig) -> Mix:
    """The mean of what the samples teach, or the defaults where it ranks no better.

    All samples are judged as one: a single one of a thousand pairs often cannot tell. Tastes of a whole block
    may be a campaign's, so what is learned must also carry over between the block's halves.
    """
    better = (
        all(bool(np.isfinite(one.weights).all()) for one in samples)
        and standard_errors(np.concatenate([one.gains for one in samples]), _groups(samples))
        >= config.min_gain
        and sum(one.carried for one in samples) > 0
    )
    if not better:
        return dict(defaults)
    mean = np.mean([one.weights for one in samples], axis=0)
    return {name: float(value) for name, value in zip(defaults, mean, strict=True)}


def _groups(samples: Sequence[Learned]) -> IntArray | None:
    groups = [one.group for one in samples if one.group is not None]
    return np.concatenate(groups) if groups else None


def learn_mix(examples: MixExamples, defaults: Mapping[str, float], config: MixConfig) -> Mix:
    """Learned weights, or the defaults where there are too few pairs or learning ranks no better."""
    if len(examples.target) < config.min_pairs:
        return dict(defaults)
    return agreed([learn(examples, defaults, config)], defaults, config)
