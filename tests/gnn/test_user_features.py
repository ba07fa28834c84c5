"""Features of users against plain algebra; what a release fixes stays while items are added."""

import json

import numpy as np
import pytest

from gnn.fitted_ilk import FittedIlk
from gnn.fitting import fit_with
from gnn.fresh_signals import grown_regression
from gnn.histories import interaction_matrix
from gnn.ilk_config import IlkConfig
from gnn.layered_rows import LayeredRows, linear_product
from gnn.shop_arrays import ShopArrays
from gnn.sparse_rows import log_scaled
from gnn.training_config import TrainingConfig
from gnn.typed_paths import PathConfig, shared_user_walk
from gnn.user_features import SPARSE_FEATURES, USER_FEATURES, UserFeatures
from gnn.user_rows import rows_of_history
from tests.gnn.shops import cluster_shop, shop_of

BRIEF = IlkConfig(training=TrainingConfig(min_epochs=1, max_epochs=1), learn_mix=False)
HISTORY = np.array([0, 6, 12, 18])


@pytest.fixture(scope="module")
def shop() -> ShopArrays:
    return cluster_shop(items_each=8, users_each=10, text=True)


@pytest.fixture(scope="module")
def model(shop: ShopArrays) -> FittedIlk:
    return fit_with(BRIEF, shop, seed=0).model


def test_a_users_score_is_the_sum_of_its_features(model: FittedIlk) -> None:
    features = UserFeatures(model.signals)
    rows = rows_of_history(HISTORY, model.n_items, model.config.users)
    columns = np.array([1, 24, 30, 31])
    total = sum(
        (model.user_mix[name] * features.block(name, rows, columns)[0] for name in USER_FEATURES),
        np.zeros(len(columns)),
    )
    assert np.allclose(model.score_user_candidates(HISTORY, columns), total, atol=1e-4)
    for name in USER_FEATURES:
        whole = features.block(name, rows)
        assert np.allclose(features.block(name, rows, columns), whole[:, columns], atol=1e-5), name
    for name in ("walk_all", "regression"):
        assert features.block(name, rows).max() > 0


def test_walks_and_regression_add_up_over_the_history(model: FittedIlk) -> None:
    features = UserFeatures(model.signals)
    rows = rows_of_history(HISTORY, model.n_items, model.config.users)
    regression = model.signals.regression
    assert regression is not None
    by_hand = np.log1p(5.0 * regression.toarray()[HISTORY].mean(axis=0))
    assert np.allclose(features.block("regression", rows)[0], by_hand, atol=1e-5)
    walk = np.expm1(model.signals.paths.matrices["shared_user"].toarray())  # type: ignore[union-attr]
    assert np.allclose(
        features.block("walk_all", rows)[0], np.log1p(5.0 * walk[HISTORY].mean(axis=0)), atol=1e-4
    )


def test_a_walk_divides_by_both_items_degrees() -> None:
    shop = shop_of(np.array([0, 0, 1, 1, 2]), np.array([0, 1, 0, 2, 0]))
    walk = shared_user_walk(interaction_matrix(shop), PathConfig(walk_source=0.7, walk_target=0.2)).toarray()
    assert walk[0, 1] == pytest.approx(0.5 / (3**0.7 * 1**0.2), rel=1e-5)
    assert walk[1, 0] == pytest.approx(0.5 / (1**0.7 * 3**0.2), rel=1e-5)
    assert walk[0, 0] == 0


def test_logarithms_are_taken_back_in_layers_too(model: FittedIlk) -> None:
    regression = model.signals.regression
    assert regression is not None
    rows = rows_of_history(HISTORY, model.n_items, model.config.users).even
    logs = log_scaled(regression, 1.0)
    expected = (rows @ regression).toarray()
    for matrix in (logs, LayeredRows.over(logs)):
        assert np.allclose(linear_product(rows, matrix).toarray(), expected, atol=1e-4)
    assert np.array_equal(logs.data, log_scaled(regression, 1.0).data)


def test_new_items_have_no_weights_until_the_next_fit(model: FittedIlk) -> None:
    regression = model.signals.regression
    assert regression is not None
    grown = grown_regression(regression, model.n_items + 3)
    assert grown is not None
    assert grown.shape == (model.n_items + 3, model.n_items + 3)
    assert np.array_equal(grown.toarray()[: model.n_items, : model.n_items], regression.toarray())
    assert grown.nnz == regression.nnz
    assert grown_regression(None, 3) is None


def test_releases_from_before_the_regression_score_as_they_did(model: FittedIlk) -> None:
    """They weigh `shared_user`, say nothing of the walk's powers and hold no regression."""
    arrays, config = model.to_arrays()
    config = json.loads(json.dumps(config))
    older = {name: array for name, array in arrays.items() if not name.startswith("regression.")}
    mix = {
        name: weight for name, weight in config["user_mix"].items() if name not in ("walk_all", "regression")
    }
    config["user_mix"] = {**mix, "shared_user": 0.4}
    for name in ("walk_source", "walk_target"):
        del config["config"]["paths"][name]
    del config["config"]["regression"]
    opened = FittedIlk.from_arrays(older, config)
    assert opened.signals.regression is None
    assert (opened.config.paths.walk_source, opened.config.paths.walk_target) == (1.0, 0.0)
    columns = np.arange(opened.n_items)
    rows = rows_of_history(HISTORY, opened.n_items, opened.config.users)
    logs = opened.signals.paths.matrices["shared_user"].toarray()[HISTORY]  # type: ignore[union-attr]
    features = UserFeatures(opened.signals)
    assert np.allclose(features.block("shared_user", rows)[0], np.log1p(5.0 * logs.mean(axis=0)), atol=1e-5)
    expected = sum(
        (weight * features.block(name, rows)[0] for name, weight in opened.user_mix.items()),
        np.zeros(len(columns)),
    )
    assert opened.user_mix["walk_all"] == 0
    assert np.allclose(opened.score_user_candidates(HISTORY, columns), expected, atol=1e-4)
    near = np.argsort(-(opened.item_vectors() @ opened.user_query_vector(HISTORY)))[:20]
    assert not set(HISTORY.tolist()) & set(opened.user_candidates(HISTORY, near).tolist())


def test_what_only_the_regression_leads_to_is_a_candidate(model: FittedIlk) -> None:
    rows = rows_of_history(HISTORY, model.n_items, model.config.users)
    mix = {name: float(name == "regression") for name in model.user_mix}
    alone = FittedIlk(model.signals, model.mixes, mix, model.config)
    message = UserFeatures(model.signals).message("regression", rows)
    assert message is not None
    found = alone.user_candidates(HISTORY, np.zeros(0, np.int64))
    assert set(message.indices.tolist()) - set(HISTORY.tolist()) <= set(found.tolist())
    assert "regression" in SPARSE_FEATURES
