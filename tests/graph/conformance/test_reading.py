"""What a graph store gives out in bulk."""

import pytest

from graph.errors import NotFound
from graph.frames import REVIEW_TEXT_SCHEMA
from graph.store import (
    GraphStore,
)
from tests.graph.events import apply, edges, event


def test_export_since_and_in_blocks(store: GraphStore) -> None:
    apply(store, *(event(str(number), f"u{number}") for number in range(1, 8)))
    assert edges(store, since=5)["seq"].tolist() == [6, 7]
    assert [block.seq.tolist() for block in store.export(2, block_rows=2)] == [[3, 4], [5, 6], [7]]
    assert list(store.export(7)) == []
    with pytest.raises(ValueError, match="block_rows"):
        list(store.export(0, 0))


def test_review_texts(store: GraphStore) -> None:
    apply(
        store,
        event("1", "a", "x", "review", at=5, rating=4.0, review_text="fine", helpful=12),
        event("2", "a", "x", "review", at=6, rating=1.0, helpful=1),
        event("3", "b", "y", "review", at=7, review_text="🙂"),
    )
    found = store.review_texts()
    assert found.rows() == [(1, 0, 4.0, 5, "fine", 12), (3, 1, None, 7, "🙂", None)]
    assert found.schema == REVIEW_TEXT_SCHEMA
    assert store.review_texts(since=1)["seq"].to_list() == [3]


def test_history_is_newest_first_with_each_item_once(store: GraphStore) -> None:
    apply(
        store,
        event("1", item_id="a", at=10),
        event("2", item_id="b", at=30),
        event("3", item_id="a", at=40),
        event("4", item_id="c", at=30),
        event("5", "someone else", "d", at=99),
    )
    assert store.user_history("u") == [("a", 40), ("c", 30), ("b", 30)]
    assert store.user_history("u", limit=2) == [("a", 40), ("c", 30)]


def test_unknown_nodes_are_not_found(store: GraphStore) -> None:
    apply(store, event("1"))
    with pytest.raises(NotFound, match="'nobody'"):
        store.user_index("nobody")
    with pytest.raises(NotFound, match="'nobody'"):
        store.user_history("nobody")
    with pytest.raises(NotFound, match="'none'"):
        store.paths("i", "none")
    with pytest.raises(NotFound, match="'none'"):
        store.neighbours([("category", "none")], 1, 1)
    with pytest.raises(NotFound, match="'none'"):
        store.delete_item("none")
    with pytest.raises(NotFound, match="'nobody'"):
        store.delete_user("nobody")


def test_health(store: GraphStore) -> None:
    health = store.health()
    assert health.ok
    assert health.backend in ("sqlite", "neo4j", "memory")
    assert health.version
