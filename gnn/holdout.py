"""How the model behind a fit does on the newest events, which its signals had not seen."""

import numpy as np

from gnn.evaluation.cases import Pairs
from gnn.evaluation.metrics import single_ndcg_at_k
from gnn.evaluation.ranking import pair_ranks
from gnn.fitted_ilk import FittedIlk
from gnn.objective import Objective
from gnn.shop_arrays import FloatArray, IntArray, ShopArrays

HOLDOUT_PAIRS = 2000
"""At most so many pairs are ranked: enough for a standard error of about .004 of NDCG@10."""


def holdout_figures(
    model: FittedIlk, older: ShopArrays, query: IntArray, target: IntArray
) -> dict[str, float]:
    """NDCG@10 of `next` on held-out pairs with warm targets, beside popularity's on the same pairs.

    model: signals from `older` only. query, target: pairs whose target event is newer, shape (m,). The few
    mixing weights were learned on up to 1,000 of these pairs, so the figure is slightly flattering.
    """
    counts = np.bincount(older.item, minlength=older.n_items).astype(np.float32)
    warm = counts[target] > 0
    query, target = query[warm], target[warm]
    some = np.random.default_rng(0).permutation(len(query))[:HOLDOUT_PAIRS]
    pairs = Pairs(
        query[some], target[some], np.zeros(len(some), np.int64)
    )  # whose they are does not matter here
    if not len(some):
        return {"pairs": 0}

    def popularity(rows: IntArray) -> FloatArray:
        return np.broadcast_to(counts, (len(rows), len(counts)))

    ours = pair_ranks(lambda rows: model.score_similar(rows, Objective.NEXT), pairs, older.n_items)
    theirs = pair_ranks(popularity, pairs, older.n_items)
    return {
        "ndcg@10": float(single_ndcg_at_k(ours, 10).mean()),
        "popularity_ndcg@10": float(single_ndcg_at_k(theirs, 10).mean()),
        "pairs": len(some),
    }
