"""Paired bootstrap: how sure a difference between two models is."""

from dataclasses import dataclass

import numpy as np

from gnn.evaluation.metrics import Values
from gnn.shop_arrays import IntArray

SAMPLES = 1000
LEVEL = 0.95
_WEIGHTS = 4_000_000
"""Random weights drawn at once."""


@dataclass(frozen=True)
class Interval:
    """A mean difference and its 95 % interval."""

    difference: float
    low: float
    high: float


def paired_intervals(
    differences: Values, cluster: IntArray, rng: np.random.Generator, samples: int = SAMPLES
) -> list[Interval]:
    """Percentile intervals of mean differences, clusters of cases resampled together.

    Every sample gives each cluster a Poisson(1) weight, which for many clusters is drawing as many with
    replacement (Chamandy et al. 2012).

    Args:
        differences: Per comparison and case, shape (c, m), m >= 1; all see the same samples.
        cluster: Of each case, e.g. its user, shape (m,).
    """
    _, group = np.unique(cluster, return_inverse=True)
    n_groups = int(group.max()) + 1
    sums = np.stack([np.bincount(group, weights=row, minlength=n_groups) for row in differences], axis=1)
    sizes = np.bincount(group, minlength=n_groups)
    rows = max(1, _WEIGHTS // n_groups)
    means = []
    for start in range(0, samples, rows):
        weight = rng.poisson(1.0, (min(rows, samples - start), n_groups)).astype(np.float64)
        drawn = weight @ sizes
        means.append((weight @ sums)[drawn > 0] / drawn[drawn > 0, None])
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(np.concatenate(means), [tail, 1 - tail], axis=0)
    return [
        Interval(float(mean), float(a), float(b))
        for mean, a, b in zip(differences.mean(axis=1), low, high, strict=True)
    ]
