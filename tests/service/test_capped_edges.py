"""Influence caps on what an increment and a mirror read from the store."""

from dataclasses import replace

import numpy as np

from gnn.live import InfluenceCaps, LiveConfig, LiveEvents, LiveSignals
from gnn.shop_arrays import ShopArrays
from graph.store import EdgeBlock
from service.capped_edges import capped_edges
from tests.gnn.live.shops import events, fitted, without_text
from tests.gnn.live.test_crowd import calm, crowd, grown_shop, joined, others


def edges(user: list[int], item: list[int]) -> EdgeBlock:
    n = len(user)
    return EdgeBlock(
        seq=np.arange(1, n + 1),
        user=np.asarray(user, np.int64),
        item=np.asarray(item, np.int64),
        relation=np.zeros(n, np.int8),
        at=np.arange(n) * 10**6,
        weight=np.ones(n, np.float32),
        rating=np.full(n, np.nan, np.float32),
    )


CAPS = InfluenceCaps(user_item=2, user=5, user_factor=0.0, new_users_item=3, new_users_share=0.0)
KNOWN = [0, 1, 2, 3] * 3
"""Users of the events that a refresh has learned from; items 0 to 11."""


def test_events_of_a_refresh_are_never_left_out() -> None:
    block = edges([0] * 50, [0] * 50)
    capped = capped_edges(block, 50, CAPS)
    kept, damped = capped.edges, capped.damped
    assert kept is block
    assert not damped


def test_what_goes_beyond_the_caps_since_then_is_left_out_and_named() -> None:
    block = edges([*KNOWN, *[9] * 20, 1], [*range(12), *[4] * 10, *range(10), 3])
    capped = capped_edges(block, 12, CAPS)
    kept, damped = capped.edges, capped.damped
    assert np.array_equal(kept.seq[:12], block.seq[:12])
    assert (kept.user == 9).sum() == 5
    assert ((kept.user == 9) & (kept.item == 4)).sum() == 2
    assert kept.seq[-1] == block.seq[-1], "a shopper's event counts"
    assert set(damped) == {"damped_user_item", "damped_user"}
    assert sum(damped.values()) == 15


def test_users_since_the_refresh_are_a_crowd() -> None:
    block = edges([*KNOWN, *range(4, 24)], [*range(12), *[7] * 20])
    capped = capped_edges(block, 12, CAPS)
    kept, damped = capped.edges, capped.damped
    assert (kept.user >= 4).sum() == 3
    assert damped == {"damped_new_users_item": 17}


def test_events_are_counted_in_the_order_of_the_log_not_of_their_time() -> None:
    block = edges([*KNOWN, *[9] * 8], [*range(12), *range(8)])
    late = replace(block, seq=np.concatenate([block.seq[:12], block.seq[12:][::-1]]))
    kept = capped_edges(late, 12, CAPS).edges
    assert kept.item[12:].tolist() == [3, 4, 5, 6, 7]


def block_of(events: LiveEvents) -> EdgeBlock:
    return EdgeBlock(
        seq=events.sequence,
        user=events.user,
        item=events.item,
        relation=events.relation,
        at=events.at,
        weight=events.weight,
        rating=np.full(len(events), np.nan, np.float32),
    )


def with_edges(shop: ShopArrays, edges: EdgeBlock) -> ShopArrays:
    columns = {name: getattr(edges, name) for name in ("user", "item", "at", "weight", "relation")}
    return replace(shop, n_users=int(edges.user.max()) + 1, **columns)


def test_what_waits_while_everything_is_read_anew_counts_once_it_is_let_in() -> None:
    """Sixty who agree on an item, five of them before the reading."""
    shop, caps = grown_shop(), InfluenceCaps(user_item=0, user=0, new_users_item=0, crowd_users=20)
    n, model = shop.n_events, fitted(shop)
    shop = without_text(shop)
    known = LiveEvents(shop.user, shop.item, shop.at, shop.weight, shop.relation, np.arange(1, n + 1))
    stream = joined([crowd(900, 0), crowd(60, 900, item=3, user=5000)])
    stream = replace(stream, at=10**15 + np.arange(len(stream)), sequence=n + 1 + np.arange(len(stream)))
    before, after = stream.only(slice(905)), stream.only(slice(905, None))

    through = LiveSignals(model, shop, LiveConfig(caps=caps), known.sequence)
    through.fold_in(before)
    capped = capped_edges(block_of(known.joined(before)), n, caps)
    edges = capped.with_waiting
    again = LiveSignals(
        model, with_edges(shop, edges), LiveConfig(caps=caps), edges.seq, ledger=capped.ledger
    )
    assert again.shop().n_events == len(capped.edges.seq) < len(edges.seq)
    assert not np.isin(n + 901 + np.arange(5), capped.edges.seq).any(), "the five wait"

    for mirror in (through, again):
        mirror.fold_in(after)
        mirror.propagate()
        assert (mirror.shop().user >= 5000).sum() == 60
    for name in ("user", "item", "at", "weight"):
        np.testing.assert_array_equal(getattr(again.shop(), name), getattr(through.shop(), name))
    np.testing.assert_allclose(again.model.item_vectors(), through.model.item_vectors(), atol=1e-4)


def test_what_is_read_between_two_crowds_counts_once_the_second_lets_it_in() -> None:
    """One event waits when the first crowd goes; its user takes a familiar step while the second is there."""
    shop, caps = grown_shop(), InfluenceCaps(user_item=0, user=0, new_users_item=0, crowd_users=20)
    n, model = shop.n_events, fitted(shop)
    shop = without_text(shop)
    known = LiveEvents(shop.user, shop.item, shop.at, shop.weight, shop.relation, np.arange(1, n + 1))
    first = joined([crowd(900, 0), calm(550, 900), events([7000], [5], first=1450), calm(80, 1451)])
    second = joined([crowd(700, 1531, user=9000), events([7000], [others(5, familiar=True)[0]], first=2231)])
    stream = joined([first, second, calm(60, 2232)])
    stream = replace(stream, at=10**15 + np.arange(len(stream)), sequence=n + 1 + np.arange(len(stream)))
    before, after = stream.only(slice(1520)), stream.only(slice(1520, None))
    waits = n + 1 + 1450

    through = LiveSignals(model, shop, LiveConfig(caps=caps), known.sequence)
    through.fold_in(before)
    capped = capped_edges(block_of(known.joined(before)), n, caps)
    edges = capped.with_waiting
    assert capped.ledger.waiting is None, "the crowd has gone"
    assert waits in edges.seq
    assert waits not in capped.edges.seq
    again = LiveSignals(
        model, with_edges(shop, edges), LiveConfig(caps=caps), edges.seq, ledger=capped.ledger
    )
    for mirror in (through, again):
        mirror.fold_in(after)
        mirror.propagate()
        assert (mirror.shop().user == 7000).sum() == 2
    for name in ("user", "item", "at", "weight"):
        np.testing.assert_array_equal(getattr(again.shop(), name), getattr(through.shop(), name))
