"""Settings chosen on the newest events: a fair chance for every baseline, at the same small budget."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum

import numpy as np

from gnn.baselines.interactions import fitted
from gnn.evaluation.data import EvaluationData
from gnn.evaluation.errors import UnfitData
from gnn.evaluation.judging import TestCases, judge, temporal_cases
from gnn.evaluation.split import Split
from gnn.objective import Objective
from gnn.recommender import Recommender
from gnn.shop_arrays import FloatArray, IntArray, ShopArrays

BUDGET = 6
"""Settings tried per baseline."""


class Tuning(StrEnum):
    """How settings are found."""

    NONE = "none"
    """Fixed."""
    VALID = "valid"
    """The best on the newest ninth of the events."""


class Tuned:
    """A baseline whose settings are chosen inside `fit`, for items, baskets and users separately.

    The newest ninth of the events (a tenth of the dataset, where a tenth is the test) judges each setting;
    the winners are then fitted on all events.
    """

    def __init__(self, settings: Sequence[Callable[[], Recommender]]) -> None:
        if not 0 < len(settings) <= BUDGET:
            raise UnfitData(f"between 1 and {BUDGET} settings may be tried, not {len(settings)}")
        self._settings = tuple(settings)
        first = settings[0]()
        self.name = first.name
        self.deterministic = bool(getattr(first, "deterministic", False))
        self._winners: dict[str, Recommender] | None = None

    def fit(self, shop: ShopArrays, seed: int) -> None:
        """Try all settings on the older events, refit the best ones on all."""
        split = Split(shop.n_events * 8 // 9, shop.n_events)
        cases = temporal_cases(EvaluationData("valid", replace(shop, review_text=None)), split)
        figures = [
            _valid_figures(build(), shop.events(0, split.fit_stop), seed, cases) for build in self._settings
        ]
        best = best_settings(figures)
        models = {place: self._settings[place]() for place in dict.fromkeys(best.values())}
        for model in models.values():
            model.fit(shop, seed)
        self._winners = {task: models[place] for task, place in best.items()}

    def score_similar(self, query: IntArray, objective: Objective) -> FloatArray:
        """By the winner of the objective's task; see `gnn.recommender`."""
        return fitted(self._winners)[objective.value].score_similar(query, objective)

    def score_users(self, users: IntArray) -> FloatArray | None:
        """By the winner for users; see `gnn.recommender`."""
        return fitted(self._winners)["users"].score_users(users)


def _valid_figures(model: Recommender, shop: ShopArrays, seed: int, cases: TestCases) -> dict[str, float]:
    model.fit(shop, seed)
    means = {"/".join(scores.path): scores.means() for scores in judge(model, cases)}
    wanted = {
        "next/warm": "ndcg@10",
        "next/cold": "ndcg@10",
        "basket/warm": "ndcg@10",
        "user_next": "ndcg@20",
    }
    return {path: means[path][metric] for path, metric in wanted.items() if path in means}


def best_settings(figures: Sequence[Mapping[str, float]]) -> dict[str, int]:
    """Figures of each setting on valid -> place of the best setting by task; the first of equals.

    Links are never seen in training: `related` goes by the mean over next (warm and cold) and basket, each
    relative to its best setting. A task without cases on valid goes like `related`.
    """

    def score(*paths: str) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
        columns = [np.array([row[path] for row in figures]) for path in paths if path in figures[0]]
        relative = [column / column.max() for column in columns if column.max() > 0]
        return np.mean(relative, axis=0) if relative else np.zeros(len(figures))

    related = score("next/warm", "next/cold", "basket/warm")
    choice = {
        Objective.RELATED.value: related,
        Objective.NEXT.value: score("next/warm"),
        Objective.TOGETHER.value: score("basket/warm"),
        "users": score("user_next"),
    }
    return {task: int(np.argmax(values if values.any() else related)) for task, values in choice.items()}
