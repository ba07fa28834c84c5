"""What refunds take away from a graph store."""

import polars as pl
import pytest

from graph.event_type import EventType
from graph.store import (
    DEFAULT_WEIGHTS,
    GraphStore,
    StoreStats,
)
from tests.graph.events import apply, edges, event


def weights_of(store: GraphStore) -> list[float]:
    return [float(weight) for weight in edges(store)["weight"]]


def test_a_refund_takes_the_purchase_away(store: GraphStore) -> None:
    apply(store, event("p", kind="purchase", at=1))
    result = apply(store, event("r", kind="refund", at=2))
    assert (result.inserted, result.duplicates, result.touched.tolist()) == (1, 0, [0])
    assert weights_of(store) == [0.0]


def test_a_negative_quantity_is_a_refund(store: GraphStore) -> None:
    apply(store, event("p", kind="purchase", quantity=4.0), event("r", kind="purchase", quantity=-1.0))
    assert weights_of(store) == [0.75]


def test_new_weights_reach_old_edges_and_spare_what_was_refunded(store: GraphStore) -> None:
    kinds = ("view_item", "select_item", "purchase", "add_to_cart", "refund")
    events = [event(str(n), item_id=kind, kind=kind, at=n) for n, kind in enumerate(kinds)]
    apply(store, *events[:4], event("p", kind="purchase", quantity=4.0, at=8))
    apply(store, event("r", kind="purchase", quantity=-1.0, at=9))
    weights = {**DEFAULT_WEIGHTS, EventType.SELECT_ITEM: 0.5, EventType.PURCHASE: 8.0}
    logged = pl.DataFrame({"seq": range(1, 8), "event_type": [*kinds[:4], "purchase", "purchase", "refund"]})
    assert store.reweigh(logged, weights) == 3
    assert weights_of(store) == [1.0, 0.5, 8.0, 1.0, 6.0]
    assert store.reweigh(logged, weights) == 0
    assert store.reweigh(logged, DEFAULT_WEIGHTS) == 3
    assert weights_of(store) == [1.0, 1.0, 1.0, 1.0, 0.75]
    apply(store, event("r2", kind="refund", quantity=1.0, at=10))
    assert weights_of(store) == [1.0, 1.0, 1.0, 1.0, 0.5]


def test_it_takes_the_newest_open_one_first(store: GraphStore) -> None:
    apply(store, *(event(f"p{at}", kind="purchase", at=at) for at in (30, 10, 20)))
    apply(store, event("r1", kind="refund", at=25))
    assert weights_of(store) == [1.0, 1.0, 0.0]
    apply(store, event("r2", kind="refund", at=25))
    assert weights_of(store) == [1.0, 0.0, 0.0]


def test_pieces_go_on_to_older_purchases(store: GraphStore) -> None:
    apply(store, *(event(f"p{at}", kind="purchase", at=at, quantity=2.0) for at in (1, 2)))
    apply(store, event("r1", kind="refund", at=3, quantity=3.0))
    assert weights_of(store) == [0.5, 0.0]
    apply(store, event("r2", kind="refund", at=4, quantity=9.0))
    assert weights_of(store) == [0.0, 0.0]


def test_thirds_add_up(store: GraphStore) -> None:
    apply(store, event("p", kind="purchase", quantity=3.0))
    for number in range(3):
        apply(store, event(f"r{number}", kind="refund", quantity=1.0))
    assert weights_of(store) == [0.0]


def test_unknown_pieces_take_one_whole_purchase(store: GraphStore) -> None:
    apply(store, *(event(f"p{at}", kind="purchase", at=at, quantity=5.0) for at in (1, 2)))
    apply(store, event("r", kind="refund", at=3))
    assert weights_of(store) == [1.0, 0.0]
    apply(store, event("q", "v", kind="purchase"), event("s", "v", kind="refund", quantity=1.0))
    assert weights_of(store) == [1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    "refund",
    [
        event("r", "other", kind="refund", at=9),
        event("r", item_id="other", kind="refund", at=9),
        event("r", anonymous=True, kind="refund", at=9),
        event("r", kind="refund", at=-1),
    ],
    ids=["another user", "another item", "a session of that id", "before the purchase"],
)
def test_without_a_matching_purchase_it_leaves_no_trace(store: GraphStore, refund: object) -> None:
    apply(store, event("v", at=0), event("p", kind="purchase", at=0))
    result = apply(store, refund)  # type: ignore[arg-type]
    assert (result.inserted, result.duplicates, result.touched.tolist()) == (0, 0, [])
    assert weights_of(store) == [1.0, 1.0]
    assert store.stats() == StoreStats(users=1, items=1, categories=0, events=2, applied_seq=3)


def test_a_purchase_that_is_logged_later_is_not_matched(store: GraphStore) -> None:
    apply(store, event("r", kind="refund", at=5), event("p", kind="purchase", at=1))
    assert weights_of(store) == [1.0]


def test_it_counts_once(store: GraphStore) -> None:
    apply(store, event("p1", kind="purchase"), event("p2", kind="purchase"), event("r", kind="refund"))
    again = apply(store, event("r", kind="refund"))
    assert (again.inserted, again.duplicates) == (0, 1)
    assert weights_of(store) == [1.0, 0.0]
