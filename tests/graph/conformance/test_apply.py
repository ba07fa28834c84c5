"""Events into a graph store: once each, in order, with the watermark."""

import numpy as np
import polars as pl
import pytest

from graph.errors import InvalidEvent, NotFound
from graph.event_type import RELATIONS, EventType
from graph.frames import INDEXED_ITEM_SCHEMA
from graph.store import (
    GraphStore,
    StoreStats,
)
from tests.graph.events import apply, edges, erased, event, sequenced


def test_an_empty_store_is_empty(store: GraphStore) -> None:
    assert store.stats() == StoreStats(users=0, items=0, categories=0, events=0, applied_seq=0)
    assert store.applied_seq() == 0
    assert list(store.export()) == []
    assert store.items().schema == INDEXED_ITEM_SCHEMA
    assert store.items().is_empty()
    assert store.review_texts().is_empty()
    assert store.category_parents().tolist() == []
    assert [column.tolist() for column in store.item_categories()] == [[], []]
    for kind in ("user", "item", "category"):
        assert store.node_keys(kind).ids == []


def test_the_schema_may_be_ensured_again(store: GraphStore) -> None:
    apply(store, event("e"))
    store.ensure_schema()
    assert store.stats().events == 1


def test_edges_come_out_as_they_went_in(store: GraphStore) -> None:
    result = apply(
        store,
        event("1", "anna", "hat", "view_item", at=-5),
        event("2", "bob", "hat", "purchase", at=2**53 + 1, quantity=2.0),
        event("3", "anna", "mug", "review", at=7, rating=4.5, review_text="Lovely."),
    )
    assert (result.inserted, result.duplicates, result.touched.tolist()) == (3, 0, [0, 1])
    found = edges(store)
    assert {name: column.tolist() for name, column in found.items() if name != "rating"} == {
        "seq": [1, 2, 3],
        "user": [0, 1, 0],
        "item": [0, 0, 1],
        "relation": [RELATIONS.index(one) for one in ("VIEWED", "PURCHASED", "REVIEWED")],
        "at": [-5, 2**53 + 1, 7],
        "weight": [1.0, 1.0, 1.0],
    }
    np.testing.assert_array_equal(found["rating"], np.array([np.nan, np.nan, 4.5], np.float32))


def test_arrays_have_the_types_that_the_port_names(store: GraphStore) -> None:
    result = apply(store, event("1"))
    types = {name: column.dtype.name for name, column in edges(store).items()}
    assert types == {
        "seq": "int64", "user": "int64", "item": "int64", "relation": "int8", "at": "int64",
        "weight": "float32", "rating": "float32",
    }  # fmt: skip
    assert result.touched.dtype == np.int64
    assert store.category_parents().dtype == np.int64
    assert {column.dtype.name for column in store.item_categories()} == {"int64"}
    assert store.node_keys("user").alive.dtype == np.bool_


@pytest.mark.parametrize("kind", [kind for kind in EventType if kind is not EventType.REFUND])
def test_every_type_becomes_its_relation(store: GraphStore, kind: EventType) -> None:
    apply(store, event("1", kind=kind))
    expected = {
        "view_item": "VIEWED", "select_item": "VIEWED", "add_to_cart": "ADDED_TO_CART",
        "begin_checkout": "ADDED_TO_CART", "add_to_wishlist": "WISHLISTED", "purchase": "PURCHASED",
        "review": "REVIEWED",
    }[kind]  # fmt: skip
    assert RELATIONS[int(edges(store)["relation"][0])] == expected


def test_a_batch_applied_again_changes_nothing(store: GraphStore) -> None:
    batch = sequenced(event("1"), event("2", "v"), event("3", "u", "j"))
    store.apply(batch, 3)
    before = edges(store)
    again = store.apply(batch, 3)
    assert (again.inserted, again.duplicates, again.touched.tolist()) == (0, 3, [])
    np.testing.assert_equal(edges(store), before)


def test_a_known_event_id_changes_nothing_whatever_its_number(store: GraphStore) -> None:
    apply(store, event("1"), event("2"))
    again = apply(store, event("2", "other"), event("3"))
    assert (again.inserted, again.duplicates) == (1, 1)
    assert store.stats() == StoreStats(users=1, items=1, categories=0, events=3, applied_seq=4)


def test_an_event_id_repeated_in_one_batch_counts_once(store: GraphStore) -> None:
    result = apply(store, event("1", "first"), event("1", "second"))
    assert (result.inserted, result.duplicates) == (1, 1)
    assert store.node_keys("user").ids == ["first"]


def test_a_batch_that_overlaps_the_watermark(store: GraphStore) -> None:
    batch = sequenced(event("1"), event("2"), event("3"))
    store.apply(batch[:2], 2)
    result = store.apply(batch, 3)
    assert (result.inserted, result.duplicates) == (1, 2)


def test_rows_need_no_order(store: GraphStore) -> None:
    store.apply(sequenced(event("1", "a"), event("2", "b"), event("3", "c")).reverse(), 3)
    assert store.node_keys("user").ids == ["a", "b", "c"]
    assert edges(store)["seq"].tolist() == [1, 2, 3]


def test_the_watermark_goes_to_the_announced_end_and_never_back(store: GraphStore) -> None:
    store.apply(sequenced(event("1")), 10)
    assert store.applied_seq() == 10
    store.apply(sequenced(event("2"), first=5), 7)
    assert store.applied_seq() == 10
    assert store.stats().events == 1


def test_an_empty_batch_moves_the_watermark(store: GraphStore) -> None:
    result = store.apply(sequenced(), 4)
    assert (result.inserted, result.duplicates, result.touched.tolist()) == (0, 0, [])
    assert store.applied_seq() == 4


@pytest.mark.parametrize(
    ("batch", "upto", "message"),
    [
        (sequenced(event("1"), event("2")), 1, "beyond"),
        (pl.concat([sequenced(event("1")), sequenced(event("2"))]), 1, "repeated"),
        (sequenced(event("1")).drop("at"), 1, "at: the column is missing"),
        (sequenced(event("1")).cast({"at": pl.Int32}), 1, "at: the column is Int32"),
    ],
)
def test_a_malformed_batch_is_refused_whole(
    store: GraphStore, batch: pl.DataFrame, upto: int, message: str
) -> None:
    with pytest.raises(InvalidEvent, match=message):
        store.apply(batch, upto)
    assert store.stats() == StoreStats(0, 0, 0, 0, 0)


def test_sessions_and_users_with_one_id_are_two_nodes(store: GraphStore) -> None:
    apply(store, event("1", "x", anonymous=True), event("2", "x"), event("3", "x", anonymous=True))
    assert edges(store)["user"].tolist() == [0, 1, 0]
    keys = store.node_keys("user")
    assert keys.ids == ["x", "x"]
    assert keys.anonymous.tolist() == [True, False]
    assert store.user_index("x") == 1


def test_a_session_is_no_known_user(store: GraphStore) -> None:
    apply(store, event("1", "s", anonymous=True))
    for ask in (store.user_index, store.user_history, store.delete_user):
        with pytest.raises(NotFound, match="'s'"):
            ask("s")


def test_rows_of_erased_users_are_passed_over(store: GraphStore) -> None:
    batch = pl.concat([sequenced(event("1")), erased(2), erased(3), sequenced(event("4"), first=4)])
    result = store.apply(batch, 4)
    assert (result.inserted, result.duplicates) == (2, 0)
    assert store.stats() == StoreStats(users=1, items=1, categories=0, events=2, applied_seq=4)


def test_empty_review_texts_are_none(store: GraphStore) -> None:
    apply(store, event("1", kind="review", review_text=""), event("2", kind="review", review_text="x"))
    assert store.review_texts()["review_text"].to_list() == ["x"]
