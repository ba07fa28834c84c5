"""What an incremental update must show before it serves."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from gnn.evaluation.bootstrap import paired_intervals
from gnn.increment_exam import IncrementExam, PairedScores
from service.increments.hop import Outcome
from service.settings import IncrementGateSettings


@dataclass(frozen=True)
class PairedTest:
    """Relative difference of two models on the same cases, with its 95 % interval."""

    outcome: Outcome
    difference: float
    low: float
    high: float
    n: int

    def to_json(self) -> dict[str, Any]:
        """For the manifest."""
        return {
            "outcome": self.outcome.value,
            "difference": self.difference,
            "low": self.low,
            "high": self.high,
            "n": self.n,
        }


@dataclass(frozen=True)
class IncrementVerdict:
    """Whether the candidate may serve, and on what grounds."""

    outcome: Outcome
    reason: str
    """One line for people; names the figure and the threshold that decided."""
    tests: dict[str, PairedTest]
    figures: dict[str, float]

    @property
    def passed(self) -> bool:
        """Only what was shown to be no worse may serve."""
        return self.outcome is Outcome.BETTER_OR_EQUAL

    def to_json(self) -> dict[str, Any]:
        """For the manifest and `--json`; `passed` and `reason` as in a full refresh's."""
        tests = {name: test.to_json() for name, test in self.tests.items()}
        return {
            "passed": self.passed,
            "reason": self.reason,
            "outcome": self.outcome.value,
            "tests": tests,
            **self.figures,
        }


def paired_test(
    scores: PairedScores, settings: IncrementGateSettings, tolerance: float, seed: int = 0
) -> PairedTest:
    """Candidate against serving; users are resampled as a whole: one user's cases resemble each other.

    *worse*: the interval lies below 0 and the loss exceeds the tolerance, which two trainings of the same
    data with different seeds do not reach. *better or equal*: a loss beyond the margin is ruled out. Else
    *inconclusive*. tolerance: relative loss, 0 to 1.
    """
    n = len(scores.serving)
    base = float(scores.serving.mean()) if n else 0.0
    if n < settings.min_pairs or base <= 0:
        return PairedTest(Outcome.INCONCLUSIVE, 0.0, -1.0, 1.0, n)
    rng = np.random.default_rng(seed)
    found = paired_intervals((scores.candidate - scores.serving)[None], scores.cluster, rng)[0]
    difference, low, high = (value / base for value in (found.difference, found.low, found.high))
    outcome = Outcome.INCONCLUSIVE
    if high < 0 and difference < -tolerance:
        outcome = Outcome.WORSE
    elif low > -max(settings.margin, tolerance):
        outcome = Outcome.BETTER_OR_EQUAL
    return PairedTest(outcome, difference, low, high, n)


def judge_increment(exam: IncrementExam, settings: IncrementGateSettings) -> IncrementVerdict:
    """Look at a candidate: is it sound, is it no worse on the newest events, on old ones (has it forgotten?)
    and on cold items; the first thing that speaks against it is named."""
    tests = {
        "newest": paired_test(exam.newest, settings, settings.tolerance),
        "old": paired_test(exam.old, settings, settings.max_forgetting),
        "cold": paired_test(exam.cold, settings, settings.max_forgetting),
    }

    def verdict(outcome: Outcome, reason: str) -> IncrementVerdict:
        return IncrementVerdict(outcome, reason, tests, exam.figures)

    broken = _broken(exam.figures, settings)
    if broken:
        return verdict(Outcome.WORSE, broken)
    for name, test in tests.items():
        if test.outcome is Outcome.WORSE:
            return verdict(Outcome.WORSE, f"on {name} events {_in_words(test)}")
    for name in ("newest", "old"):  # few cold cases are no reason to wait
        if tests[name].outcome is Outcome.INCONCLUSIVE:
            return verdict(
                Outcome.INCONCLUSIVE, f"on {name} events {_in_words(tests[name])}: not enough to tell"
            )
    return verdict(Outcome.BETTER_OR_EQUAL, f"on newest events {_in_words(tests['newest'])}")


def _in_words(test: PairedTest) -> str:
    return f"{test.difference:+.1%} ({test.low:+.1%} to {test.high:+.1%}, {test.n} cases)"


def _broken(figures: dict[str, float], settings: IncrementGateSettings) -> str | None:
    """What the health of the candidate says against it."""
    if not figures["finite"]:
        return "the model's vectors are not finite numbers"
    now, before = figures["list_coverage"], figures["list_coverage_before"]
    if now < before * (1 - settings.max_coverage_drop):
        return (
            f"only {now:.1%} of the items appear in the top 10 compared, {before:.1%} before "
            f"(increment.gate.max_coverage_drop {settings.max_coverage_drop:.0%})"
        )
    if figures["neighbour_drift"] > settings.max_neighbour_drift:
        return (
            f"{figures['neighbour_drift']:.0%} of the top 10 changed at once "
            f"(increment.gate.max_neighbour_drift {settings.max_neighbour_drift:.0%})"
        )
    if figures["norm_growth"] > settings.max_norm_growth:
        return (
            f"the largest trained vector grew {figures['norm_growth']:.1f} times "
            f"(increment.gate.max_norm_growth {settings.max_norm_growth:g})"
        )
    return None
