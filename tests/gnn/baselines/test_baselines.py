"""What every baseline must do, and what each one is defined to do."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from gnn.baselines import (
    BASELINES,
    Ease,
    EaseConfig,
    Ials,
    ItemKnn,
    ItemKnnConfig,
    LightGcn,
    LightGcnConfig,
    RecentPopularity,
    RecentPopularityConfig,
    Rp3beta,
    Text,
    TextConfig,
    baseline,
)
from gnn.baselines.ease import MAX_ITEMS
from gnn.evaluation import BaselineTooLarge, EvaluationData, ExtraMissing, TextMissing, evaluate
from gnn.objective import Objective
from gnn.recommender import Recommender
from gnn.shop_arrays import FloatArray, ShopArrays
from tests.gnn.evaluation.toy_shops import clustered_shop, shop_of

NEXT = Objective.NEXT


def quick(name: str) -> Recommender:
    """The baseline, LightGCN with a small budget."""
    if name == "ials":
        pytest.importorskip("implicit", reason="iALS needs the extra `baselines`")
    if name == "lightgcn":
        return LightGcn(LightGcnConfig(dim=16, steps=20, epochs=1, batch_size=256, negatives=16))
    return baseline(name)


@pytest.fixture(scope="module")
def shop() -> ShopArrays:
    """Clusters, and one item and one user without an event."""
    full = clustered_shop()
    text = np.vstack([full.text, full.text[:1]]) if full.text is not None else None
    return replace(full, n_users=full.n_users + 1, n_items=full.n_items + 1, text=text)


@pytest.mark.parametrize("name", BASELINES)
def test_scores_have_the_promised_shape(name: str, shop: ShopArrays) -> None:
    model = quick(name)
    model.fit(shop, 0)
    similar = model.score_similar(np.array([3, 1, 3]), NEXT)
    assert similar.shape == (3, shop.n_items)
    assert similar.dtype == np.float32
    assert np.isfinite(similar).all()
    assert np.array_equal(similar[0], similar[2])
    users = model.score_users(np.array([0, 5]))
    assert (users is None) == (name == "text+knn")
    if users is not None:
        assert users.shape == (2, shop.n_items)
        assert users.dtype == np.float32
    assert model.name == name


@pytest.mark.parametrize("name", BASELINES)
def test_a_batch_equals_its_singles(name: str, shop: ShopArrays) -> None:
    model = quick(name)
    model.fit(shop, 0)
    batch = model.score_similar(np.arange(7), NEXT)
    for item in range(7):
        assert model.score_similar(np.array([item]), NEXT)[0] == pytest.approx(batch[item], abs=1e-5)
    users = model.score_users(np.arange(4))
    if users is not None:
        one = model.score_users(np.array([2]))
        assert one is not None
        assert one[0] == pytest.approx(users[2], abs=1e-5)


@pytest.mark.parametrize("name", BASELINES)
def test_equal_seeds_give_equal_models(name: str, shop: ShopArrays) -> None:
    scores = []
    for _ in range(2):
        model = quick(name)
        model.fit(shop, 3)
        scores.append(model.score_similar(np.arange(9), NEXT))
    assert np.array_equal(scores[0], scores[1])


@pytest.mark.parametrize("name", [name for name in BASELINES if name != "lightgcn"])
def test_fitting_again_forgets_the_first_shop(name: str, shop: ShopArrays) -> None:
    used, fresh = quick(name), quick(name)
    used.fit(shop.events(0, shop.n_events // 2), 0)
    used.fit(shop, 0)
    fresh.fit(shop, 0)
    assert np.array_equal(used.score_similar(np.arange(5), NEXT), fresh.score_similar(np.arange(5), NEXT))


@pytest.mark.parametrize("name", ["item-knn", "rp3beta", "ease", "ials", "text", "text+knn"])
def test_neighbours_come_from_the_same_cluster(name: str, shop: ShopArrays) -> None:
    model = quick(name)
    model.fit(shop, 0)
    query = np.arange(48)
    scores = np.array(model.score_similar(query, NEXT))
    scores[query, query] = -np.inf
    top = np.argsort(-scores, axis=1)[:, :5]
    assert (top // 12 == (query // 12)[:, None]).mean() > 0.9


@pytest.mark.parametrize("name", ["popularity", "recent-popularity", "item-knn", "rp3beta", "ease", "ials"])
def test_an_item_without_events_has_no_neighbours(name: str, shop: ShopArrays) -> None:
    model = quick(name)
    model.fit(shop, 0)
    cold = shop.n_items - 1
    assert not model.score_similar(np.array([0, 1]), NEXT)[:, cold].any()
    if "popularity" not in name:
        assert not model.score_similar(np.array([cold]), NEXT).any()


def test_refunded_events_do_not_count(shop: ShopArrays) -> None:
    weight = shop.weight.copy()
    weight[shop.item == 4] = 0
    for name in ("popularity", "recent-popularity", "item-knn"):
        model = baseline(name)
        model.fit(replace(shop, weight=weight), 0)
        assert not model.score_similar(np.array([5]), NEXT)[:, 4].any()


def tiny(item: list[int], user: list[int], n_items: int) -> ShopArrays:
    return shop_of(np.array(user), np.array(item), np.arange(len(user)), max(user) + 1, n_items)


def test_recent_popularity_halves_by_age() -> None:
    model = RecentPopularity(RecentPopularityConfig(half_life=0.25))
    model.fit(tiny([0, 1, 1, 2], [0, 0, 1, 0], 3), 0)
    assert model.score_similar(np.array([0]), NEXT)[0] == pytest.approx([1 / 8, 1 / 4 + 1 / 2, 1])


def test_item_knn_is_the_shrunk_cosine() -> None:
    model = ItemKnn(ItemKnnConfig(shrink=2.0))
    model.fit(tiny([0, 1, 0, 1, 0, 2], [0, 0, 1, 1, 2, 2], 3), 0)
    expected = [0, 2 / (np.sqrt(3 * 2) + 2), 1 / (np.sqrt(3 * 1) + 2)]
    assert model.score_similar(np.array([0]), NEXT)[0] == pytest.approx(expected)


def test_rp3beta_is_the_walk_over_popularity() -> None:
    model = Rp3beta()
    model.fit(tiny([0, 1, 0, 2], [0, 0, 1, 1], 3), 0)
    # from item 0: half to each user, half from there to the other item, each with one user
    assert model.score_similar(np.array([0]), NEXT)[0] == pytest.approx([0, 0.25, 0.25])
    assert model.score_similar(np.array([1]), NEXT)[0] == pytest.approx([0.5 / np.sqrt(2), 0, 0])


def test_ease_minimises_its_loss() -> None:
    shop, strength = clustered_shop(), 7.0
    model = Ease(EaseConfig(strength))
    model.fit(shop, 0)
    weights = model.score_similar(np.arange(shop.n_items), NEXT).astype(np.float64)
    matrix = np.zeros((shop.n_users, shop.n_items))
    matrix[shop.user, shop.item] = 1
    assert not np.diagonal(weights).any()
    # gradient of |X - XB|^2 + strength |B|^2 vanishes off the diagonal
    gradient = matrix.T @ (matrix @ weights - matrix) + strength * weights
    np.fill_diagonal(gradient, 0)
    assert np.abs(gradient).max() < 1e-3


def test_ease_refuses_large_catalogues_and_evaluation_says_so() -> None:
    shop = replace(clustered_shop(), n_items=MAX_ITEMS + 1, text=None)
    with pytest.raises(BaselineTooLarge, match="16000"):
        Ease().fit(shop, 0)
    result = evaluate(EvaluationData("large", shop), [Ease(), baseline("popularity")])
    assert "16000" in result.skipped["ease"]
    assert list(result.runs) == ["popularity"]


@pytest.mark.parametrize("name", ["text", "text+knn"])
def test_text_baselines_need_text(name: str) -> None:
    with pytest.raises(TextMissing):
        baseline(name).fit(replace(clustered_shop(), text=None), 0)


def test_ials_names_the_install_command_when_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "implicit.cpu.als", None)  # as if it were not installed
    with pytest.raises(ExtraMissing, match="pip install"):
        Ials().fit(clustered_shop(), 0)


def test_text_whitening_evens_out_the_axes() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(400, 4)) * np.array([8, 4, 2, 1]) + 5
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    text: FloatArray = np.vstack([rows, np.zeros((1, 4))]).astype(np.float32)
    shop = replace(tiny([0], [0], 401), text=text)
    spread = {}
    for whiten in (0.0, 1.0):
        model = Text(TextConfig(whiten))
        model.fit(shop, 0)
        cosines = model.score_similar(np.arange(400), NEXT)
        assert np.diagonal(cosines) == pytest.approx(np.ones(400), abs=1e-4)
        assert not cosines[:, 400].any()
        spread[whiten] = cosines[:, :400].std()
    assert spread[1.0] < spread[0.0]  # no axis dominates


def test_models_that_were_not_fitted_say_so() -> None:
    with pytest.raises(RuntimeError, match="fit"):
        baseline("popularity").score_similar(np.array([0]), NEXT)


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    with pytest.raises(KeyError, match="item-knn"):
        baseline("deep-learning")
