"""Ilk's own model as a whole: known answers, leaks, determinism, served equals evaluated, fallbacks."""

import json
from dataclasses import replace

import numpy as np
import pytest

from gnn.fitted_ilk import FittedIlk
from gnn.ilk_config import IlkConfig
from gnn.ilk_model import IlkModel
from gnn.objective import Objective
from gnn.served_model import MAX_CANDIDATES
from gnn.shop_arrays import IntArray, ShopArrays
from gnn.similar_features import SIMILAR_FEATURES, TREND_NAMES
from gnn.training_config import TrainingConfig
from tests.gnn.shops import cluster_purity, cluster_shop, shop_of

CLUSTERS = 6
NOTHING = np.zeros(0, np.int64)
BRIEF = IlkConfig(training=TrainingConfig(min_epochs=2, max_epochs=4, negatives=256))
"""Little training: enough where paths and texts decide."""


@pytest.fixture(scope="module")
def shop() -> ShopArrays:
    return cluster_shop(clusters=CLUSTERS, text=True)


@pytest.fixture(scope="module")
def model(shop: ShopArrays) -> IlkModel:
    fitted = IlkModel(BRIEF)
    fitted.fit(shop, seed=0)
    return fitted


@pytest.mark.parametrize("objective", list(Objective))
def test_neighbours_lie_in_the_planted_cluster(
    shop: ShopArrays, model: IlkModel, objective: Objective
) -> None:
    query = np.arange(shop.n_items)
    assert cluster_purity(model.score_similar(query, objective), query, CLUSTERS) > 0.95


def test_users_are_offered_their_own_cluster(shop: ShopArrays, model: IlkModel) -> None:
    users = np.arange(shop.n_users)
    best = np.argsort(-model.score_users(users), axis=1)[:, :10]
    assert (best % CLUSTERS == users[:, None] % CLUSTERS).mean() > 0.95


def test_fitting_twice_gives_the_same_bits(shop: ShopArrays, model: IlkModel) -> None:
    again = IlkModel(BRIEF)
    again.fit(shop, seed=0)
    ours, theirs = model.fitted.to_arrays(), again.fitted.to_arrays()
    assert ours[1] == theirs[1]
    assert ours[0].keys() == theirs[0].keys()
    for name, array in ours[0].items():
        assert np.array_equal(array, theirs[0][name]), name


def test_arrays_and_json_hold_the_whole_model(shop: ShopArrays, model: IlkModel) -> None:
    arrays, config = model.fitted.to_arrays()
    for array in arrays.values():
        array.flags.writeable = False
    restored = FittedIlk.from_arrays(arrays, json.loads(json.dumps(config)))
    query = np.arange(shop.n_items)
    for objective in Objective:
        assert np.array_equal(restored.score_similar(query, objective), model.score_similar(query, objective))
    history = np.array([0, 6, 12])
    assert np.array_equal(
        restored.score_user_candidates(history, query), model.fitted.score_user_candidates(history, query)
    )
    assert restored.config == model.fitted.config


def large_shop() -> ShopArrays:
    return cluster_shop(clusters=30, items_each=100, users_each=60, events_each=8, text=True, seed=3)


def top(scores: np.ndarray, left_out: IntArray, k: int = 10) -> set[int]:
    order = np.argsort(-scores, kind="stable")
    return set(order[~np.isin(order, left_out)][:k].tolist())


@pytest.fixture(scope="module")
def large() -> tuple[ShopArrays, IlkModel]:
    shop = large_shop()
    model = IlkModel(BRIEF)
    model.fit(shop, seed=0)
    return shop, model


@pytest.mark.parametrize("objective", list(Objective))
def test_what_is_served_is_what_is_evaluated(
    large: tuple[ShopArrays, IlkModel], objective: Objective
) -> None:
    shop, model = large
    served = model.fitted
    query = np.random.default_rng(0).choice(shop.n_items, 200, replace=False)
    full = model.score_similar(query, objective)
    near = served.query_vectors(query, objective) @ served.item_vectors().T
    near[np.arange(len(query)), query] = -np.inf
    kept = 0
    for row, item in enumerate(query):
        found = served.candidates(int(item), objective, np.argsort(-near[row])[:100])
        assert len(found) == len(set(found.tolist())) <= MAX_CANDIDATES
        assert item not in found
        scores = served.score_candidates(int(item), found, objective)
        assert np.allclose(scores, full[row, found], atol=1e-4)
        best = {int(found[place]) for place in np.argsort(-scores, kind="stable")[:10]}
        kept += len(best & top(full[row], np.array([item])))
    assert kept / (10 * len(query)) >= 0.99


def test_what_is_served_to_users_is_what_is_evaluated(large: tuple[ShopArrays, IlkModel]) -> None:
    shop, model = large
    served, vectors, kept = model.fitted, model.fitted.item_vectors(), 0
    users = np.arange(0, shop.n_users, 20)
    full = model.score_users(users)
    for row, user in enumerate(users):
        history = shop.item[shop.user == user]
        near = np.argsort(-(vectors @ served.user_query_vector(history)))[:150]
        found = served.user_candidates(history, near)
        assert not np.isin(found, history).any()
        assert len(found) <= MAX_CANDIDATES
        scores = served.score_user_candidates(history, found)
        assert np.allclose(scores, full[row, found], atol=1e-3)
        best = {int(found[place]) for place in np.argsort(-scores, kind="stable")[:10]}
        kept += len(best & top(full[row], history))
    assert kept / (10 * len(users)) >= 0.99


def test_parts_of_a_score_sum_to_the_score(model: IlkModel) -> None:
    columns = np.array([3, 8, 15])
    for objective in Objective:
        parts = model.fitted.contributions(1, columns, objective)
        assert np.allclose(
            sum(parts.values()), model.fitted.score_candidates(1, columns, objective), atol=1e-5
        )


def edge_cases() -> dict[str, ShopArrays]:
    text = np.eye(4, 6, dtype=np.float32)
    return {
        "no events": shop_of(NOTHING, NOTHING, n_users=2, n_items=4, text=text),
        "no events, no text": shop_of(NOTHING, NOTHING, n_users=0, n_items=4),
        "zero text": shop_of(np.array([0, 0, 1]), np.array([0, 1, 2]), n_items=4, text=np.zeros_like(text)),
        "one item": shop_of(np.array([0, 1]), np.array([0, 0]), text=text[:1]),
        "one user": shop_of(np.zeros(9, np.int64), np.arange(9) % 4, n_items=4, text=text),
        "one event": shop_of(np.array([0]), np.array([2]), n_items=4, text=text),
        "weightless": shop_of(np.array([0, 0]), np.array([0, 1]), n_items=4, weight=np.zeros(2, np.float32)),
    }


@pytest.mark.parametrize("name", list(edge_cases()))
def test_poor_shops_still_get_finite_answers(name: str) -> None:
    shop = edge_cases()[name]
    model = IlkModel(BRIEF)
    model.fit(shop, seed=0)
    items, served = np.arange(shop.n_items), model.fitted
    for objective in Objective:
        assert np.isfinite(model.score_similar(items, objective)).all()
        assert served.query_vectors(items, objective).shape == served.item_vectors().shape
        np.testing.assert_array_equal(
            np.unique(served.sample_queries(2), axis=0),
            np.unique(
                np.concatenate([served.query_vectors(items[[0, -1]], each) for each in Objective]), axis=0
            ),
        )
        found = served.candidates(0, objective, NOTHING)
        assert 0 not in found
        assert len(served.sources(0, found, objective)) == len(found)
    assert np.isfinite(model.score_users(np.arange(shop.n_users))).all()
    assert np.isfinite(served.score_user_candidates(NOTHING, items)).all()
    arrays, config = served.to_arrays()
    FittedIlk.from_arrays(arrays, json.loads(json.dumps(config)))


def test_without_events_the_text_answers_and_says_so() -> None:
    angle = np.array([0.0, 0.1, 1.5, 1.6, 3.0])
    text = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    model = IlkModel()
    model.fit(shop_of(NOTHING, NOTHING, n_users=0, n_items=5, text=text), seed=0)
    scores = model.score_similar(np.array([0, 2]), Objective.RELATED)
    scores[[0, 1], [0, 2]] = -np.inf
    assert scores.argmax(axis=1).tolist() == [1, 3]
    assert model.fitted.sources(0, np.array([1]), Objective.RELATED) == ["text"]


def test_an_empty_history_gets_what_trends() -> None:
    shop = cluster_shop(clusters=CLUSTERS)
    late = np.full(400, 7)
    user = np.concatenate([shop.user, np.arange(400) % shop.n_users])
    model = IlkModel(BRIEF)
    model.fit(shop_of(user, np.concatenate([shop.item, late]), n_items=shop.n_items), seed=0)
    scores = model.fitted.score_user_candidates(NOTHING, np.arange(shop.n_items))
    assert scores.argmax() == 7
    assert 7 in model.fitted.user_candidates(NOTHING, NOTHING)


def test_candidates_hold_what_leads_by_the_trends_as_the_objective_weighs_them(model: IlkModel) -> None:
    fitted = model.fitted
    n = fitted.n_items
    trend = np.tile(np.arange(n, dtype=np.float32), (len(TREND_NAMES), 1))
    trend[TREND_NAMES.index("trend_days")] = 0.1 * np.arange(n)[::-1]  # by the plain sum the last ones lead
    days_alone = dict.fromkeys(SIMILAR_FEATURES, 0.0) | {"trend_days": 1.0}
    mixes = {**fitted.mixes, Objective.NEXT: days_alone}
    served = FittedIlk(replace(fitted.signals, trend=trend), mixes, fitted.user_mix, fitted.config)
    assert served.candidates(n - 1, Objective.NEXT, NOTHING).tolist() == list(range(30))
    assert set(range(n - 30, n - 1)) <= set(served.candidates(n - 1, Objective.RELATED, NOTHING).tolist())


def test_a_query_without_any_signal_is_labelled_fallback() -> None:
    shop = cluster_shop(clusters=CLUSTERS)
    wider = shop_of(shop.user, shop.item, n_items=shop.n_items + 1)
    model = IlkModel(BRIEF)
    model.fit(wider, seed=0)
    found = model.fitted.candidates(shop.n_items, Objective.NEXT, NOTHING)
    assert set(model.fitted.sources(shop.n_items, found, Objective.NEXT)) == {"fallback"}


def test_settings_survive_json() -> None:
    config = IlkConfig(evidence_kappa=4.0)
    assert IlkConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


def test_scores_before_fit_are_refused() -> None:
    with pytest.raises(RuntimeError, match="fit"):
        IlkModel().score_users(np.array([0]))
