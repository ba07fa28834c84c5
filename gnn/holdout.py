"""How the model behind a fit does on the newest events, which its signals had not seen."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gnn.evaluation.cases import Pairs
from gnn.evaluation.metrics import single_ndcg_at_k
from gnn.evaluation.ranking import pair_ranks
from gnn.evaluation.slices import QUINTILES, popularity_quintile
from gnn.fitted_ilk import FittedIlk
from gnn.objective import Objective
from gnn.shop_arrays import FloatArray, IntArray, ShopArrays

HOLDOUT_PAIRS = 5000
"""The newest pairs that are ranked, at most: a standard error of about .0025 of NDCG@10. The newest rather
than random ones, so that two refreshes a day apart are judged on nearly the same."""

FIFTH = "fifth"
"""How the names of the figures by popularity begin: `fifth1_ndcg@10` is the rarest items'."""

KEPT_GAINS = 2400
"""Of so many of the newest pairs each gain is kept: a serving model can be asked those it had not seen."""


@dataclass(frozen=True)
class Holdout:
    """What the newest events say of a model."""

    figures: dict[str, float]
    """`ndcg@10`, `popularity_ndcg@10`, `pairs`, `lift_error` (relative standard error of the first over the
    second), and NDCG@10 by popularity."""
    newest: FloatArray
    """NDCG@10 of each of the newest pairs, in order of time, (KEPT_GAINS,) at most."""


def holdout_of(model: FittedIlk, older: ShopArrays, query: IntArray, target: IntArray) -> Holdout:
    """NDCG@10 of `next` on held-out pairs with warm targets, beside popularity's on the same pairs.

    model: signals from `older` only. query, target: pairs whose target event is newer, shape (m,). The figure
    flatters, by how much is not known: on up to 10,000 of these pairs the best of some two dozen mixes of
    trends was chosen and, where they are many, three relations' weights and their scale were learned; on
    2,000 of them the epochs were chosen. The fewer the pairs, the more it flatters.
    """
    counts = np.bincount(older.item, minlength=older.n_items).astype(np.float32)
    warm = counts[target] > 0
    query, target = query[warm], target[warm]
    some = slice(max(0, len(query) - HOLDOUT_PAIRS), None)
    pairs = Pairs(
        query[some], target[some], np.zeros(len(query[some]), np.int64)
    )  # whose they are does not matter here
    if not len(pairs.query):
        return Holdout({"pairs": 0}, np.zeros(0, np.float32))

    def popularity(rows: IntArray) -> FloatArray:
        return np.broadcast_to(counts, (len(rows), len(counts)))

    ours = pair_ranks(lambda rows: model.score_similar(rows, Objective.NEXT), pairs, older.n_items)
    theirs = pair_ranks(popularity, pairs, older.n_items)
    gains, floor = single_ndcg_at_k(ours, 10), single_ndcg_at_k(theirs, 10)
    quintile = popularity_quintile(np.bincount(older.item, minlength=older.n_items))
    figures = {
        "ndcg@10": float(gains.mean()),
        "popularity_ndcg@10": float(floor.mean()),
        "pairs": len(pairs.query),
        "lift_error": _relative_error(gains, floor),
        **_by_popularity(gains, quintile[pairs.target]),
    }
    return Holdout(figures, gains[-KEPT_GAINS:].astype(np.float32))


def _relative_error(gains: npt.NDArray[np.float64], floor: npt.NDArray[np.float64]) -> float:
    """Relative standard error of mean(gains) / mean(floor) over the same pairs (delta method); at least what
    one hit more or less is worth. 1 where either mean is 0: nothing can be told."""
    if not (gains.any() and floor.any()):
        return 1.0
    spread = gains / gains.mean() - floor / floor.mean()
    return max(float(spread.std() / np.sqrt(len(gains))), 1.0 / float(gains.sum()))


def _by_popularity(gains: npt.NDArray[np.float64], quintile: IntArray) -> dict[str, float]:
    """The same by the target's popularity on the older events, for the report."""
    figures: dict[str, float] = {}
    for number in range(QUINTILES):
        own = quintile == number
        if own.any():
            figures[f"{FIFTH}{number + 1}_ndcg@10"] = float(gains[own].mean())
            figures[f"{FIFTH}{number + 1}_pairs"] = int(own.sum())
    return figures
