"""One fitted model against one set of test cases."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from gnn.evaluation.basket import basket_pairs
from gnn.evaluation.cases import Pairs, TargetSets
from gnn.evaluation.data import EvaluationData
from gnn.evaluation.links import link_sets
from gnn.evaluation.metrics import (
    Values,
    f1_at_k,
    hr_at_k,
    ndcg_at_k,
    precision_at_k,
    recall_at_k,
    single_ndcg_at_k,
)
from gnn.evaluation.next_item import next_pairs
from gnn.evaluation.ranking import pair_ranks, set_places
from gnn.evaluation.scores import Path, SliceScores
from gnn.evaluation.slices import by_quintile, popularity_quintile
from gnn.evaluation.split import Split
from gnn.evaluation.user_next import UserCases, user_cases
from gnn.objective import Objective
from gnn.recommender import Recommender
from gnn.shop_arrays import FloatArray, IntArray

LIST_K = 10
USER_K = 20


@dataclass(frozen=True)
class TestCases:
    """Everything a model is asked after one split; a task without cases is empty, not absent."""

    __test__ = False  # not a test class

    counts: IntArray
    """Events of each item before the split: 0 = cold; shape (n_items,)."""
    next: Pairs
    basket: Pairs
    links: Mapping[str, TargetSets]
    users: UserCases

    @property
    def n_items(self) -> int:
        """Size of the catalogue."""
        return len(self.counts)


def temporal_cases(data: EvaluationData, split: Split) -> TestCases:
    """Cases of the tasks next, basket, links and user-next."""
    shop = data.shop
    return TestCases(
        counts=np.bincount(shop.item[: split.fit_stop], minlength=shop.n_items),
        next=next_pairs(shop, split),
        basket=basket_pairs(shop, split),
        links={name: link_sets(pairs, shop.n_items) for name, pairs in data.links.items()},
        users=user_cases(shop, split),
    )


def given_cases(data: EvaluationData, split: Split) -> TestCases:
    """Cases of a dataset's own split: users only, its order of events means nothing."""
    shop = data.shop
    nothing = np.empty(0, np.int64)
    none = Pairs(nothing, nothing, nothing)
    counts = np.bincount(shop.item[: split.fit_stop], minlength=shop.n_items)
    return TestCases(counts=counts, next=none, basket=none, links={}, users=user_cases(shop, split))


def judge(model: Recommender, cases: TestCases) -> list[SliceScores]:
    """Scores of a fitted model on every slice that has cases.

    Raises `InvalidScores` when the model returns scores of the wrong shape or NaN.
    """
    found = [*_next(model, cases), *_basket(model, cases)]
    for name, sets in cases.links.items():
        found += _links(model, cases, name, sets)
    return found + _users(model, cases)


def _similar(model: Recommender, objective: Objective, query: IntArray) -> FloatArray:
    return model.score_similar(query, objective)


def _pair_scores(path: Path, pairs: Pairs, rank: Values) -> SliceScores:
    values = {"hr@10": hr_at_k(rank, LIST_K), "ndcg@10": single_ndcg_at_k(rank, LIST_K)}
    return SliceScores(path, values, pairs.user)


def _next(model: Recommender, cases: TestCases) -> list[SliceScores]:
    """Warm targets in the whole catalogue, cold ones among cold items; warm also by popularity."""
    score = partial(_similar, model, Objective.NEXT)
    is_warm = cases.counts[cases.next.target] > 0
    warm, cold = cases.next.where(is_warm), cases.next.where(~is_warm)
    found: list[SliceScores] = []
    if len(warm):
        scores = _pair_scores(("next", "warm"), warm, pair_ranks(score, warm, cases.n_items))
        found += [scores, *by_quintile(scores, warm.target, popularity_quintile(cases.counts))]
    if len(cold):
        rank = pair_ranks(score, cold, cases.n_items, among=np.flatnonzero(cases.counts == 0))
        found.append(_pair_scores(("next", "cold"), cold, rank))
    return found


def _basket(model: Recommender, cases: TestCases) -> list[SliceScores]:
    warm = cases.basket.where(cases.counts[cases.basket.target] > 0)
    if not len(warm):
        return []
    rank = pair_ranks(partial(_similar, model, Objective.TOGETHER), warm, cases.n_items)
    scores = _pair_scores(("basket", "warm"), warm, rank)
    return [scores, *by_quintile(scores, warm.target, popularity_quintile(cases.counts))]


def _links(model: Recommender, cases: TestCases, name: str, sets: TargetSets) -> list[SliceScores]:
    """Warm and cold by the query."""
    if not len(sets):
        return []
    itself = TargetSets(sets.anchor, np.arange(len(sets)), sets.anchor)
    places = set_places(partial(_similar, model, Objective.RELATED), sets, itself, cases.n_items)
    values = {
        "recall@10": recall_at_k(places, sets.case, sets.sizes, LIST_K, capped=True),
        "ndcg@10": ndcg_at_k(places, sets.case, sets.sizes, LIST_K),
    }
    scores = SliceScores(("links", name), values, sets.anchor)
    warm = cases.counts[sets.anchor] > 0
    return [
        scores.where(("links", name, part), mask)
        for part, mask in (("warm", warm), ("cold", ~warm))
        if mask.any()
    ]


def _users(model: Recommender, cases: TestCases) -> list[SliceScores]:
    """Nothing where there is no such user, or the model does not serve users."""
    sets = cases.users.sets
    if not len(sets) or model.score_users(sets.anchor[:1]) is None:
        return []

    def score(users: IntArray) -> FloatArray:
        scores = model.score_users(users)
        assert scores is not None  # answered for the first user
        return scores

    places = set_places(score, sets, cases.users.history, cases.n_items)
    values = {
        "recall@20": recall_at_k(places, sets.case, sets.sizes, USER_K),
        "ndcg@20": ndcg_at_k(places, sets.case, sets.sizes, USER_K),
        "precision@10": precision_at_k(places, sets.case, sets.sizes, LIST_K),
        "f1@10": f1_at_k(places, sets.case, sets.sizes, LIST_K),
    }
    return [SliceScores(("user_next",), values, sets.anchor)]
