"""Items and categories of a graph store."""

import polars as pl
import pytest

from graph.errors import InvalidItem
from graph.frames import empty_items
from graph.item import Item
from graph.store import (
    GraphStore,
    StoreStats,
)
from tests.graph.events import apply, catalogue, event


def test_items_come_back_as_they_went_in(store: GraphStore) -> None:
    item = Item(
        "hat",
        title="Hat 🎩",
        description="Warm.\nRound.",
        brand="O'Neill",
        categories=("Clothes > Hats", "Gifts"),
        price=19.99,
        currency="EUR",
        availability="in_stock",
        image_url="https://example.org/hat.jpg?size=1&x='",
        attributes={"colour": ["red", "blue"], "weight": 0.1},
    )
    plain = Item("plain")
    assert store.upsert_items(Item.to_frame([item, plain])) == 2
    assert Item.from_frame(store.items()) == [item, plain]
    assert store.items()["index"].to_list() == [0, 1]


def test_only_new_and_changed_items_are_counted(store: GraphStore) -> None:
    store.upsert_items(catalogue("a", "b", "c", title="old", price=1.0, categories=("X",)))
    assert store.upsert_items(catalogue("a", "b", "c", title="old", price=1.0, categories=("X",))) == 0
    assert store.upsert_items(catalogue("b", title="new", price=1.0, categories=("X",))) == 1
    assert store.upsert_items(catalogue("c", title="old", categories=("X",))) == 1
    assert store.upsert_items(catalogue("a", title="old", price=1.0, categories=("Y",))) == 1
    assert store.items(["b"])["title"].to_list() == ["new"]
    assert store.items(["c"])["price"].to_list() == [None]


def test_the_last_row_of_an_id_wins(store: GraphStore) -> None:
    rows = Item.to_frame([Item("a", title="1"), Item("b"), Item("a", title="2")])
    assert store.upsert_items(rows) == 2
    assert store.items()["title"].to_list() == ["2", ""]


def test_asking_for_some_items(store: GraphStore) -> None:
    store.upsert_items(catalogue("a", "b", "c"))
    assert store.items(["c", "a", "none", "c"])["item_id"].to_list() == ["a", "c"]
    assert store.items([]).is_empty()


def test_rows_of_some_items_equal_their_frame(store: GraphStore) -> None:
    store.upsert_items(catalogue("a", "b", "c", title="one", price=2.5, categories=("X > Y", "Z")))
    store.upsert_items(catalogue("d"))
    asked = ["d", "a", "none", "a"]
    assert store.item_rows(asked) == store.items(asked).to_dicts()
    assert [row["item_id"] for row in store.item_rows(asked)] == ["a", "d"]
    assert store.item_rows([]) == []


def test_no_items_are_no_change(store: GraphStore) -> None:
    assert store.upsert_items(empty_items()) == 0
    assert store.upsert_categories([]) == 0


def test_an_item_known_from_events_has_empty_fields(store: GraphStore) -> None:
    apply(store, event("1", item_id="seen"))
    assert Item.from_frame(store.items()) == [Item("seen")]
    assert store.upsert_items(catalogue("seen")) == 0
    assert store.upsert_items(catalogue("seen", title="t")) == 1
    assert store.node_keys("item").ids == ["seen"]


def test_categories_are_a_tree(store: GraphStore) -> None:
    assert store.upsert_categories(["A > B > C", "A > D", "A"]) == 4
    assert store.upsert_categories(["A > B", "E"]) == 1
    assert store.node_keys("category").ids == ["A", "A > B", "A > B > C", "A > D", "E"]
    assert store.category_parents().tolist() == [-1, 0, 1, 0, -1]


def test_items_hang_on_the_categories_they_name(store: GraphStore) -> None:
    store.upsert_items(catalogue("a", categories=("X > Y", "Z", "Z")))
    store.upsert_items(catalogue("b", categories=("X",)))
    items, categories = store.item_categories()
    assert list(zip(items.tolist(), categories.tolist(), strict=True)) == [(0, 1), (0, 2), (1, 0)]
    store.upsert_items(catalogue("a", categories=("X",)))
    assert [column.tolist() for column in store.item_categories()] == [[0, 1], [0, 0]]


@pytest.mark.parametrize("path", ["", " ", "A > ", "A >  > B", "x" * 2049])
def test_a_bad_category_is_refused(store: GraphStore, path: str) -> None:
    with pytest.raises(InvalidItem, match="category"):
        store.upsert_categories(["Good", path])
    rows = catalogue("a").with_columns(categories=pl.Series([["Good", path]]))
    with pytest.raises(InvalidItem, match="category"):
        store.upsert_items(rows)
    assert store.stats() == StoreStats(0, 0, 0, 0, 0)


def test_a_malformed_frame_is_refused(store: GraphStore) -> None:
    with pytest.raises(InvalidItem, match="title: the column is missing"):
        store.upsert_items(catalogue("a").drop("title"))
    with pytest.raises(InvalidItem, match="brand: missing in row 1"):
        store.upsert_items(catalogue("a", "b").with_columns(brand=pl.Series(["x", None])))
    with pytest.raises(InvalidItem, match="item_id"):
        store.upsert_items(catalogue("a").with_columns(item_id=pl.lit("ö" * 257)))
