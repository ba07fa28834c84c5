"""The rule by which `ilk serve` makes increments, for the protocol `stream`."""

from gnn.evaluation.stream_increments import Fate
from gnn.increment_exam import ExamConfig, IncrementExam
from service.increments.gate import judge_increment
from service.increments.hop import Hop, Outcome
from service.settings import IncrementSettings

_FATES = {
    Outcome.BETTER_OR_EQUAL: Fate.SERVES,
    Outcome.INCONCLUSIVE: Fate.WAITS,
    Outcome.WORSE: Fate.TAKEN_OUT,
}


class IncrementsAsServed:
    """By number of events alone: how long they wait is not replayed, nor is the full refresh that repeated
    rejection asks for."""

    def __init__(self, settings: IncrementSettings) -> None:
        self._settings = settings
        self._hop = Hop(settings.edges)

    @property
    def exam(self) -> ExamConfig:
        """Of `increment.exam_pairs` cases."""
        return ExamConfig(self._settings.exam_pairs)

    def waits_for(self) -> int:
        """As many as the hop asks for."""
        return self._hop.edges

    def holds_back(self, new: int) -> int:
        """`increment.holdout_share` of them, one at least."""
        return max(1, int(new * self._settings.holdout_share))

    def fate(self, exam: IncrementExam) -> Fate:
        """By the gate; the hop widens after a failure."""
        outcome = judge_increment(exam, self._settings.gate).outcome
        self._hop = self._hop.after(outcome, self._settings.gate, self._settings.edges)
        return _FATES[outcome]
