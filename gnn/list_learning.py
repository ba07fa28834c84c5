"""A mix learned by the lists that users would have seen: by likelihood, then by how high targets stand."""

from collections.abc import Mapping

import numpy as np
import torch

from gnn.list_examples import ListExamples
from gnn.mix import standard_errors
from gnn.mix_config import ListLearningConfig, Mix
from gnn.prior_fit import Loss, fitted_shift, in_parts
from gnn.shop_arrays import FloatArray

_FIT_MEMORY = 10


def learned_list_mix(
    examples: ListExamples, defaults: Mapping[str, float], config: ListLearningConfig
) -> Mix:
    """Learned weights, or the defaults where there are too few targets or users or learning ranks no better.

    As with `gnn.mix.learn_mix`: what is learned must rank the targets better, and what one half of the time
    teaches must rank the other half better. examples: the last axis of its features as in `defaults`.
    """
    if not config.is_enough(users=len(examples.features), targets=len(examples.case)):
        return dict(defaults)
    start = np.array(list(defaults.values()), np.float32)
    weights = list_weights(examples, start, config)
    better = (
        bool(np.isfinite(weights).all())
        and standard_errors(examples.ndcg(weights) - examples.ndcg(start)) >= config.min_gain
        and _carried_over(examples, start, config) > 0
    )
    return dict(zip(defaults, weights.tolist(), strict=True)) if better else dict(defaults)


def list_weights(examples: ListExamples, start: FloatArray, config: ListLearningConfig) -> FloatArray:
    """Weights (features,) near `start` that put the targets of `examples` high.

    The likelihood of a softmax over all items asks as much of the many targets that no list reaches as of the
    few that one does; its optimum is where the second step begins. That one maximises the mean of
    1 / (1 + (place / depth)^2), about the share of targets in a list of that depth, with places made smooth:
    half and the sum over all items of sigmoid((score - score of the target) / softness) (the approximation of
    Qin, Liu & Li 2010, "A general approximation framework for direct optimization of information retrieval
    measures"). Gains that fall more slowly, as that of NDCG without a cut, listen to far targets again.
    """
    strength = config.prior * (100.0 / max(len(examples.case), 1)) ** 2
    weights = start
    users, parts = len(examples.features), list(examples.parts())
    for losses in (
        [_unlikelihood(part, users) for part in parts],
        [_lost_places(part, users, config) for part in parts],
    ):
        weights = weights + fitted_shift(weights, in_parts(losses), strength, config.iterations, _FIT_MEMORY)
    return weights


def _carried_over(examples: ListExamples, start: FloatArray, config: ListLearningConfig) -> float:
    """Sum of what weights learned on one half of the users gain over `start` on the other half."""
    n = len(examples.features)
    halves = examples.cut(0, n // 2), examples.cut(n // 2, n)
    return sum(
        float((other.ndcg(list_weights(half, start, config)) - other.ndcg(start)).sum())
        for half, other in (halves, halves[::-1])
    )


def _unlikelihood(examples: ListExamples, users: int) -> Loss:
    """The targets' -log softmax over the whole catalogue, summed up and divided by so many users."""
    features, log_share = torch.from_numpy(examples.features), torch.from_numpy(examples.log_share)
    case, column = torch.from_numpy(examples.case), torch.from_numpy(examples.column)
    share = torch.from_numpy(examples.share * np.float32(len(examples.features) / users))

    def loss(weights: torch.Tensor) -> torch.Tensor:
        scores = features @ weights  # (u, c)
        everything = torch.logsumexp(scores + log_share, dim=1)  # (u,)
        return everything.sum() / users - (share * scores[case, column]).sum()

    return loss


def _lost_places(examples: ListExamples, users: int, config: ListLearningConfig) -> Loss:
    """Minus what the users' targets gain by smooth places, summed up and divided by so many users."""
    features = torch.from_numpy(examples.features)
    case, column = torch.from_numpy(examples.case), torch.from_numpy(examples.column)
    share = torch.from_numpy(examples.share * np.float32(len(examples.features) / users))
    rivals = torch.from_numpy(examples.items)  # (u, c)

    def loss(weights: torch.Tensor) -> torch.Tensor:
        scores = features @ weights  # (u, c)
        own = scores[case, column][:, None]  # (t, 1)
        above = torch.sigmoid((scores[case] - own) / config.softness)  # (t, c), 1/2 at the target itself
        place = 0.5 + (rivals[case] * above).sum(dim=1)
        return -(share / (1.0 + (place / config.depth).square())).sum()

    return loss
