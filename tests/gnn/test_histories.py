"""Grouping by user, and the pairs that follow, against plain loops."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gnn.histories import basket_pairs, group_by_user, interaction_matrix, next_pairs, without_weightless
from gnn.shop_arrays import ShopArrays
from gnn.user_features import UserConfig
from gnn.user_rows import latest_of_each, rows_of_history, user_rows
from tests.gnn.shops import shop_of

Event = tuple[int, int, int]


@st.composite
def shops(draw: st.DrawFn) -> ShopArrays:
    events = draw(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 3), st.integers(0, 5)), max_size=40))
    ordered = np.array(sorted(set(events)), np.int64).reshape(-1, 3)
    return shop_of(ordered[:, 1], ordered[:, 2], n_users=4, n_items=6, at=ordered[:, 0])


def reference_pairs(shop: ShopArrays) -> tuple[list[Event], list[Event]]:
    """(query, target, position) of next and basket pairs, by the protocol's words."""
    following, baskets = [], []
    last: dict[int, tuple[int, int]] = {}
    groups: dict[tuple[int, int], list[int]] = {}
    for k in range(shop.n_events):
        groups.setdefault((int(shop.at[k]), int(shop.user[k])), []).append(k)
    for (_, user), members in groups.items():
        for place, k in enumerate(members):
            item = int(shop.item[k])
            if user in last and last[user][0] != item:
                following.append((last[user][0], item, k))
            mate = int(shop.item[members[(place + 1) % len(members)]])
            if mate != item:
                baskets.append((mate, item, k))
        last[user] = (int(shop.item[members[-1]]), 0)
    return sorted(following, key=lambda e: e[2]), sorted(baskets, key=lambda e: e[2])


@given(shops())
def test_pairs_are_those_of_the_protocol(shop: ShopArrays) -> None:
    histories = group_by_user(shop)
    following, baskets = reference_pairs(shop)
    assert [tuple(map(int, e)) for e in zip(*next_pairs(histories), strict=True)] == following
    assert [tuple(map(int, e)) for e in zip(*basket_pairs(histories), strict=True)] == baskets


@given(shops(), st.integers(0, 40), st.randoms(use_true_random=False))
def test_shuffling_the_future_changes_no_pair_of_the_past(shop: ShopArrays, cut: int, rnd: object) -> None:
    cut = min(cut, shop.n_events)
    later = np.arange(cut, shop.n_events)
    item = shop.item.copy()
    item[later] = np.random.default_rng(cut).permutation(item[later])
    other = shop_of(shop.user, item, n_users=4, n_items=6, at=shop.at)
    for pairs in (next_pairs,):
        ours, theirs = pairs(group_by_user(shop)), pairs(group_by_user(other))
        past_ours = [tuple(map(int, e)) for e in zip(*ours, strict=True) if e[2] < cut]
        past_theirs = [tuple(map(int, e)) for e in zip(*theirs, strict=True) if e[2] < cut]
        assert past_ours == past_theirs


@given(shops())
def test_a_user_by_events_equals_the_same_user_by_a_list_of_items(shop: ShopArrays) -> None:
    config = UserConfig(history=3)
    histories = latest_of_each(group_by_user(shop))
    rows = user_rows(histories, np.arange(4), config)
    for user in range(4):
        alone = rows_of_history(shop.item[shop.user == user], 6, config)
        assert np.allclose(rows.recent.toarray()[user], alone.recent.toarray()[0])
        assert np.allclose(rows.even.toarray()[user], alone.even.toarray()[0])


def test_recent_events_weigh_more_and_rows_sum_to_one() -> None:
    rows = rows_of_history(np.array([4, 0, 2]), 6, UserConfig(decay=0.5))
    assert np.allclose(rows.recent.toarray()[0], np.array([2, 0, 4, 0, 1, 0]) / 7)
    assert np.allclose(rows.even.toarray()[0], np.array([1, 0, 1, 0, 1, 0]) / 3)


def test_strongest_weight_of_a_pair_counts_and_refunded_events_vanish() -> None:
    shop = shop_of(
        np.array([0, 0, 0, 1]),
        np.array([1, 1, 2, 2]),
        weight=np.array([0.2, 0.7, 0.0, 1.0], np.float32),
    )
    expected = np.array([[0, 0.7, 0], [0, 0, 1]])
    assert np.allclose(interaction_matrix(shop).toarray(), expected)
    assert interaction_matrix(shop).nnz == 2
    assert without_weightless(shop).n_events == 3
