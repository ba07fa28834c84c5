"""What surrounds nodes in a graph store, and what two items share."""

import pytest

from graph.errors import NotFound
from graph.store import (
    EvidencePath,
    GraphStore,
    NodeKind,
    SharedEvidence,
    SimilarRow,
)
from tests.graph.events import apply, catalogue, event


def shop(store: GraphStore) -> None:
    store.upsert_items(catalogue("a", "b", categories=("X > Y",)))
    apply(
        store,
        event("1", "u", "a", at=1),
        event("2", "v", "a", "purchase", at=2),
        event("3", "v", "b", "add_to_cart", at=3),
        event("4", "u", "b", "review", at=4),
        event("5", "u", "c", at=5),
    )
    store.replace_similar("r1", [SimilarRow("a", "c", 2, 0.5), SimilarRow("a", "b", 1, 0.9)])


def test_one_hop_around_an_item(store: GraphStore) -> None:
    shop(store)
    found = store.neighbours([("item", "a")], 1, 10)
    a = ("item", "a")
    assert found.edges == [
        (a, ("category", "X > Y"), "IN_CATEGORY"),
        (a, ("item", "b"), "SIMILAR_TO"),
        (a, ("item", "c"), "SIMILAR_TO"),
        (("user", "v"), a, "PURCHASED"),
        (("user", "u"), a, "VIEWED"),
    ]
    assert found.nodes == [
        a,
        ("category", "X > Y"),
        ("item", "b"),
        ("item", "c"),
        ("user", "v"),
        ("user", "u"),
    ]


def test_one_hop_around_a_category(store: GraphStore) -> None:
    shop(store)
    here: tuple[NodeKind, str] = ("category", "X > Y")
    assert store.neighbours([here], 1, 10).edges == [
        (here, ("category", "X"), "CHILD_OF"),
        (("item", "b"), here, "IN_CATEGORY"),
        (("item", "a"), here, "IN_CATEGORY"),
    ]
    assert store.neighbours([("category", "X")], 1, 10).edges == [(here, ("category", "X"), "CHILD_OF")]


def test_bounds(store: GraphStore) -> None:
    shop(store)
    assert store.neighbours([("user", "u")], 1, 2).edges == [
        (("user", "u"), ("item", "c"), "VIEWED"),
        (("user", "u"), ("item", "b"), "REVIEWED"),
    ]
    assert len(store.neighbours([("item", "a")], 1, 1).edges) == 1
    assert store.neighbours([("item", "c")], 0, 5).nodes == [("item", "c")]
    assert store.neighbours([], 3, 5).nodes == []


def test_two_hops_reach_what_lies_behind(store: GraphStore) -> None:
    shop(store)
    found = store.neighbours([("item", "c")], 2, 10)
    assert found.nodes == [("item", "c"), ("user", "u"), ("item", "b"), ("item", "a")]


def test_paths(store: GraphStore) -> None:
    shop(store)
    assert store.paths("a", "b") == [
        EvidencePath("category", "X > Y", "IN_CATEGORY", "IN_CATEGORY"),
        EvidencePath("user", "u", "VIEWED", "REVIEWED"),
        EvidencePath("user", "v", "PURCHASED", "ADDED_TO_CART"),
    ]
    assert store.paths("a", "b", limit=1) == store.paths("a", "b")[:1]
    assert store.paths("b", "c") == [EvidencePath("user", "u", "REVIEWED", "VIEWED")]


def test_paths_show_the_newest_events_and_begin_with_the_newest_user(store: GraphStore) -> None:
    apply(
        store,
        event("1", "old", "a", "purchase", at=1),
        event("2", "old", "b", "view_item", at=2),
        event("3", "new", "a", "view_item", at=9),
        event("4", "new", "a", "add_to_cart", at=9),
        event("5", "new", "a", "purchase", at=3),
        event("6", "new", "b", "view_item", at=0),
    )
    assert store.paths("a", "b") == [
        EvidencePath("user", "new", "ADDED_TO_CART", "VIEWED"),
        EvidencePath("user", "old", "PURCHASED", "VIEWED"),
    ]


def test_evidence_counts_users_by_what_they_did_with_both(store: GraphStore) -> None:
    store.upsert_items(catalogue("a", "b", categories=("X > Y", "Z")))
    apply(
        store,
        *(event(f"{user}{item}{n}", user, item, "purchase") for user in "pqr" for item in "ab" for n in "12"),
        *(event(f"v{item}", "p", item, "view_item") for item in "ab"),
        event("s1", "s", "a", "review"),
        event("s2", "s", "b", "purchase"),
        event("t1", "t", "a"),
        event("only c", "t", "c"),
    )
    shared = store.evidence("a", "b")
    assert shared == SharedEvidence(4, {"VIEWED": 1, "PURCHASED": 3}, ("X > Y", "Z"))
    assert list(shared.by_relation) == ["VIEWED", "PURCHASED"]
    assert store.evidence("b", "a") == shared
    assert store.evidence("a", "c") == SharedEvidence(1, {"VIEWED": 1}, ())
    assert store.evidence("b", "c") == SharedEvidence(0, {}, ())
    with pytest.raises(NotFound, match="'none'"):
        store.evidence("a", "none")


def test_a_refunded_purchase_is_no_evidence(store: GraphStore) -> None:
    apply(
        store,
        event("1", "u", "a", "purchase", at=1, quantity=2.0),
        event("2", "u", "b", "purchase", at=1),
        event("3", "u", "a", "refund", at=2, quantity=-1.0),
    )
    assert store.evidence("a", "b") == SharedEvidence(1, {"PURCHASED": 1}, ())
    apply(store, event("4", "u", "a", "refund", at=3, quantity=-1.0))
    assert store.evidence("a", "b") == SharedEvidence(0, {}, ())


def test_few_users_are_not_shown() -> None:
    shared = SharedEvidence(3, {"VIEWED": 2, "PURCHASED": 3}, ("X",))
    assert shared.shown(3) == SharedEvidence(3, {"PURCHASED": 3}, ("X",))
    assert shared.shown(4) == SharedEvidence(0, {}, ("X",))


def test_similar_is_replaced_whole(store: GraphStore) -> None:
    shop(store)
    assert store.replace_similar("r2", [SimilarRow("b", "a", 1, 0.7), SimilarRow("b", "gone", 2, 0.1)]) == 1
    relations = {relation for _, _, relation in store.neighbours([("item", "a")], 1, 10).edges}
    assert "SIMILAR_TO" not in relations
    assert (("item", "b"), ("item", "a"), "SIMILAR_TO") in store.neighbours([("item", "b")], 1, 10).edges
    assert store.replace_similar("r3", []) == 0
