"""Shops without times: their order says nothing, and shops with times are left as they are."""

from dataclasses import replace

import numpy as np
import pytest

from gnn.fitting import fit_with
from gnn.histories import group_by_user, next_pairs
from gnn.ilk_config import IlkConfig
from gnn.ilk_model import IlkModel
from gnn.shop_arrays import IntArray, ShopArrays
from gnn.training_config import TrainingConfig
from gnn.trend import HALF_LIVES, decayed_counts, trend_features
from gnn.undated import is_untimed
from gnn.untimed import HISTORY, config_for, following_pairs, without_order
from tests.gnn.shops import cluster_shop, shop_of

BRIEF = IlkConfig(training=TrainingConfig(min_epochs=2, max_epochs=3, negatives=128))


def all_alike() -> ShopArrays:
    """As a snapshot has events of one time: by user, then by item."""
    shop = cluster_shop()
    order = np.lexsort((shop.item, shop.user))
    return shop_of(
        shop.user[order],
        shop.item[order],
        n_users=shop.n_users,
        n_items=shop.n_items,
        at=np.full(shop.n_events, 7),
    )


def places_of_lists() -> ShopArrays:
    """As LightGCN's format is dated: a user's k-th event in the k-th second."""
    shop = all_alike()
    place: IntArray = np.arange(shop.n_events) % 12
    order = np.argsort(place, kind="stable")
    return replace(shop, user=shop.user[order], item=shop.item[order], at=place[order])


@pytest.mark.parametrize("shop", [all_alike(), places_of_lists()])
def test_what_is_held_out_is_some_of_everybodys_events(shop: ShopArrays) -> None:
    assert is_untimed(shop)
    mixed = without_order(shop)
    older = mixed.events(0, mixed.n_events * 8 // 9)
    per_user = np.bincount(older.user, minlength=shop.n_users)
    assert per_user.min() >= 5, "nobody is left without a history"
    assert per_user.max() == 12, "and nobody's list is cut at a place"
    pairs = set(zip(shop.user.tolist(), shop.item.tolist(), strict=True))
    assert set(zip(mixed.user.tolist(), mixed.item.tolist(), strict=True)) == pairs
    assert np.array_equal(mixed.user, without_order(shop).user)
    query, target, position = following_pairs(mixed, group_by_user(mixed))
    assert len(query) > 0.9 * shop.n_events
    assert np.array_equal(mixed.item[position], target)


@pytest.mark.parametrize("shop", [all_alike(), places_of_lists()])
def test_trends_are_counts(shop: ShopArrays) -> None:
    counts = np.bincount(shop.item, minlength=shop.n_items)
    for half_life in HALF_LIVES:
        decayed = decayed_counts(shop, half_life)
        assert np.allclose(decayed, counts * (decayed.sum() / shop.n_events), rtol=1e-4)
    assert np.allclose(trend_features(shop)[-1], np.log1p(counts))


def test_the_order_of_lists_changes_nothing_for_users() -> None:
    """Whole histories count, all items alike, in what is learned and in what is served."""
    model = IlkModel(BRIEF)
    model.fit(places_of_lists(), seed=0)
    used = model.fitted.config
    assert (used.users.decay, used.users.history, used.co_engagement.gap_decay) == (1.0, HISTORY, 0.0)
    history, everything = np.array([0, 6, 12, 18]), np.arange(90)
    ours = model.fitted.score_user_candidates(history, everything)
    assert np.allclose(ours, model.fitted.score_user_candidates(history[::-1], everything), atol=1e-4)
    assert fit_with(BRIEF, places_of_lists(), 0).holdout.figures["pairs"] > 100


def test_a_shop_with_times_is_left_as_it_is() -> None:
    shop = cluster_shop()
    assert not is_untimed(shop)
    assert without_order(shop) is shop
    assert config_for(shop, BRIEF) is BRIEF
    histories = group_by_user(shop)
    for ours, theirs in zip(following_pairs(shop, histories), next_pairs(histories), strict=True):
        assert np.array_equal(ours, theirs)


def test_one_user_or_none_is_no_reason_to_doubt_the_times() -> None:
    assert not is_untimed(shop_of(np.zeros(3, np.int64), np.arange(3)))
    assert not is_untimed(shop_of(np.zeros(0, np.int64), np.zeros(0, np.int64)))
