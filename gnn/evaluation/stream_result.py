"""What the protocol `stream` found, and its JSON."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gnn.evaluation.comparison import compare, main_metric
from gnn.evaluation.evaluate import over_seeds
from gnn.evaluation.result import Run, model_figures
from gnn.evaluation.scores import Path, SliceScores

STRATEGIES = ("stale", "fold-in", "incremental", "full")
TASKS: tuple[Path, ...] = (("next", "warm"), ("user_next",))
"""What quality relative to `full` is the mean of."""
MADE = ("increments", "served")
"""Counts of a block, in the JSON of `incremental`."""


@dataclass(frozen=True)
class StreamRun:
    """One model after one block."""

    strategy: str
    block: int
    """1: after the first block."""
    seed: int
    seconds: float
    """To bring the model from the block before to this one (for `full`: from nothing)."""
    edge_gradients: int
    """See `gnn.incremental.IncrementalUpdate`; of `full` a lower bound."""
    scores: Sequence[SliceScores]
    increments: int = 0
    """Made in this block."""
    served: int = 0
    """Of these, those whose weights serve."""

    def as_run(self) -> Run:
        """Blocks as windows."""
        return Run(self.block, self.seed, self.seconds, self.scores)


@dataclass(frozen=True)
class StreamResult:
    """Figures of the four strategies on one dataset."""

    dataset: str
    seeds: tuple[int, ...]
    runs: Sequence[StreamRun]
    by_rule: bool = False
    """Increments were made by a service's rule, not one of each block."""

    def as_json(self) -> dict[str, object]:
        """The object of `ilk evaluate --protocol stream --json`."""
        return {
            "dataset": self.dataset,
            "protocol": "stream",
            "seeds": list(self.seeds),
            "settings": {
                "reference": "full",
                "blocks": len({run.block for run in self.runs}),
                "increments": "as served" if self.by_rule else "one a block",
            },
            "models": {name: self._figures(self._of(name)) for name in STRATEGIES},
            "relative_to_full": {name: self.relative(name) for name in STRATEGIES[:-1]},
            "blocks": [
                {"block": block} | {name: self._figures(self._of(name, block)) for name in STRATEGIES}
                for block in sorted({run.block for run in self.runs})
            ],
        }

    def relative(self, name: str) -> dict[str, object]:
        """Quality and cost of a strategy as shares of `full`'s: means over blocks, then seeds; by slice a
        95 % interval from a paired bootstrap; `quality` is the mean over next/warm and user_next."""
        ours, full = self._of(name), self._of("full")
        scores = {"full": over_seeds([run.as_run() for run in full])}
        scores[name] = over_seeds([run.as_run() for run in ours])
        found: dict[str, object] = {}
        shares = []
        for compared in compare(name, scores):
            path: Path = tuple(compared.slice.split("/"))
            if path[0] == "slices":
                continue
            base = float(np.mean([part.values[compared.metric].mean() for part in scores["full"][path]]))
            if base > 0:
                found[compared.slice] = {
                    "quality": 1 + compared.difference / base,
                    "low": 1 + compared.low / base,
                    "high": 1 + compared.high / base,
                    "metric": main_metric(path),
                    "n": compared.n,
                    "decides": compared.decides,
                }
                if path in TASKS:
                    shares.append(1 + compared.difference / base)
        found["quality"] = float(np.mean(shares)) if shares else None
        found["seconds"] = sum(run.seconds for run in ours) / sum(run.seconds for run in full)
        cost = sum(run.edge_gradients for run in full)
        found["edge_gradients"] = sum(run.edge_gradients for run in ours) / cost if cost else None
        return found

    def _of(self, name: str, block: int | None = None) -> list[StreamRun]:
        return [run for run in self.runs if run.strategy == name and block in (None, run.block)]

    @staticmethod
    def _figures(runs: Sequence[StreamRun]) -> dict[str, object]:
        figures = model_figures([run.as_run() for run in runs])
        figures.pop("slices", None)  # quintiles of blocks are too thin to say anything
        means = {"edge_gradients": float(np.mean([run.edge_gradients for run in runs]))}
        if any(run.increments for run in runs):
            means |= {name: float(np.mean([getattr(run, name) for run in runs])) for name in MADE}
        return figures | means
