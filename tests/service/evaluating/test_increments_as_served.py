"""The rule of `ilk serve` in the protocol `stream`."""

from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from gnn.evaluation.stream_increments import Fate
from gnn.increment_exam import IncrementExam, PairedScores
from service.errors import CallerMistake
from service.evaluating.evaluation import EvaluateRequest, run_evaluation
from service.evaluating.increments_as_served import IncrementsAsServed
from service.reporter import Reporter
from service.settings import IncrementSettings, load_settings

SOUND = {
    "list_coverage": 1.0,
    "list_coverage_before": 1.0,
    "neighbour_drift": 0.0,
    "norm_growth": 1.0,
    "finite": 1.0,
}


def exam(factor: float, n: int = 400) -> IncrementExam:
    """The candidate has `factor` times what the serving one has, in each of n cases."""
    serving = np.linspace(0.1, 1.0, n)
    asked = PairedScores(serving * factor, serving, np.arange(n))
    return IncrementExam(asked, asked, asked, SOUND)


def test_fates_follow_the_gate_and_the_hop_widens() -> None:
    rule = IncrementsAsServed(IncrementSettings(edges=500))
    assert rule.waits_for() == 500
    assert rule.fate(exam(1.0, n=50)) is Fate.WAITS  # too few to tell
    assert rule.waits_for() == 1_000
    assert rule.fate(exam(0.8)) is Fate.TAKEN_OUT
    assert rule.waits_for() == 2_000
    assert rule.fate(exam(1.1)) is Fate.SERVES
    assert rule.waits_for() == 500


@pytest.mark.parametrize(("new", "held"), [(2_000, 400), (20, 4), (3, 1)])
def test_the_newest_share_judges(new: int, held: int) -> None:
    assert IncrementsAsServed(IncrementSettings()).holds_back(new) == held


def test_the_exam_is_as_large_as_the_settings_say() -> None:
    assert IncrementsAsServed(IncrementSettings(exam_pairs=200)).exam.pairs == 200


def test_as_served_belongs_to_the_stream(tmp_path: Path) -> None:
    request = EvaluateRequest(tmp_path, models=("popularity",), as_served=True)
    with pytest.raises(CallerMistake, match="stream"):
        run_evaluation(request, load_settings(tmp_path), Reporter(Console(quiet=True)))
