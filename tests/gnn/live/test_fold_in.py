"""What a fold-in does at once, what it leaves to the full recomputation, and that a preview keeps nothing."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from gnn.fitted_ilk import FittedIlk
from gnn.live import FoldLimits, LiveConfig, LiveEvents, LiveItems, LiveSignals
from gnn.objective import Objective
from gnn.shop_arrays import IntArray, ShopArrays
from tests.gnn.live.shops import CLUSTERS, events, fitted, live_shop, random_texts, without_text


@pytest.fixture(scope="module")
def shop() -> ShopArrays:
    return live_shop()


@pytest.fixture(scope="module")
def model(shop: ShopArrays) -> FittedIlk:
    return fitted(shop)


def top_ten(model: FittedIlk, item: int, objective: Objective) -> IntArray:
    """As served: candidates from the search vectors and the lists, scored exactly."""
    near = model.item_vectors() @ model.query_vectors(np.array([item]), objective)[0]
    near[item] = -np.inf
    found = model.candidates(item, objective, np.argsort(-near)[:40])
    scores = model.score_candidates(item, found, objective)
    return found[np.argsort(-scores, kind="stable")[:10]]


def co_views(shop: ShopArrays, a: int, b: int, viewers: int = 15) -> LiveEvents:
    user = np.repeat(shop.n_users + np.arange(viewers), 2)
    return events(user.tolist(), [a, b] * viewers)


@pytest.mark.parametrize("pair", [(0, 1), (7, 20), (41, 3)])
def test_planted_co_views_answer_at_once(shop: ShopArrays, model: FittedIlk, pair: tuple[int, int]) -> None:
    a, b = pair
    assert a % CLUSTERS != b % CLUSTERS
    assert b not in top_ten(model, a, Objective.NEXT)
    live = LiveSignals(model, without_text(shop))
    served = model
    for start in range(0, 30, 2):  # edge by edge
        whole = co_views(shop, a, b)
        part = {name: getattr(whole, name)[start : start + 2] for name in LiveEvents.__annotations__}
        served = served.with_fresh(live.fold_in(LiveEvents(**part)))
    assert b in top_ten(served, a, Objective.NEXT)
    assert a in top_ten(served, b, Objective.NEXT)


def test_a_preview_says_what_a_fold_in_would_and_keeps_nothing(shop: ShopArrays, model: FittedIlk) -> None:
    live, other = LiveSignals(model, without_text(shop)), LiveSignals(model, without_text(shop))
    seen = live.preview(co_views(shop, 0, 1))
    assert 1 in top_ten(model.with_fresh(seen), 0, Objective.NEXT)
    assert live.n_events == shop.n_events
    assert live.model is model
    ours, theirs = (m.fold_in(co_views(shop, 7, 20)).to_arrays() for m in (live, other))
    assert ours[1] == theirs[1]
    assert all(np.array_equal(ours[0][name], theirs[0][name]) for name in theirs[0])


def test_a_new_item_is_near_its_text_at_once_and_warm_after_its_first_event(
    shop: ShopArrays, model: FittedIlk
) -> None:
    live = LiveSignals(model, without_text(shop))
    assert shop.text is not None
    new = shop.n_items
    text = shop.text[5:6] + 0.05 * random_texts(np.random.default_rng(0), 1, 24)
    fresh = live.fold_in(items=LiveItems(np.array([new]), text, np.array([[new, 6]]), None, np.array([2])))
    assert new in fresh.rows
    assert live.model.n_items == new + 1
    found = top_ten(live.model, new, Objective.RELATED)
    assert set(np.arange(5, shop.n_items, CLUSTERS).tolist()) <= set(found.tolist())
    assert new in top_ten(live.model, 5, Objective.RELATED)
    assert live.model.signals.cold[new]
    regression = live.model.signals.regression
    assert regression is not None
    assert regression.shape == (new + 1, new + 1)
    assert np.isfinite(live.model.score_user_candidates(np.array([0, new]), np.arange(new + 1))).all()
    live.propagate()
    recomputed, kept = live.signals().regression, live.model.signals.regression
    assert recomputed is not None
    assert kept is not None
    assert np.array_equal(recomputed.data, kept.data)
    assert not live.model.signals.embedding[new].any()  # type: ignore[index]
    live.fold_in(events([3], [new]))
    assert not live.model.signals.cold[new]
    assert live.model.signals.embedding[new].any()  # type: ignore[index]


def test_fold_in_is_nearer_to_the_full_recomputation_than_the_stale_model(
    shop: ShopArrays, model: FittedIlk
) -> None:
    rng = np.random.default_rng(3)
    live = LiveSignals(model, without_text(shop))
    for turn in range(10):
        user, item = rng.integers(0, shop.n_users, 5), rng.integers(0, shop.n_items, 5)
        live.fold_in(events(user.tolist(), item.tolist(), first=5 * turn, at=10**15 + 5 * turn))
    full = live.signals()
    assert full.embedding is not None
    stale, folded = (
        np.abs(m.signals.embedding - full.embedding).mean()  # type: ignore[operator]
        for m in (model, live.model)
    )
    assert folded < 0.25 * stale


def test_without_lists_everything_else_is_brought_in_line(shop: ShopArrays, model: FittedIlk) -> None:
    live = LiveSignals(model, without_text(shop))
    new = LiveItems(np.array([shop.n_items]), random_texts(np.random.default_rng(1), 1, 24))
    live.fold_in(co_views(shop, 2, shop.n_items), new)
    before = live.model
    fresh = live.propagate(lists=False)
    assert not any(len(patch.rows) for patch in fresh.paths.values())
    full = live.signals()
    for name in ("embedding", "user_side", "trend", "evidence", "hub"):
        served, expected = getattr(live.model.signals, name), getattr(full, name)
        assert np.abs(served - expected).max() <= 1e-4, name
    assert (
        live.model.signals.paths.matrices["shared_user"].nnz
        == before.signals.paths.matrices["shared_user"].nnz
    )
    assert len(live.propagate().paths["shared_user"].rows)


def test_what_goes_beyond_the_limits_is_counted_and_comes_with_the_recomputation(
    shop: ShopArrays, model: FittedIlk
) -> None:
    narrow = LiveConfig(limits=FoldLimits(rows=3, entries=0, always=2, products=1))
    live = LiveSignals(model, without_text(shop), narrow)
    user = int(np.argmax(np.bincount(shop.user)))
    fresh = live.fold_in(events([user], [11]))
    assert len(fresh.item_rows) == 3
    assert 11 in fresh.item_rows
    assert len(fresh.paths["co_engaged"].rows) == 2
    assert len(fresh.paths["text_co_engaged"].rows) == 1
    assert fresh.counters["rows_put_off"] > 0
    assert fresh.counters["lists_put_off"] == 1
    wide = LiveSignals(model, without_text(shop))
    wide.fold_in(events([user], [11]))
    wide.propagate()
    live.propagate()
    assert np.allclose(live.model.item_vectors(), wide.model.item_vectors(), atol=1e-4)


def test_a_removed_item_has_no_rows_left(shop: ShopArrays, model: FittedIlk) -> None:
    live = LiveSignals(model, without_text(shop))
    live.fold_in(removed=np.array([4]))
    live.propagate()
    signals = live.model.signals
    assert signals.cold[4]
    assert signals.text is not None
    assert not signals.text[4].any()
    vectors = live.model.item_vectors()
    assert not vectors[4].any()
    columns = np.array([4])
    for objective in Objective:
        assert not any(part.any() for part in live.model.contributions(5, columns, objective).values()), (
            "nothing speaks for it"
        )


def test_a_shop_without_texts_or_weights_folds_in() -> None:
    shop = live_shop(text=False)
    model = fitted(shop)
    for variant in (model, FittedIlk(model.signals, model.mixes, model.user_mix, model.config)):
        live = LiveSignals(variant, replace(shop, item_category=None, brand=None))
        live.fold_in(co_views(shop, 0, 1), LiveItems(np.array([shop.n_items]), brand=np.array([1])))
        assert 1 in top_ten(live.model, 0, Objective.NEXT)
        live.propagate()
        assert np.isfinite(live.model.item_vectors()).all()
        kept = live.model.signals.embedding
        assert kept is not None
        assert model.signals.embedding is not None
        if variant.weights is None:
            assert np.array_equal(kept[: shop.n_items], model.signals.embedding)


def test_no_torch_is_loaded() -> None:
    code = "import gnn.live, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
