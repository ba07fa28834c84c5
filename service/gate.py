"""What a new release must show before it is served."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gnn.served_model import ServedModel
from service.settings import GateSettings

PAIRS_THAT_DECIDE = 150
"""Held-out cases below which a quality figure is shown but decides nothing."""


@dataclass(frozen=True)
class GateVerdict:
    """Whether a release may serve, and on what grounds."""

    passed: bool
    reason: str
    """One line for people; names the figure and the threshold that decided."""
    figures: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """For the manifest and `--json`."""
        return {"passed": self.passed, "reason": self.reason, **self.figures}


def judge(
    model: ServedModel,
    alive: npt.NDArray[np.bool_],
    holdout: Mapping[str, float],
    settings: GateSettings,
) -> GateVerdict:
    """Look at a fitted model before it becomes a release.

    alive: items that may be served, shape (n_items,). holdout: figures on the newest events, which the model
    behind them had not seen (`ndcg@10`, `popularity_ndcg@10`, `pairs`).
    """
    coverage = share_with_vectors(model, alive)
    figures = {"coverage": coverage, **holdout}
    if not np.isfinite(coverage):
        return GateVerdict(False, "the model's vectors are not finite numbers", figures)
    if coverage < settings.min_coverage:
        return GateVerdict(
            False,
            f"only {coverage:.1%} of the items can be found (gate.min_coverage {settings.min_coverage:.0%})",
            figures,
        )
    ours, floor = holdout.get("ndcg@10"), holdout.get("popularity_ndcg@10")
    if ours is None or floor is None or holdout.get("pairs", 0) < PAIRS_THAT_DECIDE:
        return GateVerdict(True, "too few held-out events to judge quality; nothing else is wrong", figures)
    if ours < floor * (1 - settings.max_drop):
        return GateVerdict(
            False,
            f"NDCG@10 {ours:.4f} on the newest events, popularity alone has {floor:.4f} "
            f"(gate.max_drop {settings.max_drop:.0%})",
            figures,
        )
    return GateVerdict(
        True, f"NDCG@10 {ours:.4f} on the newest events, popularity alone {floor:.4f}", figures
    )


def share_with_vectors(model: ServedModel, alive: npt.NDArray[np.bool_]) -> float:
    """Share of the living items with something to be found by (a vector that is not zero); NaN when any
    vector is not finite, 1 where nothing lives."""
    vectors = model.item_vectors()[alive]
    if not len(vectors):
        return 1.0
    norms = np.linalg.norm(vectors, axis=1)
    return float((norms > 0).mean()) if np.isfinite(norms).all() else float("nan")
