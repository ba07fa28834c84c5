"""The future is planted against the past, so that only a model that was shown it can know it."""

from dataclasses import replace

import numpy as np
import pytest

from gnn.evaluation import EvaluationData, evaluate, temporal_splits
from gnn.fitting import fit_with
from gnn.histories import block_start, group_by_user, next_pairs
from gnn.holdout import holdout_of
from gnn.ilk_config import IlkConfig
from gnn.ilk_model import IlkModel
from gnn.objective import Objective
from gnn.shop_arrays import FloatArray, IntArray, ShopArrays
from gnn.training_config import TrainingConfig
from tests.gnn.shops import cluster_shop

CLUSTERS = 6
PAIRS = 4
BRIEF = IlkConfig(training=TrainingConfig(min_epochs=2, max_epochs=4, negatives=128))


def turned_shop(start: int, shop: ShopArrays) -> ShopArrays:
    """From event `start` on, shoppers of any cluster take item a and then item b of another cluster, again
    and again for four pairs (a, b): nothing before says so."""
    users, items = shop.user.copy(), shop.item.copy()
    late = np.arange(start, shop.n_events - 1, 2)
    pair = np.arange(len(late)) % PAIRS
    shopper = np.arange(len(late)) % shop.n_users
    for step, side in ((0, 0), (1, 1)):
        users[late + step] = shopper
        items[late + step] = planted()[pair, side]
    return replace(shop, user=users, item=items)


def planted() -> IntArray:
    """(a, b), each its own item; int64 (4, 2)."""
    a = np.arange(PAIRS)
    return np.stack([a, a + 4 * CLUSTERS + 3], axis=1)  # item i is of cluster i % 6


def known(model: IlkModel) -> float:
    """Share of the planted pairs that the model has among an item's ten best."""
    query, target = planted().T
    scores = model.score_similar(query, Objective.NEXT)
    scores[np.arange(PAIRS), query] = -np.inf
    best = np.argsort(-scores, axis=1)[:, :10]
    return float((best == target[:, None]).any(axis=1).mean())


def test_evaluation_shows_no_model_what_it_will_be_asked() -> None:
    """A model that gets to see test events finds what they planted: the second half shows that it would."""
    shop = cluster_shop(clusters=CLUSTERS)
    (split,) = temporal_splits(shop.n_events, 1)
    turned = turned_shop(split.fit_stop, shop)
    model = IlkModel(BRIEF)
    evaluate(EvaluationData("toy", turned), [model])
    assert known(model) == 0.0
    model.fit(turned, seed=0)
    assert known(model) == 1.0


def test_epochs_and_mix_are_chosen_by_events_that_their_signals_have_not_seen() -> None:
    """Signals of the first pass that held the newest ninth would rank it like the final ones, which do."""
    shop = cluster_shop(clusters=CLUSTERS)
    start = block_start(shop.n_events)
    turned = turned_shop(start, shop)
    fit = fit_with(BRIEF, turned, seed=0)
    query, target, position = next_pairs(group_by_user(turned))
    late = (position >= start) & np.isin(target, planted()[:, 1]) & np.isin(query, planted()[:, 0])
    shown = holdout_of(fit.model, turned.events(0, start), query[late], target[late])
    assert shown.figures["ndcg@10"] > 0.5
    assert fit.holdout.figures["ndcg@10"] < 0.1


def everything_said(shop: ShopArrays) -> list[FloatArray]:
    """All scores of a model that an evaluation of the shop has fitted."""
    model = IlkModel(BRIEF)
    evaluate(EvaluationData("toy", shop), [model])
    scores = [model.score_similar(np.arange(shop.n_items), objective) for objective in Objective]
    return [*scores, model.score_users(np.arange(shop.n_users))]


@pytest.mark.parametrize("text", [True, False])
def test_shuffling_the_future_changes_no_score_of_the_past(text: bool) -> None:
    shop = cluster_shop(clusters=CLUSTERS, users_each=15, text=text)
    (split,) = temporal_splits(shop.n_events, 1)
    ours = everything_said(shop)
    for name, start, stop, same in (
        ("future", split.fit_stop, shop.n_events, True),
        ("past", 0, split.fit_stop, False),
    ):
        item, order = shop.item.copy(), np.random.default_rng(0)
        item[start:stop] = order.permutation(item[start:stop])
        theirs = everything_said(replace(shop, item=item))
        assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True)) == same, name
