"""What a new release must show before it is served."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from gnn.holdout import FIFTH
from gnn.served_model import ServedModel
from service.nightly.second_hearing import LEAST_PAIRS, Hearing
from service.settings import GateSettings

MEASURE = ("lift", "lift_error", "standing")
"""Figures by which the next release is measured; `standing`: what is left, at best, of the quality of the
last release that was surely no worse."""
SURE = 1.96
"""Standard errors of a 95 % interval."""


class GateOutcome(StrEnum):
    """What the comparison with the serving release came to."""

    NO_WORSE = "no worse"
    """Within the tolerance."""
    WORSE = "worse"
    """Surely beyond it, or unsound: never let through."""
    INCONCLUSIVE = "inconclusive"
    """Beyond it in the mean, but not surely: let through up to `gate.max_unsure_drop`."""
    NOT_COMPARED = "not compared"
    """Nothing serves, or too few events were held out."""


@dataclass(frozen=True)
class GateVerdict:
    """Whether a release may serve, and on what grounds."""

    passed: bool
    outcome: GateOutcome
    reason: str
    """One line for people; names the figure and the threshold that decided."""
    figures: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """For the manifest and `--json`."""
        fixed = {"passed": self.passed, "outcome": self.outcome.value, "reason": self.reason}
        return {**fixed, **self.figures}


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
    behind them had not seen (`gnn.holdout`). before: the figures of the release that serves now; None:
    nothing serves, and anything sound is better than nothing.

    Two releases had different exams, so what is compared is how far each was above popularity on its own.
    Where that fell too far, hearing puts both before the same events, and its outcome decides. A loss that is
    not sure to exceed the tolerance is no reason to reject; such a release hands on the lift that it was
    measured by and its `standing`, so that several losses in a row do not become the measure themselves.
    """
    coverage = share_with_vectors(model, alive)
    figures = {"coverage": coverage}
    figures |= {name: value for name, value in holdout.items() if not name.startswith(FIFTH)}
    lift = lift_of(figures)
    if lift is not None:
        figures["lift"] = lift

    def verdict(outcome: GateOutcome, reason: str, *, passed: bool) -> GateVerdict:
        return GateVerdict(passed, outcome, reason, figures)

    if not np.isfinite(coverage):
        return verdict(GateOutcome.WORSE, "the model's vectors are not finite numbers", passed=False)
    if before is None:
        return verdict(GateOutcome.NOT_COMPARED, f"nothing served before; {_in_words(figures)}", passed=True)
    needed = min(settings.min_coverage, float(before.get("coverage", 0.0)))
    if coverage < needed:
        reason = f"only {coverage:.1%} of the items can be found, {needed:.1%} before"
        return verdict(GateOutcome.WORSE, reason, passed=False)
    if lift is None:  # a thin night hands on what the next one is to be measured by
        figures |= {name: float(before[name]) for name in MEASURE if name in before}
    if lift is None or before.get("lift") is None:
        reason = f"too few held-out events to compare; {_in_words(figures)}"
        return verdict(GateOutcome.NOT_COMPARED, reason, passed=True)
    return _compared(figures, settings, before, hearing)


def _compared(
    figures: dict[str, float],
    settings: GateSettings,
    before: Mapping[str, Any],
    hearing: Callable[[], Hearing | None],
) -> GateVerdict:
    """The verdict on a sound release beside a serving one, both with a lift; adds to the figures."""
    lift, old = figures["lift"], float(before["lift"])
    words = f"{_in_words(figures)}: {lift:.2f} times as good"
    if lift >= old * (1 - settings.max_drop):
        return GateVerdict(True, GateOutcome.NO_WORSE, f"{words}, {old:.2f} before", figures)
    words = f"{words}, the serving release {old:.2f} times (gate.max_drop {settings.max_drop:.0%})"
    heard = hearing()
    if heard is None:
        left = lift / old
        sure = _surely_below(figures, before, 1 - settings.max_drop)
    else:
        new, serving = float(heard.new.mean()), float(heard.serving.mean())
        # the serving release may have been let through unsure itself
        left = min(1.0, new / serving * float(before.get("standing", 1.0))) if serving > 0 else 1.0
        sure = heard.surely_below(1 - settings.max_drop)
        figures |= {"same_pairs": heard.pairs, "same_ndcg@10": new, "serving_ndcg@10": serving}
        words += f"; on {heard.pairs} pairs that neither had seen {new:.4f}, serving {serving:.4f}"
    if left >= 1 - settings.max_drop:
        return GateVerdict(True, GateOutcome.NO_WORSE, words, figures)
    if sure:
        return GateVerdict(False, GateOutcome.WORSE, words, figures)
    figures |= {"own_lift": lift, "lift": old, "standing": left}
    figures |= {"lift_error": float(before["lift_error"])} if "lift_error" in before else {}
    words += ": inconclusive, "
    if left >= 1 - settings.max_unsure_drop:
        words += "so many events do not tell"
        return GateVerdict(True, GateOutcome.INCONCLUSIVE, words, figures)
    words += f"but the mean fell by more than gate.max_unsure_drop ({settings.max_unsure_drop:.0%}); "
    return GateVerdict(False, GateOutcome.INCONCLUSIVE, words + "more events will tell", figures)


def _surely_below(figures: Mapping[str, float], before: Mapping[str, Any], share: float) -> bool:
    """Whether the lift is below that share of the serving release's by a 95 % interval.

    The errors of both exams are added as if they shared no event: where they do, the true interval is
    narrower. A release of an older make tells no error: the new one's is taken.
    """
    error = figures["lift_error"]
    new, old = figures["lift"], share * float(before["lift"])
    one_hit = 1.0 / (figures["pairs"] * figures["popularity_ndcg@10"])  # a lift of 0 has no relative error
    both = float(np.hypot(max(error * new, one_hit), float(before.get("lift_error", error)) * old))
    return new - old + SURE * both < 0


def lift_of(figures: Mapping[str, float]) -> float | None:
    """NDCG@10 over popularity's on the same held-out pairs; None where too few decide or popularity has 0."""
    floor = figures.get("popularity_ndcg@10", 0.0)
    if figures.get("pairs", 0) < LEAST_PAIRS or floor <= 0:
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
