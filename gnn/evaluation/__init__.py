"""How good a model is: protocols, tasks, metrics, intervals. See docs/evaluation.md."""

from gnn.evaluation.comparison import Comparison
from gnn.evaluation.data import EvaluationData, evaluation_data, link_pairs
from gnn.evaluation.errors import (
    BaselineTooLarge,
    EvaluationError,
    ExtraMissing,
    InvalidScores,
    ModelUnavailable,
    TextMissing,
    UnfitData,
)
from gnn.evaluation.evaluate import EvaluationProtocol, ProgressFn, evaluate
from gnn.evaluation.judging import TestCases, given_cases, judge, temporal_cases
from gnn.evaluation.result import EvaluationResult, Run
from gnn.evaluation.scores import MIN_CASES, SliceScores
from gnn.evaluation.split import Split, temporal_splits

__all__ = [
    "MIN_CASES",
    "BaselineTooLarge",
    "Comparison",
    "EvaluationData",
    "EvaluationError",
    "EvaluationProtocol",
    "EvaluationResult",
    "ExtraMissing",
    "InvalidScores",
    "ModelUnavailable",
    "ProgressFn",
    "Run",
    "SliceScores",
    "Split",
    "TestCases",
    "TextMissing",
    "UnfitData",
    "evaluate",
    "evaluation_data",
    "given_cases",
    "judge",
    "link_pairs",
    "temporal_cases",
    "temporal_splits",
]
