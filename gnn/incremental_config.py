"""How an increment is trained; apart from the trainer, so that serving need not import torch."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np


class ReplayStrata(StrEnum):
    """By what old events are kept in balance when some of them are drawn again."""

    NONE = "none"
    """Every old event alike: popular items are replayed most."""
    DEGREE = "degree"
    """Items of every popularity alike, in doublings of their number of events."""
    CATEGORY = "category"
    """Every category alike (an item counts with its first one)."""


@dataclass(frozen=True)
class IncrementalConfig:
    """Budgets are counted in steps, never in seconds: the same events and seed give the same weights."""

    epochs: int = 2
    """Passes over the new and the replayed events at most."""
    max_steps: int = 400
    """Steps of an increment at most, however many events are new."""
    batch_size: int = 4096
    """Pairs of a step at most; small increments take an eighth of their pairs, at least `min_batch_size`."""
    min_batch_size: int = 128
    """Lower end of the batch size."""
    negatives: int = 1024
    """Items that all pairs of a step share as negatives."""
    learning_rate: float = 2.4e-2
    """Of AdamW, for steps of `batch_size` pairs; higher than in a full fit, as there are few steps. Smaller
    steps take less, see `smaller_steps`."""
    smaller_steps: float = 0.8
    """Power of a step's share of `batch_size` pairs by which its rate falls. Half for noisier gradients alone
    (Malladi et al. 2022); 1 would move many small increments no further than one of all their events."""
    warm_up: float = 0.2
    """Share of the steps in which the learning rate rises to its full height."""
    clip: float = 1.0
    """Largest norm of a step's gradient."""
    anchor: float = 0.0
    """Weight of the mean squared move of the touched rows in the loss: pulls towards the weights before."""
    longest: float = 0.99
    """Residuals get no longer than this quantile of those before: few large steps lengthen them, and what
    increments one after the other add up to would drown the texts. 1: no longer than the longest."""
    replay: float = 1.0
    """Old events drawn again for each new one."""
    strata: ReplayStrata = ReplayStrata.DEGREE
    """How the old events are drawn."""
    fan_out: tuple[int, int] = (3, 2)
    """Users of an item, and items of a user, that the subgraph of a step keeps at most. A few are as good as
    many, at half the edge-gradients: each step draws its own, weighed so that sums are right in the mean."""
    check_share: float = 0.1
    """Newest share of the new events that is held back to stop early by; 0: no early stop."""
    checks: int = 4
    """How often in a run they are looked at."""
    device: str = "cpu"
    """`cpu` or `cuda`; on a GPU the loss is computed in bfloat16."""

    def batch(self, n_pairs: int) -> int:
        """Batch size for so many pairs."""
        return min(self.batch_size, max(self.min_batch_size, n_pairs // 8))

    def rate(self, n_pairs: int) -> float:
        """Learning rate for so many pairs."""
        share = self.batch(n_pairs) / self.batch_size
        return self.learning_rate * float(share**self.smaller_steps)

    def steps(self, n_pairs: int) -> int:
        """Longest run for so many pairs."""
        one = max(1, int(np.ceil(n_pairs / self.batch(n_pairs))))
        return min(self.max_steps, self.epochs * one)
