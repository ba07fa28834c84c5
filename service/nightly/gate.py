"""What a new release must show before it is served."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gnn.holdout import FIFTH, NEWEST
from gnn.served_model import ServedModel
from service.nightly.second_hearing import Hearing
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
    before: Mapping[str, Any] | None = None,
    hearing: Callable[[], Hearing | None] = lambda: None,
) -> GateVerdict:
    """Look at a fitted model before it becomes a release.

    alive: items that may be served, shape (n_items,). holdout: figures on the newest events, which the model
    behind them had not seen (`ndcg@10`, `popularity_ndcg@10`, `pairs`). before: the figures of the release
    that serves now; None: nothing serves, and anything sound is better than nothing.

    Two releases had different exams, so what is compared is how far each was above popularity on its own.
    Where that fell too far, hearing puts both before the same events, and its outcome decides.
    """
    coverage = share_with_vectors(model, alive)
    figures = {"coverage": coverage}
    figures |= {name: value for name, value in holdout.items() if not name.startswith((FIFTH, NEWEST))}
    lift = lift_of(figures)
    if lift is not None:
        figures["lift"] = lift
    if not np.isfinite(coverage):
        return GateVerdict(False, "the model's vectors are not finite numbers", figures)
    if before is None:
        return GateVerdict(True, f"nothing served before; {_in_words(figures)}", figures)
    needed = min(settings.min_coverage, float(before.get("coverage", 0.0)))
    if coverage < needed:
        return GateVerdict(
            False, f"only {coverage:.1%} of the items can be found, {needed:.1%} before", figures
        )
    old = before.get("lift")
    if lift is None or old is None:
        return GateVerdict(True, f"too few held-out events to compare; {_in_words(figures)}", figures)
    if lift < old * (1 - settings.max_drop):
        reason = (
            f"{_in_words(figures)}: {lift:.2f} times as good, the serving release {old:.2f} times "
            f"(gate.max_drop {settings.max_drop:.0%})"
        )
        heard = hearing()
        if heard is None:
            return GateVerdict(False, reason, figures)
        figures |= {"same_pairs": heard.pairs, "same_ndcg@10": heard.new, "serving_ndcg@10": heard.serving}
        passed = heard.new >= heard.serving * (1 - settings.max_drop)
        beside = f"on {heard.pairs} pairs that neither had seen {heard.new:.4f}, serving {heard.serving:.4f}"
        return GateVerdict(passed, f"{reason}; {beside}", figures)
    return GateVerdict(True, f"{_in_words(figures)}: {lift:.2f} times as good, {old:.2f} before", figures)


def lift_of(figures: Mapping[str, float]) -> float | None:
    """NDCG@10 over popularity's on the same held-out pairs; None where too few decide or popularity has 0."""
    floor = figures.get("popularity_ndcg@10", 0.0)
    if figures.get("pairs", 0) < PAIRS_THAT_DECIDE or floor <= 0:
        return None
    return figures["ndcg@10"] / floor


def _in_words(figures: Mapping[str, float]) -> str:
    if "ndcg@10" not in figures:
        return "no held-out events"
    return (
        f"NDCG@10 {figures['ndcg@10']:.4f} on the newest events, "
        f"popularity alone {figures['popularity_ndcg@10']:.4f}"
    )


def share_with_vectors(model: ServedModel, alive: npt.NDArray[np.bool_]) -> float:
    """Share of the living items with something to be found by (a vector that is not zero); NaN when any
    vector is not finite, 1 where nothing lives."""
    vectors = model.item_vectors()[alive]
    if not len(vectors):
        return 1.0
    norms = np.linalg.norm(vectors, axis=1)
    return float((norms > 0).mean()) if np.isfinite(norms).all() else float("nan")
