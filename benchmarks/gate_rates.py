"""How often the gate of increments speaks against candidates that are as good, and against worse ones."""

import statistics
from collections import Counter
from dataclasses import replace
from itertools import permutations
from typing import Any

import numpy as np

from benchmarks.protected_shop import Protected
from gnn.fitted_ilk import FittedIlk
from gnn.increment_exam import IncrementExam, PairedScores, increment_exam
from gnn.shop_arrays import IntArray, ShopArrays
from service.increments.gate import IncrementVerdict, judge_increment
from service.increments.hop import Outcome
from service.settings import IncrementGateSettings

GATE = IncrementGateSettings()
NOISY = 2
"""Of so many increments one is made worse by noise: that takes several exams."""


def worsened(model: FittedIlk, amplitude: float, seed: int) -> FittedIlk:
    """Noise on every trained vector."""
    vectors = model.signals.embedding
    assert vectors is not None
    noise = np.random.default_rng(seed).normal(size=vectors.shape) / np.sqrt(vectors.shape[1])
    signals = replace(model.signals, embedding=(vectors + amplitude * noise).astype(np.float32))
    return FittedIlk(signals, model.mixes, model.user_mix, model.config, model.weights)


def gate_rates(protected: Protected, blocks: int, trials: int) -> dict[str, Any]:
    """How often the gate speaks against another seed, and against noise that costs a tenth.

    Of each block some increments with seeds of their own are made, and each is held against each other as
    candidate and as serving: with one reference for all, one lucky seed would decide every trial.
    """
    same: Counter[str] = Counter()
    parts: Counter[str] = Counter()
    spread: list[float] = []
    worse: list[IncrementVerdict] = []
    losses: list[float] = []
    for number in range(blocks):
        shop, learned, held = protected.block(number)
        seen = shop.events(0, int(held[0]))
        served = protected.served(seen)
        exams: list[IncrementExam] = []
        for seed in range(trials):
            model = protected.trained(served, seen, learned, seed)
            exams.append(increment_exam(model, served, shop, held))
            if seed % NOISY == 0:
                lost, exam = tenth_worse(model, shop, held, seed)
                losses.append(lost)
                worse.append(judge_increment(exam, GATE))
        for one, other in permutations(exams, 2):
            verdict = judge_increment(held_against(one, other), GATE)
            same[verdict.outcome.value] += 1
            parts.update(_deciding(verdict))
        means = [float(exam.newest.candidate.mean()) for exam in exams]
        spread.append(statistics.stdev(means) / statistics.mean(means))
        print(f"block {number + 1}: {dict(same)} | {_counts(worse)} at {np.mean(losses):.1%}", flush=True)
    return {
        "models": blocks * trials,
        "same_data_other_seed": dict(same),
        "same_data_other_seed_rejected_for": dict(parts),
        "spread_of_seeds": [round(one, 4) for one in spread],
        "a_tenth_worse": _counts(worse),
        "a_tenth_worse_by_quality_alone": sum(bool(_deciding(one)) for one in worse),
        "losses": [round(lost, 4) for lost in losses],
    }


def held_against(candidate: IncrementExam, serving: IncrementExam) -> IncrementExam:
    """The exam of two models that sat the same one; what health says is taken from the candidate's own."""

    def pair(one: PairedScores, other: PairedScores) -> PairedScores:
        return PairedScores(one.candidate, other.candidate, one.cluster)

    return IncrementExam(
        pair(candidate.newest, serving.newest),
        pair(candidate.old, serving.old),
        pair(candidate.cold, serving.cold),
        candidate.figures,
    )


def tenth_worse(
    model: FittedIlk, shop: ShopArrays, held: IntArray, seed: int, steps: int = 7
) -> tuple[float, IncrementExam]:
    """(loss on the newest events, exam) of the noisy model that comes nearest to a tenth from below."""
    low, high = 0.0, 8.0
    found: tuple[float, IncrementExam] | None = None
    for _ in range(steps):
        middle = (low + high) / 2
        exam = increment_exam(worsened(model, middle, seed), model, shop, held)
        lost = 1 - float(exam.newest.candidate.mean() / exam.newest.serving.mean())
        low, high = (low, middle) if lost > 0.1 else (middle, high)
        if lost <= 0.1 and (found is None or lost > found[0]):
            found = lost, exam
    assert found is not None  # noise next to nothing costs less than a tenth
    return found


def _deciding(verdict: IncrementVerdict) -> list[str]:
    """The tests that speak against a candidate."""
    return [name for name, test in verdict.tests.items() if test.outcome is Outcome.WORSE]


def _counts(verdicts: list[IncrementVerdict]) -> dict[str, int]:
    return {outcome.value: sum(one.outcome is outcome for one in verdicts) for outcome in Outcome}
