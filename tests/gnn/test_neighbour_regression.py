"""The regression of targets on what shoppers have beside them: against dense algebra, and its bounds."""

import tracemalloc
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import gnn.neighbour_regression
from gnn.histories import Histories, group_by_user
from gnn.neighbour_regression import RegressionConfig, neighbour_regression, regression_bytes
from gnn.shop_arrays import ShopArrays
from gnn.sparse_rows import product_blocks
from gnn.user_rows import latest_of_each
from tests.gnn.shops import cluster_shop, shop_of

RIDGE = 2.0


def seen(shop: ShopArrays) -> Histories:
    return latest_of_each(group_by_user(shop))


def test_with_room_for_all_neighbours_it_is_ridge_regression() -> None:
    shop = cluster_shop(clusters=2, items_each=6, users_each=10)
    dense = np.zeros((shop.n_users, shop.n_items))
    dense[shop.user, shop.item] = 1.0
    expected = np.zeros((shop.n_items, shop.n_items))
    for target in range(shop.n_items):
        together = dense.T @ dense[:, target]
        near = np.flatnonzero((together > 0) & (np.arange(shop.n_items) != target))
        x = dense[:, near]
        expected[near, target] = np.linalg.solve(x.T @ x + RIDGE * np.eye(len(near)), together[near])
    expected[expected < 1e-5] = 0.0
    got = neighbour_regression(seen(shop), RegressionConfig(ridge=RIDGE)).toarray()
    assert np.allclose(got, expected / expected[expected > 0].mean(), atol=1e-4)


def test_items_that_say_the_same_share_the_weight() -> None:
    """Items 0 and 1 always come together, 2 alone; each pair of shoppers goes on to item 3."""
    user = np.array([0, 0, 0, 1, 1, 1, 2, 2, 3, 3])
    item = np.array([0, 1, 3, 0, 1, 3, 2, 3, 2, 3])
    weights = neighbour_regression(seen(shop_of(user, item)), RegressionConfig(ridge=0.5)).toarray()
    assert weights[0, 3] == pytest.approx(weights[1, 3], rel=1e-4)
    assert weights[0, 3] < 0.7 * weights[2, 3]


def test_only_the_nearest_neighbours_explain_a_target() -> None:
    shop = cluster_shop(clusters=2, items_each=8)
    few = neighbour_regression(seen(shop), RegressionConfig(neighbours=3))
    per_target = np.bincount(few.indices, minlength=shop.n_items)
    assert 0 < per_target.max() <= 3
    assert few.diagonal().sum() == 0
    assert neighbour_regression(seen(shop), RegressionConfig(neighbours=0)).nnz == 0


def test_weightless_events_and_what_lies_far_back_do_not_count() -> None:
    user, item = np.zeros(4, np.int64), np.arange(4)
    refunded = shop_of(user, item, weight=np.array([1, 1, 0, 1], np.float32))
    assert neighbour_regression(seen(refunded), RegressionConfig()).toarray()[2].sum() == 0
    newest = neighbour_regression(seen(shop_of(user, item)), RegressionConfig(history=2))
    assert set(newest.indices.tolist()) == {2, 3}


def test_without_events_there_is_nothing() -> None:
    none = np.zeros(0, np.int64)
    assert neighbour_regression(seen(shop_of(none, none, n_users=1, n_items=3)), RegressionConfig()).nnz == 0


def test_the_smallest_ridge_keeps_items_apart_that_always_come_together() -> None:
    """200,000 shoppers with the same five items: in float32 a thousandth beside them is rounded away."""
    user, item = np.repeat(np.arange(200_000), 5), np.tile(np.arange(5), 200_000)
    weights = neighbour_regression(seen(shop_of(user, item)), RegressionConfig(ridge=1e-3)).toarray()
    assert np.allclose(weights[~np.eye(5, dtype=bool)], 1.0, atol=1e-3)


def test_equations_are_solved_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []
    solve = np.linalg.solve

    def watched(a: Any, b: Any) -> Any:
        threads.extend(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")
        assert a.dtype == np.float64
        return solve(a, b)

    monkeypatch.setattr(np.linalg, "solve", watched)
    with threadpool_limits(2, "blas"):
        neighbour_regression(seen(cluster_shop(clusters=1, items_each=4)), RegressionConfig())
    assert set(threads) == {1}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ridge", 0.0),
        ("ridge", 1e-9),
        ("ridge", float("nan")),
        ("ridge", "50"),
        ("neighbours", -1),
        ("neighbours", 10.5),
        ("neighbours", True),
        ("history", 0),
        ("history", "500"),
    ],
)
def test_settings_are_checked_by_name(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"regression.{name} must be"):
        RegressionConfig(**{name: value})


def test_blocks_of_targets_give_the_same_bits_as_all_pairs_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    user, item = np.repeat(np.arange(150), 20), rng.integers(0, 300, 3000) ** 2 // 300
    histories, config = seen(shop_of(user, item, n_items=300)), RegressionConfig(neighbours=30, history=15)
    whole = neighbour_regression(histories, config)
    assert np.bincount(whole.indices, minlength=300).max() > 10
    monkeypatch.setattr(gnn.neighbour_regression, "_MOST_PAIRS", 700)
    blocks: list[Any] = []

    def counted(*given: Any) -> Any:
        blocks.extend(product_blocks(*given))
        return iter(blocks)

    monkeypatch.setattr(gnn.neighbour_regression, "product_blocks", counted)
    in_blocks = neighbour_regression(histories, config)
    assert in_blocks.indices.dtype == np.int32  # entries of 8 bytes, not 12
    assert len(blocks) > 20
    for name in ("data", "indices", "indptr"):
        assert np.array_equal(getattr(whole, name), getattr(in_blocks, name))


def test_memory_stays_within_what_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """10 users with 500 items each have 2.5 million pairs, 20 MB, of which a sixth is held at once."""
    monkeypatch.setattr(gnn.neighbour_regression, "_MOST_PAIRS", 400_000)
    rng = np.random.default_rng(0)
    user = np.repeat(np.arange(10), 500)
    item = np.concatenate([rng.choice(2500, 500, replace=False) for _ in range(10)])
    histories, config = seen(shop_of(user, item, n_items=2500)), RegressionConfig(neighbours=2)
    neighbour_regression(seen(shop_of(user[:3], item[:3])), config)  # what is made once is made
    tracemalloc.start()
    try:
        neighbour_regression(histories, config)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    counted = regression_bytes(user, 2500, config)
    assert 0.7 * counted < peak < counted < 4e6
