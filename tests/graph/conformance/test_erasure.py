"""What a graph store forgets."""

import pytest

from graph.errors import NotFound
from graph.store import (
    GraphStore,
    SimilarRow,
    StoreStats,
)
from tests.graph.events import apply, catalogue, edges, event


def test_a_deleted_item_leaves_a_hole_and_nothing_else(store: GraphStore) -> None:
    store.upsert_items(catalogue("a", "b", categories=("X",)))
    apply(
        store,
        event("1", "u", "a", "review", review_text="good"),
        event("2", "u", "b"),
        event("3", "u", "a", "purchase"),
        event("4", "u", "a", "refund"),
    )
    store.replace_similar("r", [SimilarRow("a", "b", 1, 1.0), SimilarRow("b", "a", 1, 1.0)])
    store.delete_item("a")
    assert edges(store)["seq"].tolist() == [2]
    assert store.items()["item_id"].to_list() == ["b"]
    keys = store.node_keys("item")
    assert (keys.ids, keys.alive.tolist()) == (["", "b"], [False, True])
    assert store.review_texts().is_empty()
    assert store.item_categories()[0].tolist() == [1]
    assert store.user_history("u") == [("b", 0)]
    assert {key for _, key in store.neighbours([("item", "b")], 3, 10).nodes} == {"b", "u", "X"}
    assert store.stats() == StoreStats(users=1, items=1, categories=1, events=1, applied_seq=4)
    with pytest.raises(NotFound):
        store.delete_item("a")


def test_events_of_a_deleted_item_are_ignored(store: GraphStore) -> None:
    apply(store, event("1", "u", "a"))
    store.delete_item("a")
    result = apply(store, event("2", "new", "a"), event("3", "u", "b"))
    assert (result.inserted, result.duplicates, result.touched.tolist()) == (1, 0, [1])
    assert store.stats() == StoreStats(users=1, items=1, categories=0, events=1, applied_seq=3)


def test_a_deleted_item_comes_back_as_a_new_one(store: GraphStore) -> None:
    apply(store, event("1", "u", "a"))
    store.delete_item("a")
    assert store.deleted_items() == ["a"]
    assert store.upsert_items(catalogue("a", title="again")) == 1
    assert store.deleted_items() == []
    assert store.items()["index"].to_list() == [1]
    result = apply(store, event("2", "u", "a"))
    assert (result.inserted, result.touched.tolist()) == (1, [1])
    assert store.node_keys("item").ids == ["", "a"]


def test_an_erased_user_leaves_a_hole_and_a_receipt(store: GraphStore) -> None:
    apply(
        store,
        event("1", "u", "a", "purchase"),
        event("2", "v", "a", "review", review_text="v's"),
        event("3", "u", "b", "review", review_text="u's"),
        event("4", "u", "a", "refund"),
    )
    receipt = store.delete_user("u")
    assert (receipt.user_id, receipt.events_removed) == ("u", 2)
    assert sum(receipt.places.values()) >= 3
    assert all(place for place in receipt.places)
    keys = store.node_keys("user")
    assert (keys.ids, keys.alive.tolist()) == (["", "v"], [False, True])
    assert edges(store)["seq"].tolist() == [2]
    assert store.review_texts()["review_text"].to_list() == ["v's"]
    assert store.stats() == StoreStats(users=1, items=2, categories=0, events=1, applied_seq=4)
    with pytest.raises(NotFound):
        store.delete_user("u")


def test_event_ids_are_forgotten_with_their_events(store: GraphStore) -> None:
    apply(store, event("1", "u", "a", "purchase"), event("2", "u", "a", "refund"))
    store.delete_user("u")
    assert apply(store, event("1", "v", "a", "purchase"), event("2", "v", "a", "refund")).inserted == 2
    store.delete_item("a")
    assert apply(store, event("1", "v", "b"), event("2", "v", "b")).inserted == 2


def test_erasing_a_user_spares_the_session_of_that_id(store: GraphStore) -> None:
    apply(store, event("1", "x"), event("2", "x", anonymous=True))
    store.delete_user("x")
    assert edges(store)["seq"].tolist() == [2]
    assert store.node_keys("user").anonymous.tolist() == [False, True]


def test_an_erased_user_who_comes_back_is_new(store: GraphStore) -> None:
    apply(store, event("1"))
    store.delete_user("u")
    apply(store, event("2"))
    assert store.user_index("u") == 1
    store.delete_user("u")
    assert store.node_keys("user").ids == ["", ""]
