"""Influence caps by known answers, and what poison does to served quality with and without them."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from gnn.fitted_ilk import FittedIlk
from gnn.fitting import fit_with
from gnn.live import InfluenceCaps, LiveConfig, LiveEvents, LiveSignals
from gnn.live.crowd import CrowdLimit, CrowdWatch
from gnn.live.influence import InfluenceLedger, earlier_alike
from gnn.objective import Objective
from gnn.shop_arrays import ShopArrays
from tests.gnn.live.shops import BRIEF, events, fitted, live_shop, without_text
from tests.gnn.shops import cluster_purity, cluster_shop

OFF = InfluenceCaps(user_item=0, user=0, new_users_item=0, crowd_factor=0)
CLUSTERS = 20


def ledger(**limits: float) -> InfluenceLedger:
    values = {"window": 100, "user_item": 0, "user": 0, "user_factor": 0.0, "new_users_item": 0} | limits
    caps = InfluenceCaps(**values)  # type: ignore[arg-type]
    nobody = CrowdWatch(CrowdLimit(np.inf, np.inf, np.inf))
    return InfluenceLedger(caps, np.ones(10, np.bool_), np.array([4.0, 400.0]), busiest=2.0, crowd=nobody)


def test_earlier_alike_counts_in_order() -> None:
    assert earlier_alike(np.array([3, 1, 3, 3, 1])).tolist() == [0, 0, 1, 2, 1]
    assert earlier_alike(np.zeros(0, np.int64)).tolist() == []


def test_one_user_and_item_count_a_few_times() -> None:
    book = ledger(user_item=2)
    admitted, damped, _ = book.admit(events([1, 1, 1, 2], [5, 5, 5, 5]))
    assert admitted.tolist() == [True, True, False, True]
    assert damped == {"damped_user_item": 1}
    assert book.admit(events([1, 1], [5, 6]))[0].tolist() == [False, True]


def test_one_user_counts_so_often_in_all() -> None:
    book = ledger(user=3)
    admitted, damped, _ = book.admit(events([1] * 5 + [2], [1, 2, 3, 4, 5, 1]))
    assert admitted.tolist() == [True, True, True, False, False, True]
    assert damped == {"damped_user": 2}


def test_busy_shops_allow_busy_users() -> None:
    book = ledger(user=3, user_factor=2.5)
    assert book.admit(events([1] * 6, [1, 2, 3, 4, 5, 6]))[0].sum() == 5


def test_a_crowd_of_new_users_counts_in_proportion_to_what_the_item_had() -> None:
    book = ledger(new_users_item=3)
    crowd = list(range(10, 20))
    assert book.admit(events(crowd, [0] * 10))[0].sum() == 3
    assert book.admit(events(crowd, [1] * 10))[0].all()
    assert book.admit(events([1, 2], [0, 0]))[0].all(), "users of the release are no crowd"
    assert book.admit(events([30], [7]))[0].all(), "an item that the release did not know"


def test_counts_start_anew_with_the_window_however_events_are_batched() -> None:
    users = np.where(np.arange(500) % 2, 1, 2 + np.arange(500))  # user 1 in turn with one who comes once
    stream = events(users.tolist(), list(range(500)))
    whole = ledger(user=30).admit(stream)[0]
    book, single = ledger(user=30), []
    for start in range(0, 500, 30):
        part = {name: getattr(stream, name)[start : start + 30] for name in LiveEvents.__annotations__}
        single.append(book.admit(LiveEvents(**part))[0])
    let_through = whole[users == 1]
    # 30 of user 1 and 70 of the others fill a window, which ends with event 138, before user 1's 70th
    assert let_through[:69].sum() == let_through[69:139].sum() == 30
    assert let_through[:30].all()
    assert let_through[69:99].all()
    assert np.array_equal(np.concatenate(single), whole)


def test_a_flood_does_not_open_the_next_window_for_itself() -> None:
    book = ledger(user=40)
    assert book.admit(events([1] * 5000, list(range(5000))))[0].sum() == 40


def test_damped_events_change_no_answer_and_are_named() -> None:
    shop = live_shop()
    model = fitted(shop)
    config = LiveConfig(caps=replace(OFF, user_item=1))
    live, other = (LiveSignals(model, without_text(shop), config) for _ in range(2))
    fresh = live.fold_in(events([3, 3, 3], [1, 2, 2]))
    other.fold_in(events([3, 3], [1, 2]))
    assert fresh.counters["damped_user_item"] == 1
    live.propagate()
    other.propagate()
    assert np.allclose(live.model.item_vectors(), other.model.item_vectors(), atol=1e-6)
    assert live.n_events == other.n_events + 1


@pytest.fixture(scope="module")
def whole() -> ShopArrays:
    return cluster_shop(clusters=CLUSTERS, items_each=12, users_each=60, events_each=8)


@pytest.fixture(scope="module")
def shop(whole: ShopArrays) -> ShopArrays:
    """What the release knows; the rest comes while it serves."""
    return whole.events(0, whole.n_events * 3 // 4)


def mixed(whole: ShopArrays, shop: ShopArrays, attack: LiveEvents) -> LiveEvents:
    """An attack evenly among the events that come anyway."""
    real = np.arange(shop.n_events, shop.n_events + 600)
    n = len(real) + len(attack)
    is_real = np.zeros(n, np.bool_)
    is_real[np.linspace(0, n - 1, len(real)).astype(np.int64)] = True
    user, item = np.empty(n, np.int64), np.empty(n, np.int64)
    user[is_real], item[is_real] = whole.user[real], whole.item[real]
    user[~is_real], item[~is_real] = attack.user, attack.item
    return events(user.tolist(), item.tolist())


@pytest.fixture(scope="module")
def model(shop: ShopArrays) -> FittedIlk:
    """With the shipped mix: learned trends would tell the poison from the shop's tastes by themselves."""
    return fit_with(replace(BRIEF, learn_mix=False), shop, 0).model


def buys_everything(shop: ShopArrays) -> LiveEvents:
    """One user buys everything, again and again, and item 0 with each."""
    rng = np.random.default_rng(0)
    everything = np.concatenate([rng.permutation(shop.n_items) for _ in range(20)])
    item = np.stack([everything, np.zeros_like(everything)], axis=1).ravel()
    return events([shop.n_users] * len(item), item.tolist())


def storm(shop: ShopArrays) -> LiveEvents:
    """A thousand new users, each of whom looks at some item and then at item 0."""
    rng = np.random.default_rng(1)
    item = np.stack([rng.integers(0, shop.n_items, 1000), np.zeros(1000, np.int64)], axis=1)
    return events(np.repeat(shop.n_users + np.arange(1000), 2).tolist(), item.ravel().tolist())


def spread(shop: ShopArrays) -> LiveEvents:
    """Five thousand new users, each of whom looks at two items: no item sees many of them."""
    item = np.random.default_rng(3).integers(0, shop.n_items, 10_000)
    return events(np.repeat(shop.n_users + np.arange(5000), 2).tolist(), item.tolist())


def random_edges(shop: ShopArrays) -> LiveEvents:
    """Five scripts click at random."""
    rng = np.random.default_rng(2)
    user = shop.n_users + rng.integers(0, 5, 40_000)
    return events(user.tolist(), rng.integers(0, shop.n_items, 40_000).tolist())


def quality(model: FittedIlk, shop: ShopArrays) -> float:
    query = np.arange(shop.n_items)
    return cluster_purity(model.score_similar(query, Objective.NEXT), query, CLUSTERS)


@pytest.mark.parametrize("attack", [buys_everything, storm, spread, random_edges])
def test_poison_moves_served_quality_by_at_most_a_hundredth_with_caps_and_more_without(
    attack: Callable[[ShopArrays], LiveEvents], whole: ShopArrays, shop: ShopArrays, model: FittedIlk
) -> None:
    before = quality(model, shop)
    fallen = {}
    for name, caps in (("capped", InfluenceCaps()), ("open", OFF)):
        live = LiveSignals(model, without_text(shop), LiveConfig(caps=caps))
        fresh = live.fold_in(mixed(whole, shop, attack(shop)))
        during = quality(live.model, shop)
        live.propagate()
        fallen[name] = 1 - min(during, quality(live.model, shop)) / before
        assert any(reason.startswith("damped_") for reason in fresh.counters) == (name == "capped")
    assert before > 0.95
    assert fallen["capped"] <= 0.01, fallen
    assert fallen["open"] > 0.01, fallen


def test_an_unfolded_range_leaves_nothing_behind(shop: ShopArrays, model: FittedIlk) -> None:
    live = LiveSignals(model, without_text(shop), LiveConfig(caps=OFF))
    live.fold_in(storm(shop))
    live.propagate()
    live.without(0, 10**6)
    assert np.allclose(live.model.item_vectors()[: shop.n_items], model.item_vectors(), atol=1e-4)
    query = np.arange(shop.n_items)
    ours, theirs = (m.score_similar(query, Objective.NEXT) for m in (live.model, model))
    assert np.abs(ours[:, : shop.n_items] - theirs).max() < 2e-3
    assert model.config == replace(BRIEF, learn_mix=False)
