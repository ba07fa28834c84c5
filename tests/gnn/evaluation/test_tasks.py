"""Test cases against a plain re-reading of the protocol, event by event."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gnn.evaluation.basket import basket_pairs
from gnn.evaluation.cases import Pairs
from gnn.evaluation.errors import UnfitData
from gnn.evaluation.links import MAX_QUERIES, link_sets
from gnn.evaluation.next_item import next_pairs
from gnn.evaluation.split import Split, temporal_splits
from gnn.evaluation.user_next import user_cases
from gnn.shop_arrays import ShopArrays
from tests.gnn.evaluation.toy_shops import shop_of, shops

Rows = list[tuple[int, int, int]]


def rows_of(pairs: Pairs) -> Rows:
    return list(zip(pairs.query.tolist(), pairs.target.tolist(), pairs.user.tolist(), strict=True))


def plain_cases(shop: ShopArrays, split: Split) -> tuple[Rows, Rows]:
    """(next, basket) by dictionaries, as the protocol is written."""
    events = list(zip(shop.user.tolist(), shop.item.tolist(), shop.at.tolist(), strict=True))
    events = events[: split.test_stop]
    nexts: Rows = []
    baskets: Rows = []
    for place in range(split.fit_stop, len(events)):
        user, item, at = events[place]
        before = [e[1] for e in events[:place] if e[0] == user and e[2] < at]
        if before and before[-1] != item:
            nexts.append((before[-1], item, user))
        basket = [e[1] for e in events if e[0] == user and e[2] == at]
        mate = basket[(basket.index(item) + 1) % len(basket)]
        if mate != item:
            baskets.append((mate, item, user))
    return nexts, baskets


@given(shop=shops(), windows=st.integers(1, 3))
def test_pairs_are_those_of_the_protocol(shop: ShopArrays, windows: int) -> None:
    for split in temporal_splits(shop.n_events, windows) if shop.n_events >= 10 else ():
        nexts, baskets = plain_cases(shop, split)
        assert rows_of(next_pairs(shop, split)) == nexts
        assert rows_of(basket_pairs(shop, split)) == baskets


@given(shop=shops())
def test_user_cases_are_new_items_of_known_users(shop: ShopArrays) -> None:
    assume(shop.n_events > 1)
    split = Split(shop.n_events // 2, shop.n_events)
    cases = user_cases(shop, split)
    before: dict[int, set[int]] = {}
    after: dict[int, set[int]] = {}
    for place, (user, item) in enumerate(zip(shop.user.tolist(), shop.item.tolist(), strict=True)):
        (before if place < split.fit_stop else after).setdefault(user, set()).add(item)
    expected = {u: after[u] - before[u] for u in sorted(after) if u in before and after[u] - before[u]}
    assert cases.sets.anchor.tolist() == list(expected)
    assert cases.history.anchor.tolist() == list(expected)
    for place, user in enumerate(expected):
        assert set(cases.sets.target[cases.sets.case == place].tolist()) == expected[user]
        assert set(cases.history.target[cases.history.case == place].tolist()) == before[user]


def test_a_window_does_not_see_what_comes_after_it() -> None:
    shop = shop_of(
        np.zeros(20, np.int64), np.arange(20), np.repeat(np.arange(10), 2), 1, 20
    )  # ten baskets of two
    split = Split(9, 11)  # cuts the fifth and the sixth basket
    assert rows_of(basket_pairs(shop, split)) == [(8, 9, 0)]
    assert rows_of(next_pairs(shop, split)) == [(7, 9, 0), (9, 10, 0)]


def test_equal_times_are_no_order() -> None:
    shop = shop_of(np.zeros(4, np.int64), np.array([3, 1, 2, 0]), np.array([0, 5, 5, 5]), 1, 4)
    assert rows_of(next_pairs(shop, Split(1, 4))) == [(3, 0, 0), (3, 1, 0), (3, 2, 0)]
    assert rows_of(basket_pairs(shop, Split(1, 4))) == [(1, 0, 0), (2, 1, 0), (0, 2, 0)]


@pytest.mark.parametrize(
    ("windows", "expected"),
    [(1, [(90, 100)]), (3, [(70, 80), (80, 90), (90, 100)])],
)
def test_windows(windows: int, expected: list[tuple[int, int]]) -> None:
    assert [(s.fit_stop, s.test_stop) for s in temporal_splits(100, windows)] == expected


@pytest.mark.parametrize("n", [10, 11, 99, 1234, 130_500])
def test_the_split_rounds_down(n: int) -> None:
    (split,) = temporal_splits(n, 1)
    assert (split.fit_stop, split.test_stop) == (int(n * 0.9), n)


@pytest.mark.parametrize(("n", "windows"), [(100, 0), (100, 6), (5, 2), (0, 1)])
def test_unfit_splits_are_refused(n: int, windows: int) -> None:
    with pytest.raises(UnfitData):
        temporal_splits(n, windows)


def test_links_are_sets_and_bounded() -> None:
    sets = link_sets((np.array([3, 1, 3, 3]), np.array([0, 2, 0, 1])), 5)
    assert sets.anchor.tolist() == [1, 3]
    assert sets.target.tolist() == [2, 0, 1]
    n = MAX_QUERIES + 500
    query = np.repeat(np.arange(n), 2)
    many = link_sets((query, (query + np.tile([1, 2], n)) % n), n)
    assert len(many) == MAX_QUERIES
    assert many.sizes.tolist() == [2] * MAX_QUERIES
    assert (np.diff(many.anchor) > 0).all()
    assert set(((many.target - many.anchor[many.case]) % n).tolist()) == {1, 2}
