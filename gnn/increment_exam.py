"""What an increment's candidate and the model that serves are asked: they differ in the weights alone."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gnn.evaluation.cases import Pairs
from gnn.evaluation.health import neighbour_lists
from gnn.evaluation.metrics import Values
from gnn.evaluation.ranking import ScoreFn, pair_ranks
from gnn.fitted_ilk import FittedIlk
from gnn.histories import group_by_user, next_pairs
from gnn.objective import Objective
from gnn.shop_arrays import FloatArray, IntArray, ShopArrays

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class PairedScores:
    """Two models on the same cases."""

    candidate: Values
    """Gain of each case, (m,): 1 / log2(1 + rank of the target in the whole catalogue)."""
    serving: Values
    """(m,)."""
    cluster: IntArray
    """User of each case, (m,)."""

    def where(self, mask: npt.NDArray[np.bool_]) -> "PairedScores":
        """Some of the cases."""
        return PairedScores(self.candidate[mask], self.serving[mask], self.cluster[mask])


@dataclass(frozen=True)
class IncrementExam:
    """Everything the gate for increments looks at."""

    newest: PairedScores
    """On the newest events, from which neither model has learned."""
    old: PairedScores
    """On a sample of old events that is the same from increment to increment."""
    cold: PairedScores
    """Of `newest` those whose target has few events."""
    figures: dict[str, float]
    """`list_coverage`, `list_coverage_before`: share of the catalogue that appears in a top 10, of those that
    are compared; `neighbour_drift`: share of these top 10 that changed; `norm_growth`: largest residual over
    the largest before; `finite`: 0 where a vector is not finite, else 1."""


@dataclass(frozen=True)
class ExamConfig:
    """How large the exam is."""

    pairs: int = 3000
    """Cases of each part at most: the newest; of old ones a fixed sample."""
    lists: int = 1000
    """Items whose lists are compared at most, the same for both models: coverage and drift are judged by
    tenths, and lists of more took as long as everything else of the exam."""
    few_events: int = 5
    """Events up to which an item counts as cold."""


def increment_exam(
    candidate: FittedIlk,
    serving: FittedIlk,
    shop: ShopArrays,
    held_back: IntArray,
    config: ExamConfig | None = None,
) -> IncrementExam:
    """Ask two models what came next.

    Args:
        candidate, serving: With signals from the events of `shop` that are not held back.
        shop: All events.
        held_back: Positions of the newest events, from which neither has learned, (m,).
    """
    config = config or ExamConfig()
    query, target, position = next_pairs(group_by_user(shop))
    is_held = np.zeros(shop.n_events, np.bool_)
    is_held[held_back] = True
    counts = np.bincount(shop.item[~is_held], minlength=shop.n_items)
    pairs = Pairs(query, target, shop.user[position])
    late = is_held[position]
    warm = counts[target] > 0
    newest = np.flatnonzero(late & warm)[-config.pairs :]
    old = np.flatnonzero(~late)
    old = old[np.argsort(_hashed(query[old], target[old], pairs.user[old]), kind="stable")[: config.pairs]]
    new_pairs = _chosen(pairs, newest)
    asked_new = _asked(candidate, serving, new_pairs)
    return IncrementExam(
        newest=asked_new,
        old=_asked(candidate, serving, _chosen(pairs, old)),
        cold=asked_new.where(counts[new_pairs.target] <= config.few_events),
        figures=_figures(candidate, serving, config.lists),
    )


def _chosen(pairs: Pairs, places: IntArray) -> Pairs:
    return Pairs(pairs.query[places], pairs.target[places], pairs.user[places])


def _hashed(query: IntArray, target: IntArray, user: IntArray) -> npt.NDArray[np.uint64]:
    """A number of each pair that does not change while the log grows (Fibonacci hashing)."""
    value = np.zeros(len(query), np.uint64)
    for part in (query, target, user):
        value = (value ^ part.astype(np.uint64)) * _GOLDEN
        value ^= value >> np.uint64(29)
    return value


def _asked(candidate: FittedIlk, serving: FittedIlk, pairs: Pairs) -> PairedScores:
    gains = []
    for model in (candidate, serving):
        score = _scorer(model, Objective.NEXT)
        ranks = pair_ranks(score, pairs, model.n_items) if len(pairs) else np.zeros(0)
        gains.append(1.0 / np.log2(ranks + 2.0))
    return PairedScores(gains[0], gains[1], pairs.user)


def _scorer(model: FittedIlk, objective: Objective) -> ScoreFn:
    def score(rows: IntArray) -> FloatArray:
        return model.score_similar(rows, objective)

    return score


def _figures(candidate: FittedIlk, serving: FittedIlk, queries: int) -> dict[str, float]:
    n = candidate.n_items
    lists = [neighbour_lists(_scorer(model, Objective.RELATED), n, queries) for model in (candidate, serving)]
    same = (lists[0].item[:, :, None] == lists[1].item[:, None, :]).any(axis=2)
    shown = [len(np.unique(found.item[found.listed])) / max(n, 1) for found in lists]
    norms = [
        float(np.linalg.norm(model.weights.residual, axis=1).max(initial=0.0)) if model.weights else 0.0
        for model in (candidate, serving)
    ]
    finite = np.isfinite(candidate.item_vectors()).all()
    return {
        "list_coverage": shown[0],
        "list_coverage_before": shown[1],
        "neighbour_drift": float(1 - same.mean()) if same.size else 0.0,
        "norm_growth": norms[0] / norms[1] if norms[1] > 0 else 1.0,
        "finite": float(finite),
    }
