"""What an evaluation found, and its JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

from gnn.evaluation.comparison import Comparison
from gnn.evaluation.scores import MIN_CASES, Path, SliceScores
from gnn.learning_curve import EpochFigures


@dataclass(frozen=True)
class Run:
    """One model fitted once: one window, one seed."""

    window: int
    seed: int
    fit_seconds: float
    scores: Sequence[SliceScores]
    health: Mapping[str, float] = field(default_factory=dict)
    curve: Sequence[EpochFigures] = ()
    """Epochs of the fit, of models that train in epochs."""


@dataclass(frozen=True)
class EvaluationResult:
    """Figures of all models on one dataset."""

    dataset: str
    protocol: str
    seeds: tuple[int, ...]
    settings: Mapping[str, object]
    runs: Mapping[str, Sequence[Run]]
    """By model name, in the order asked for."""
    skipped: Mapping[str, str] = field(default_factory=dict)
    """Model name -> why it could not run."""
    comparisons: Sequence[Comparison] = ()

    def as_json(self) -> dict[str, object]:
        """The object of `ilk evaluate --json`."""
        return {
            "dataset": self.dataset,
            "protocol": self.protocol,
            "seeds": list(self.seeds),
            "settings": dict(self.settings),
            "models": {name: model_figures(runs) for name, runs in self.runs.items()},
            "skipped": dict(self.skipped),
            "comparisons": [found.as_json() for found in self.comparisons],
        }


def model_figures(runs: Sequence[Run]) -> dict[str, object]:
    """Nested figures of one model: mean over windows within a seed, then mean and deviation over seeds."""
    figures: dict[str, object] = {}
    for path in dict.fromkeys(scores.path for run in runs for scores in run.scores):
        by_seed: dict[int, list[SliceScores]] = {}
        for run in runs:
            by_seed.setdefault(run.seed, []).extend(s for s in run.scores if s.path == path)
        _place(figures, path, _slice_figures(path, list(by_seed.values())))
    health: dict[int, list[Mapping[str, float]]] = {}
    for run in runs:
        health.setdefault(run.seed, []).append(run.health)
    if any(run.health for run in runs):
        figures["health"] = _mean_and_deviation([_mean(parts) for parts in health.values()])
    figures["fit_seconds"] = float(np.mean([run.fit_seconds for run in runs]))
    if runs[0].curve:  # of the first fit: runs that stop at different epochs have no mean
        figures["learning_curve"] = [asdict(epoch) for epoch in runs[0].curve]
    return figures


def _slice_figures(path: Path, seeds: list[list[SliceScores]]) -> dict[str, float | int | bool]:
    figures: dict[str, float | int | bool] = {}
    figures |= _mean_and_deviation([_mean([scores.means() for scores in windows]) for windows in seeds])
    figures["n"] = sum(scores.n for scores in seeds[0])
    if path[0] == "slices":
        figures["decides"] = figures["n"] >= MIN_CASES
    return figures


def _mean(parts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {metric: float(np.mean([part[metric] for part in parts])) for metric in parts[0]}


def _mean_and_deviation(seeds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Metric -> mean, metric_sd -> sample deviation (0 of a single seed)."""
    figures: dict[str, float] = {}
    for metric in seeds[0]:
        values = [part[metric] for part in seeds]
        figures[metric] = float(np.mean(values))
        figures[f"{metric}_sd"] = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return figures


def _place(figures: dict[str, object], path: Path, value: object) -> None:
    for name in path[:-1]:
        inner = figures.setdefault(name, {})
        assert isinstance(inner, dict)
        figures = inner
    figures[path[-1]] = value
