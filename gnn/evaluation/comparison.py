"""One model against the others, slice by slice, with paired intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np

from gnn.evaluation.bootstrap import paired_intervals
from gnn.evaluation.metrics import Values
from gnn.evaluation.scores import MIN_CASES, Path, SliceScores

MAIN_METRIC = {"next": "ndcg@10", "basket": "ndcg@10", "links": "recall@10", "user_next": "recall@20"}
"""The figure by which a task is decided; slices go by their task's."""

Verdict = Literal["better", "worse", "even"]


@dataclass(frozen=True)
class Comparison:
    """`model` minus `against` on one slice."""

    model: str
    against: str
    slice: str
    """Path joined by `/`, e.g. `next/warm`."""
    metric: str
    difference: float
    low: float
    high: float
    n: int
    decides: bool
    """At least `MIN_CASES` cases."""

    @property
    def verdict(self) -> Verdict:
        """By the interval: `even` where it holds 0."""
        if self.low > 0:
            return "better"
        return "worse" if self.high < 0 else "even"

    def as_json(self) -> dict[str, object]:
        """Fields and verdict."""
        return asdict(self) | {"verdict": self.verdict}


ModelScores = Mapping[Path, Sequence[SliceScores]]
"""Per slice, the scores of each window (means over seeds), in order of the windows."""


def compare(model: str, scores: Mapping[str, ModelScores], seed: int = 0) -> list[Comparison]:
    """`model` against every other model, on every slice that both have."""
    others = [name for name in scores if name != model]
    found: list[Comparison] = []
    for path in scores[model]:
        rivals = [name for name in others if path in scores[name]]
        if rivals:
            found += _compare_slice(model, rivals, path, scores, np.random.default_rng(seed))
    return found


def main_metric(path: Path) -> str:
    """Of a slice, by its task."""
    task = path[1].removesuffix("_by_popularity") if path[0] == "slices" else path[0]
    return MAIN_METRIC[task]


def _compare_slice(
    model: str, rivals: list[str], path: Path, scores: Mapping[str, ModelScores], rng: np.random.Generator
) -> list[Comparison]:
    metric = main_metric(path)
    own = scores[model][path]
    ours = _case_values(own, metric)
    differences = np.stack([ours - _case_values(scores[name][path], metric) for name in rivals])
    cluster = np.concatenate([part.cluster for part in own])
    intervals = paired_intervals(differences, cluster, rng)
    n = len(cluster)
    return [
        Comparison(
            model, name, "/".join(path), metric, found.difference, found.low, found.high, n, n >= MIN_CASES
        )
        for name, found in zip(rivals, intervals, strict=True)
    ]


def _case_values(parts: Sequence[SliceScores], metric: str) -> Values:
    """All windows' cases, scaled so that their mean is the mean of the windows' means."""
    total = sum(part.n for part in parts)
    return np.concatenate([part.values[metric] * (total / (len(parts) * part.n)) for part in parts])
