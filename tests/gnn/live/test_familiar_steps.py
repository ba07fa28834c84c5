"""Which steps of a shop's users are familiar."""

import numpy as np

from gnn.live.familiar_steps import FamiliarSteps, pair_keys, steps
from gnn.shop_arrays import ShopArrays


def shop_of(user: list[int], item: list[int]) -> ShopArrays:
    n = len(user)
    return ShopArrays(
        n_users=max(user) + 1,
        n_items=max(item) + 1,
        user=np.array(user),
        item=np.array(item),
        at=np.arange(n),
        weight=np.ones(n, np.float32),
        relation=np.zeros(n, np.int8),
    )


def hold(shop: ShopArrays, *pairs: tuple[int, int]) -> list[bool]:
    one, other = np.array(pairs).T
    found: list[bool] = FamiliarSteps.of(shop).hold(pair_keys(one, other)).tolist()
    return found


def test_two_users_make_a_step_familiar_in_whichever_direction() -> None:
    shop = shop_of([0, 1, 0, 1], [3, 5, 5, 3])
    assert hold(shop, (3, 5), (5, 3), (3, 4), (0, 1), (8, 9)) == [True, True, False, False, False]


def test_one_user_does_not_however_often() -> None:
    assert hold(shop_of([0] * 6, [3, 5] * 3), (3, 5)) == [False]


def test_items_further_apart_in_a_history_are_no_step() -> None:
    shop = shop_of([0, 0, 0, 1, 1, 1], [3, 4, 5, 3, 4, 5])
    assert hold(shop, (3, 4), (4, 5), (3, 5)) == [True, True, False]


def test_steps_of_several_users_may_be_interleaved() -> None:
    shop = shop_of([0, 1, 2, 1, 0, 2, 2], [3, 5, 3, 3, 5, 4, 5])
    assert hold(shop, (3, 5), (3, 4), (4, 5)) == [True, False, False]


def test_a_shop_without_events_knows_no_step() -> None:
    nothing = np.zeros(0, np.int64)
    assert FamiliarSteps.none().hold(np.array([1, 2])).tolist() == [False, False]
    before, after = steps(nothing, nothing)
    assert len(before) == len(after) == 0
    empty = ShopArrays(0, 0, nothing, nothing, nothing, np.zeros(0, np.float32), np.zeros(0, np.int8))
    assert len(FamiliarSteps.of(empty).keys) == 0
