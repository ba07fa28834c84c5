"""What every graph store must do, whatever holds its data."""

import numpy as np
import polars as pl
import pytest

from graph.errors import InvalidEvent, InvalidItem, NotFound
from graph.event_type import RELATIONS, EventType
from graph.frames import EVENT_SCHEMA, INDEXED_ITEM_SCHEMA, REVIEW_TEXT_SCHEMA, empty_items
from graph.item import Item
from graph.store import (
    DEFAULT_WEIGHTS,
    EvidencePath,
    GraphStore,
    NodeKind,
    SharedEvidence,
    SimilarRow,
    StoreStats,
)
from tests.graph.events import STRANGE_IDS, apply, catalogue, edges, erased, event, frame, sequenced


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


class TestApply:
    def test_edges_come_out_as_they_went_in(self, store: GraphStore) -> None:
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

    def test_arrays_have_the_types_that_the_port_names(self, store: GraphStore) -> None:
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
    def test_every_type_becomes_its_relation(self, store: GraphStore, kind: EventType) -> None:
        apply(store, event("1", kind=kind))
        expected = {
            "view_item": "VIEWED", "select_item": "VIEWED", "add_to_cart": "ADDED_TO_CART",
            "begin_checkout": "ADDED_TO_CART", "add_to_wishlist": "WISHLISTED", "purchase": "PURCHASED",
            "review": "REVIEWED",
        }[kind]  # fmt: skip
        assert RELATIONS[int(edges(store)["relation"][0])] == expected

    def test_a_batch_applied_again_changes_nothing(self, store: GraphStore) -> None:
        batch = sequenced(event("1"), event("2", "v"), event("3", "u", "j"))
        store.apply(batch, 3)
        before = edges(store)
        again = store.apply(batch, 3)
        assert (again.inserted, again.duplicates, again.touched.tolist()) == (0, 3, [])
        np.testing.assert_equal(edges(store), before)

    def test_a_known_event_id_changes_nothing_whatever_its_number(self, store: GraphStore) -> None:
        apply(store, event("1"), event("2"))
        again = apply(store, event("2", "other"), event("3"))
        assert (again.inserted, again.duplicates) == (1, 1)
        assert store.stats() == StoreStats(users=1, items=1, categories=0, events=3, applied_seq=4)

    def test_an_event_id_repeated_in_one_batch_counts_once(self, store: GraphStore) -> None:
        result = apply(store, event("1", "first"), event("1", "second"))
        assert (result.inserted, result.duplicates) == (1, 1)
        assert store.node_keys("user").ids == ["first"]

    def test_a_batch_that_overlaps_the_watermark(self, store: GraphStore) -> None:
        batch = sequenced(event("1"), event("2"), event("3"))
        store.apply(batch[:2], 2)
        result = store.apply(batch, 3)
        assert (result.inserted, result.duplicates) == (1, 2)

    def test_rows_need_no_order(self, store: GraphStore) -> None:
        store.apply(sequenced(event("1", "a"), event("2", "b"), event("3", "c")).reverse(), 3)
        assert store.node_keys("user").ids == ["a", "b", "c"]
        assert edges(store)["seq"].tolist() == [1, 2, 3]

    def test_the_watermark_goes_to_the_announced_end_and_never_back(self, store: GraphStore) -> None:
        store.apply(sequenced(event("1")), 10)
        assert store.applied_seq() == 10
        store.apply(sequenced(event("2"), first=5), 7)
        assert store.applied_seq() == 10
        assert store.stats().events == 1

    def test_an_empty_batch_moves_the_watermark(self, store: GraphStore) -> None:
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
        self, store: GraphStore, batch: pl.DataFrame, upto: int, message: str
    ) -> None:
        with pytest.raises(InvalidEvent, match=message):
            store.apply(batch, upto)
        assert store.stats() == StoreStats(0, 0, 0, 0, 0)

    def test_sessions_and_users_with_one_id_are_two_nodes(self, store: GraphStore) -> None:
        apply(store, event("1", "x", anonymous=True), event("2", "x"), event("3", "x", anonymous=True))
        assert edges(store)["user"].tolist() == [0, 1, 0]
        keys = store.node_keys("user")
        assert keys.ids == ["x", "x"]
        assert keys.anonymous.tolist() == [True, False]
        assert store.user_index("x") == 1

    def test_a_session_is_no_known_user(self, store: GraphStore) -> None:
        apply(store, event("1", "s", anonymous=True))
        for ask in (store.user_index, store.user_history, store.delete_user):
            with pytest.raises(NotFound, match="'s'"):
                ask("s")

    def test_rows_of_erased_users_are_passed_over(self, store: GraphStore) -> None:
        batch = pl.concat([sequenced(event("1")), erased(2), erased(3), sequenced(event("4"), first=4)])
        result = store.apply(batch, 4)
        assert (result.inserted, result.duplicates) == (2, 0)
        assert store.stats() == StoreStats(users=1, items=1, categories=0, events=2, applied_seq=4)

    def test_empty_review_texts_are_none(self, store: GraphStore) -> None:
        apply(store, event("1", kind="review", review_text=""), event("2", kind="review", review_text="x"))
        assert store.review_texts()["review_text"].to_list() == ["x"]


class TestRefunds:
    def weights(self, store: GraphStore) -> list[float]:
        return [float(weight) for weight in edges(store)["weight"]]

    def test_a_refund_takes_the_purchase_away(self, store: GraphStore) -> None:
        apply(store, event("p", kind="purchase", at=1))
        result = apply(store, event("r", kind="refund", at=2))
        assert (result.inserted, result.duplicates, result.touched.tolist()) == (1, 0, [0])
        assert self.weights(store) == [0.0]

    def test_a_negative_quantity_is_a_refund(self, store: GraphStore) -> None:
        apply(store, event("p", kind="purchase", quantity=4.0), event("r", kind="purchase", quantity=-1.0))
        assert self.weights(store) == [0.75]

    def test_new_weights_reach_old_edges_and_spare_what_was_refunded(self, store: GraphStore) -> None:
        kinds = ("view_item", "select_item", "purchase", "add_to_cart", "refund")
        events = [event(str(n), item_id=kind, kind=kind, at=n) for n, kind in enumerate(kinds)]
        apply(store, *events[:4], event("p", kind="purchase", quantity=4.0, at=8))
        apply(store, event("r", kind="purchase", quantity=-1.0, at=9))
        weights = {**DEFAULT_WEIGHTS, EventType.SELECT_ITEM: 0.5, EventType.PURCHASE: 8.0}
        logged = pl.DataFrame(
            {"seq": range(1, 8), "event_type": [*kinds[:4], "purchase", "purchase", "refund"]}
        )
        assert store.reweigh(logged, weights) == 3
        assert self.weights(store) == [1.0, 0.5, 8.0, 1.0, 6.0]
        assert store.reweigh(logged, weights) == 0
        assert store.reweigh(logged, DEFAULT_WEIGHTS) == 3
        assert self.weights(store) == [1.0, 1.0, 1.0, 1.0, 0.75]
        apply(store, event("r2", kind="refund", quantity=1.0, at=10))
        assert self.weights(store) == [1.0, 1.0, 1.0, 1.0, 0.5]

    def test_it_takes_the_newest_open_one_first(self, store: GraphStore) -> None:
        apply(store, *(event(f"p{at}", kind="purchase", at=at) for at in (30, 10, 20)))
        apply(store, event("r1", kind="refund", at=25))
        assert self.weights(store) == [1.0, 1.0, 0.0]
        apply(store, event("r2", kind="refund", at=25))
        assert self.weights(store) == [1.0, 0.0, 0.0]

    def test_pieces_go_on_to_older_purchases(self, store: GraphStore) -> None:
        apply(store, *(event(f"p{at}", kind="purchase", at=at, quantity=2.0) for at in (1, 2)))
        apply(store, event("r1", kind="refund", at=3, quantity=3.0))
        assert self.weights(store) == [0.5, 0.0]
        apply(store, event("r2", kind="refund", at=4, quantity=9.0))
        assert self.weights(store) == [0.0, 0.0]

    def test_thirds_add_up(self, store: GraphStore) -> None:
        apply(store, event("p", kind="purchase", quantity=3.0))
        for number in range(3):
            apply(store, event(f"r{number}", kind="refund", quantity=1.0))
        assert self.weights(store) == [0.0]

    def test_unknown_pieces_take_one_whole_purchase(self, store: GraphStore) -> None:
        apply(store, *(event(f"p{at}", kind="purchase", at=at, quantity=5.0) for at in (1, 2)))
        apply(store, event("r", kind="refund", at=3))
        assert self.weights(store) == [1.0, 0.0]
        apply(store, event("q", "v", kind="purchase"), event("s", "v", kind="refund", quantity=1.0))
        assert self.weights(store) == [1.0, 0.0, 0.0]

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
    def test_without_a_matching_purchase_it_leaves_no_trace(self, store: GraphStore, refund: object) -> None:
        apply(store, event("v", at=0), event("p", kind="purchase", at=0))
        result = apply(store, refund)  # type: ignore[arg-type]
        assert (result.inserted, result.duplicates, result.touched.tolist()) == (0, 0, [])
        assert self.weights(store) == [1.0, 1.0]
        assert store.stats() == StoreStats(users=1, items=1, categories=0, events=2, applied_seq=3)

    def test_a_purchase_that_is_logged_later_is_not_matched(self, store: GraphStore) -> None:
        apply(store, event("r", kind="refund", at=5), event("p", kind="purchase", at=1))
        assert self.weights(store) == [1.0]

    def test_it_counts_once(self, store: GraphStore) -> None:
        apply(store, event("p1", kind="purchase"), event("p2", kind="purchase"), event("r", kind="refund"))
        again = apply(store, event("r", kind="refund"))
        assert (again.inserted, again.duplicates) == (0, 1)
        assert self.weights(store) == [1.0, 0.0]


class TestCatalogue:
    def test_items_come_back_as_they_went_in(self, store: GraphStore) -> None:
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

    def test_only_new_and_changed_items_are_counted(self, store: GraphStore) -> None:
        store.upsert_items(catalogue("a", "b", "c", title="old", price=1.0, categories=("X",)))
        assert store.upsert_items(catalogue("a", "b", "c", title="old", price=1.0, categories=("X",))) == 0
        assert store.upsert_items(catalogue("b", title="new", price=1.0, categories=("X",))) == 1
        assert store.upsert_items(catalogue("c", title="old", categories=("X",))) == 1
        assert store.upsert_items(catalogue("a", title="old", price=1.0, categories=("Y",))) == 1
        assert store.items(["b"])["title"].to_list() == ["new"]
        assert store.items(["c"])["price"].to_list() == [None]

    def test_the_last_row_of_an_id_wins(self, store: GraphStore) -> None:
        rows = Item.to_frame([Item("a", title="1"), Item("b"), Item("a", title="2")])
        assert store.upsert_items(rows) == 2
        assert store.items()["title"].to_list() == ["2", ""]

    def test_asking_for_some_items(self, store: GraphStore) -> None:
        store.upsert_items(catalogue("a", "b", "c"))
        assert store.items(["c", "a", "none", "c"])["item_id"].to_list() == ["a", "c"]
        assert store.items([]).is_empty()

    def test_rows_of_some_items_equal_their_frame(self, store: GraphStore) -> None:
        store.upsert_items(catalogue("a", "b", "c", title="one", price=2.5, categories=("X > Y", "Z")))
        store.upsert_items(catalogue("d"))
        asked = ["d", "a", "none", "a"]
        assert store.item_rows(asked) == store.items(asked).to_dicts()
        assert [row["item_id"] for row in store.item_rows(asked)] == ["a", "d"]
        assert store.item_rows([]) == []

    def test_no_items_are_no_change(self, store: GraphStore) -> None:
        assert store.upsert_items(empty_items()) == 0
        assert store.upsert_categories([]) == 0

    def test_an_item_known_from_events_has_empty_fields(self, store: GraphStore) -> None:
        apply(store, event("1", item_id="seen"))
        assert Item.from_frame(store.items()) == [Item("seen")]
        assert store.upsert_items(catalogue("seen")) == 0
        assert store.upsert_items(catalogue("seen", title="t")) == 1
        assert store.node_keys("item").ids == ["seen"]

    def test_categories_are_a_tree(self, store: GraphStore) -> None:
        assert store.upsert_categories(["A > B > C", "A > D", "A"]) == 4
        assert store.upsert_categories(["A > B", "E"]) == 1
        assert store.node_keys("category").ids == ["A", "A > B", "A > B > C", "A > D", "E"]
        assert store.category_parents().tolist() == [-1, 0, 1, 0, -1]

    def test_items_hang_on_the_categories_they_name(self, store: GraphStore) -> None:
        store.upsert_items(catalogue("a", categories=("X > Y", "Z", "Z")))
        store.upsert_items(catalogue("b", categories=("X",)))
        items, categories = store.item_categories()
        assert list(zip(items.tolist(), categories.tolist(), strict=True)) == [(0, 1), (0, 2), (1, 0)]
        store.upsert_items(catalogue("a", categories=("X",)))
        assert [column.tolist() for column in store.item_categories()] == [[0, 1], [0, 0]]

    @pytest.mark.parametrize("path", ["", " ", "A > ", "A >  > B", "x" * 2049])
    def test_a_bad_category_is_refused(self, store: GraphStore, path: str) -> None:
        with pytest.raises(InvalidItem, match="category"):
            store.upsert_categories(["Good", path])
        rows = catalogue("a").with_columns(categories=pl.Series([["Good", path]]))
        with pytest.raises(InvalidItem, match="category"):
            store.upsert_items(rows)
        assert store.stats() == StoreStats(0, 0, 0, 0, 0)

    def test_a_malformed_frame_is_refused(self, store: GraphStore) -> None:
        with pytest.raises(InvalidItem, match="title: the column is missing"):
            store.upsert_items(catalogue("a").drop("title"))
        with pytest.raises(InvalidItem, match="brand: missing in row 1"):
            store.upsert_items(catalogue("a", "b").with_columns(brand=pl.Series(["x", None])))
        with pytest.raises(InvalidItem, match="item_id"):
            store.upsert_items(catalogue("a").with_columns(item_id=pl.lit("ö" * 257)))


class TestReading:
    def test_export_since_and_in_blocks(self, store: GraphStore) -> None:
        apply(store, *(event(str(number), f"u{number}") for number in range(1, 8)))
        assert edges(store, since=5)["seq"].tolist() == [6, 7]
        assert [block.seq.tolist() for block in store.export(2, block_rows=2)] == [[3, 4], [5, 6], [7]]
        assert list(store.export(7)) == []
        with pytest.raises(ValueError, match="block_rows"):
            list(store.export(0, 0))

    def test_review_texts(self, store: GraphStore) -> None:
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

    def test_history_is_newest_first_with_each_item_once(self, store: GraphStore) -> None:
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

    def test_unknown_nodes_are_not_found(self, store: GraphStore) -> None:
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

    def test_health(self, store: GraphStore) -> None:
        health = store.health()
        assert health.ok
        assert health.backend in ("sqlite", "neo4j", "memory")
        assert health.version


class TestSurroundings:
    def shop(self, store: GraphStore) -> None:
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

    def test_one_hop_around_an_item(self, store: GraphStore) -> None:
        self.shop(store)
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

    def test_one_hop_around_a_category(self, store: GraphStore) -> None:
        self.shop(store)
        here: tuple[NodeKind, str] = ("category", "X > Y")
        assert store.neighbours([here], 1, 10).edges == [
            (here, ("category", "X"), "CHILD_OF"),
            (("item", "b"), here, "IN_CATEGORY"),
            (("item", "a"), here, "IN_CATEGORY"),
        ]
        assert store.neighbours([("category", "X")], 1, 10).edges == [(here, ("category", "X"), "CHILD_OF")]

    def test_bounds(self, store: GraphStore) -> None:
        self.shop(store)
        assert store.neighbours([("user", "u")], 1, 2).edges == [
            (("user", "u"), ("item", "c"), "VIEWED"),
            (("user", "u"), ("item", "b"), "REVIEWED"),
        ]
        assert len(store.neighbours([("item", "a")], 1, 1).edges) == 1
        assert store.neighbours([("item", "c")], 0, 5).nodes == [("item", "c")]
        assert store.neighbours([], 3, 5).nodes == []

    def test_two_hops_reach_what_lies_behind(self, store: GraphStore) -> None:
        self.shop(store)
        found = store.neighbours([("item", "c")], 2, 10)
        assert found.nodes == [("item", "c"), ("user", "u"), ("item", "b"), ("item", "a")]

    def test_paths(self, store: GraphStore) -> None:
        self.shop(store)
        assert store.paths("a", "b") == [
            EvidencePath("category", "X > Y", "IN_CATEGORY", "IN_CATEGORY"),
            EvidencePath("user", "u", "VIEWED", "REVIEWED"),
            EvidencePath("user", "v", "PURCHASED", "ADDED_TO_CART"),
        ]
        assert store.paths("a", "b", limit=1) == store.paths("a", "b")[:1]
        assert store.paths("b", "c") == [EvidencePath("user", "u", "REVIEWED", "VIEWED")]

    def test_paths_show_the_newest_events_and_begin_with_the_newest_user(self, store: GraphStore) -> None:
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

    def test_evidence_counts_users_by_what_they_did_with_both(self, store: GraphStore) -> None:
        store.upsert_items(catalogue("a", "b", categories=("X > Y", "Z")))
        apply(
            store,
            *(
                event(f"{user}{item}{n}", user, item, "purchase")
                for user in "pqr"
                for item in "ab"
                for n in "12"
            ),
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

    def test_a_refunded_purchase_is_no_evidence(self, store: GraphStore) -> None:
        apply(
            store,
            event("1", "u", "a", "purchase", at=1, quantity=2.0),
            event("2", "u", "b", "purchase", at=1),
            event("3", "u", "a", "refund", at=2, quantity=-1.0),
        )
        assert store.evidence("a", "b") == SharedEvidence(1, {"PURCHASED": 1}, ())
        apply(store, event("4", "u", "a", "refund", at=3, quantity=-1.0))
        assert store.evidence("a", "b") == SharedEvidence(0, {}, ())

    def test_few_users_are_not_shown(self) -> None:
        shared = SharedEvidence(3, {"VIEWED": 2, "PURCHASED": 3}, ("X",))
        assert shared.shown(3) == SharedEvidence(3, {"PURCHASED": 3}, ("X",))
        assert shared.shown(4) == SharedEvidence(0, {}, ("X",))

    def test_similar_is_replaced_whole(self, store: GraphStore) -> None:
        self.shop(store)
        assert (
            store.replace_similar("r2", [SimilarRow("b", "a", 1, 0.7), SimilarRow("b", "gone", 2, 0.1)]) == 1
        )
        relations = {relation for _, _, relation in store.neighbours([("item", "a")], 1, 10).edges}
        assert "SIMILAR_TO" not in relations
        assert (("item", "b"), ("item", "a"), "SIMILAR_TO") in store.neighbours([("item", "b")], 1, 10).edges
        assert store.replace_similar("r3", []) == 0


class TestErasure:
    def test_a_deleted_item_leaves_a_hole_and_nothing_else(self, store: GraphStore) -> None:
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

    def test_events_of_a_deleted_item_are_ignored(self, store: GraphStore) -> None:
        apply(store, event("1", "u", "a"))
        store.delete_item("a")
        result = apply(store, event("2", "new", "a"), event("3", "u", "b"))
        assert (result.inserted, result.duplicates, result.touched.tolist()) == (1, 0, [1])
        assert store.stats() == StoreStats(users=1, items=1, categories=0, events=1, applied_seq=3)

    def test_a_deleted_item_comes_back_as_a_new_one(self, store: GraphStore) -> None:
        apply(store, event("1", "u", "a"))
        store.delete_item("a")
        assert store.deleted_items() == ["a"]
        assert store.upsert_items(catalogue("a", title="again")) == 1
        assert store.deleted_items() == []
        assert store.items()["index"].to_list() == [1]
        result = apply(store, event("2", "u", "a"))
        assert (result.inserted, result.touched.tolist()) == (1, [1])
        assert store.node_keys("item").ids == ["", "a"]

    def test_an_erased_user_leaves_a_hole_and_a_receipt(self, store: GraphStore) -> None:
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

    def test_event_ids_are_forgotten_with_their_events(self, store: GraphStore) -> None:
        apply(store, event("1", "u", "a", "purchase"), event("2", "u", "a", "refund"))
        store.delete_user("u")
        assert apply(store, event("1", "v", "a", "purchase"), event("2", "v", "a", "refund")).inserted == 2
        store.delete_item("a")
        assert apply(store, event("1", "v", "b"), event("2", "v", "b")).inserted == 2

    def test_erasing_a_user_spares_the_session_of_that_id(self, store: GraphStore) -> None:
        apply(store, event("1", "x"), event("2", "x", anonymous=True))
        store.delete_user("x")
        assert edges(store)["seq"].tolist() == [2]
        assert store.node_keys("user").anonymous.tolist() == [False, True]

    def test_an_erased_user_who_comes_back_is_new(self, store: GraphStore) -> None:
        apply(store, event("1"))
        store.delete_user("u")
        apply(store, event("2"))
        assert store.user_index("u") == 1
        store.delete_user("u")
        assert store.node_keys("user").ids == ["", ""]


class TestStrangeIds:
    def test_they_are_plain_data_everywhere(self, store: GraphStore) -> None:
        ids = STRANGE_IDS
        store.upsert_items(catalogue(*ids, title="it's", categories=tuple(f"K > {one}" for one in ids)))
        apply(store, *(event(f"e{one}"[:200], one, one, "purchase", at=n) for n, one in enumerate(ids)))
        apply(store, *(event(f"f{one}"[:200], one, ids[0], at=50) for one in ids))
        apply(store, event("r" + ids[1], ids[1], ids[1], "refund", at=99))
        store.replace_similar("v'1", [SimilarRow(one, ids[0], 1, 0.5) for one in ids[1:]])
        assert store.node_keys("user").ids == list(ids)
        assert store.node_keys("item").ids == list(ids)
        for number, one in enumerate(ids):
            assert store.items([one])["index"].to_list() == [number]
            assert store.user_index(one) == number
            assert store.user_history(one)[-1] == (one, number or 50)
            assert ("user", one) in store.neighbours([("item", one)], 1, 100).nodes
            assert EvidencePath("user", one, "PURCHASED", "VIEWED") in store.paths(one, ids[0]) or number == 0
        assert edges(store)["weight"].tolist()[:3] == [1.0, 0.0, 1.0]
        for one in ids[2:]:
            store.delete_user(one)
            store.delete_item(one)
        assert store.stats().users == store.stats().items == 2

    def test_frames_of_the_log_have_the_columns_of_the_schema(self) -> None:
        assert frame(event("1")).columns == list(EVENT_SCHEMA)
