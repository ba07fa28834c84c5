"""Fit every model on the past, judge it on the future, compare."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from functools import partial

import numpy as np

from gnn.evaluation.comparison import Comparison, compare
from gnn.evaluation.data import EvaluationData
from gnn.evaluation.errors import ModelUnavailable, UnfitData
from gnn.evaluation.health import health, neighbour_lists
from gnn.evaluation.judging import TestCases, given_cases, judge, temporal_cases
from gnn.evaluation.result import EvaluationResult, Run
from gnn.evaluation.scores import Path, SliceScores
from gnn.evaluation.split import Split, temporal_splits
from gnn.objective import Objective
from gnn.recommender import Recommender
from gnn.shop_arrays import FloatArray, IntArray, ShopArrays

logger = logging.getLogger(__name__)

ProgressFn = Callable[[str, int, int], None]
"""Called with (what begins now, fits done, fits in all)."""


class EvaluationProtocol(StrEnum):
    """How past and future are told apart."""

    TEMPORAL = "temporal"
    """By time: 90 % of the events, then the rest."""
    GIVEN_SPLIT = "given-split"
    """By the dataset's own train and test."""


def evaluate(
    data: EvaluationData,
    recommenders: Sequence[Recommender],
    seeds: Sequence[int] = (0,),
    protocol: EvaluationProtocol = EvaluationProtocol.TEMPORAL,
    progress: ProgressFn | None = None,
    *,
    windows: int = 1,
    reference: str = "ilk",
    settings: Mapping[str, object] | None = None,
) -> EvaluationResult:
    """Judge models on one dataset, all on the same cases.

    A model with a true attribute `deterministic` is fitted once per window, whatever the seeds; of one with a
    `learning_curve` the epochs of each fit are kept.

    Args:
        data: All events; the function hides the future from the models.
        recommenders: Unfitted or fitted before; each is fitted anew per window and seed.
        windows: Test windows (`temporal` only), see `gnn.evaluation.split`.
        reference: The model that is compared with every other; the first one where it is not among them.
        settings: Shown in the result beside the function's own.

    Raises:
        UnfitData: No or repeated models, no seeds, or data that do not suit the protocol.
        InvalidScores: A model returned NaN or scores of a wrong shape.
    """
    names = [model.name for model in recommenders]
    if not names or len(set(names)) != len(names) or not seeds or len(set(seeds)) != len(seeds):
        raise UnfitData("evaluate needs models with different names and different seeds")
    splits = _splits(data, protocol, windows)
    cases = [_cases(data, split, protocol) for split in splits]
    runs: dict[str, list[Run]] = {}
    skipped: dict[str, str] = {}
    fits = _Fits(sum(len(_seeds_of(model, seeds)) for model in recommenders) * len(splits), progress)
    for model in recommenders:
        try:
            runs[model.name] = [
                _run(data, model, window, split, cases[window], seed, fits)
                for window, split in enumerate(splits)
                for seed in _seeds_of(model, seeds)
            ]
        except ModelUnavailable as reason:
            logger.warning("model skipped", extra={"model": model.name, "reason": str(reason)})
            skipped[model.name] = str(reason)
    own = {"windows": len(splits), "reference": reference}
    return EvaluationResult(
        dataset=data.dataset,
        protocol=protocol.value,
        seeds=tuple(seeds),
        settings=own | dict(settings or {}),
        runs=runs,
        skipped=skipped,
        comparisons=_comparisons(reference, runs),
    )


def _splits(data: EvaluationData, protocol: EvaluationProtocol, windows: int) -> tuple[Split, ...]:
    if protocol is EvaluationProtocol.TEMPORAL:
        return temporal_splits(data.shop.n_events, windows)
    if data.given_split is None:
        raise UnfitData("the dataset brings no split of its own: use the protocol temporal")
    if windows != 1:
        raise UnfitData("a dataset's own split is one window")
    return (Split(data.given_split, data.shop.n_events),)


def _cases(data: EvaluationData, split: Split, protocol: EvaluationProtocol) -> TestCases:
    build = temporal_cases if protocol is EvaluationProtocol.TEMPORAL else given_cases
    return build(data, split)


def _seeds_of(model: Recommender, seeds: Sequence[int]) -> Sequence[int]:
    return seeds[:1] if getattr(model, "deterministic", False) else seeds


class _Fits:
    """Counts fits for the progress report."""

    def __init__(self, total: int, progress: ProgressFn | None) -> None:
        self._done, self._total, self._progress = 0, total, progress

    def begin(self, what: str) -> None:
        if self._progress is not None:
            self._progress(what, self._done, self._total)
        self._done += 1


def _run(
    data: EvaluationData,
    model: Recommender,
    window: int,
    split: Split,
    cases: TestCases,
    seed: int,
    fits: _Fits,
) -> Run:
    """Fit on the events before the split, judge on those after it."""
    fits.begin(f"{model.name}, window {window + 1}, seed {seed}")
    shop = data.visible(0, split.fit_stop)
    started = time.perf_counter()
    model.fit(shop, seed)
    seconds = time.perf_counter() - started
    curve = tuple(getattr(model, "learning_curve", ()))
    return Run(window, seed, seconds, judge(model, cases), _health(model, shop, cases), curve)


def _related(model: Recommender, query: IntArray) -> FloatArray:
    return model.score_similar(query, Objective.RELATED)


def _health(model: Recommender, shop: ShopArrays, cases: TestCases) -> dict[str, float]:
    return health(neighbour_lists(partial(_related, model), shop.n_items), cases.counts, shop.text)


def _comparisons(reference: str, runs: Mapping[str, Sequence[Run]]) -> list[Comparison]:
    if len(runs) < 2:
        return []
    model = reference if reference in runs else next(iter(runs))
    return compare(model, {name: over_seeds(found) for name, found in runs.items()})


def over_seeds(runs: Sequence[Run]) -> dict[Path, list[SliceScores]]:
    """Per slice and window, each case's mean over the seeds."""
    parts: dict[tuple[Path, int], list[SliceScores]] = {}
    for run in runs:
        for scores in run.scores:
            parts.setdefault((scores.path, run.window), []).append(scores)
    merged: dict[Path, list[SliceScores]] = {}
    for (path, _), seeds in parts.items():
        values = {m: np.mean([scores.values[m] for scores in seeds], axis=0) for m in seeds[0].values}
        merged.setdefault(path, []).append(replace(seeds[0], values=values))
    return merged
