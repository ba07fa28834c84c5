"""Interaction, Item, Category: they validate when made and survive the way through a frame."""

import math
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import graph
from graph.category import Category, with_ancestors
from graph.errors import InvalidEvent, InvalidItem
from graph.event_type import EventType
from graph.frames import EVENT_SCHEMA, ITEM_SCHEMA
from graph.interaction import Interaction, check_sequenced
from graph.item import Item, check_items
from graph.refund import take_back
from tests.graph.events import STRANGE_IDS, event, sequenced

ids = st.text(st.characters(codec="utf-8"), min_size=1, max_size=9) | st.sampled_from(STRANGE_IDS)
single = st.none() | st.floats(width=32, allow_nan=False, allow_infinity=False)

interactions = st.builds(
    Interaction,
    event_id=ids,
    user_id=ids,
    item_id=ids,
    event_type=st.sampled_from(EventType),
    at=st.integers(-(2**63), 2**63 - 1),
    anonymous=st.booleans(),
    rating=single,
    review_text=st.none() | st.text(st.characters(codec="utf-8")),
    quantity=single,
    value=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    helpful=st.none() | st.integers(0, 2**63 - 1),
)


@given(st.lists(interactions, max_size=5))
def test_interactions_survive_a_frame(made: list[Interaction]) -> None:
    frame = Interaction.to_frame(made)
    assert frame.schema == EVENT_SCHEMA
    assert Interaction.from_frame(frame) == made


@given(
    st.lists(
        st.builds(
            Item,
            item_id=ids,
            title=st.text(st.characters(codec="utf-8"), max_size=5),
            categories=st.lists(st.sampled_from(["A", "A > B"]), max_size=2).map(tuple),
            price=st.none() | st.floats(0, 1e9),
            attributes=st.dictionaries(
                st.text("ab"), st.integers() | st.lists(st.none(), max_size=2), max_size=2
            ),
        ),
        max_size=4,
    )
)
def test_items_survive_a_frame(made: list[Item]) -> None:
    frame = Item.to_frame(made)
    assert frame.schema == ITEM_SCHEMA
    assert Item.from_frame(frame) == made


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"event_id": ""}, "event_id: empty_id"),
        ({"user_id": "ö" * 257}, "user_id: id_too_long"),
        ({"item_id": "\ud800"}, "item_id: id_not_utf8"),
        ({"event_type": "stare"}, "event_type: 'stare' is none of view_item"),
        ({"at": 1.5}, "at: 1.5 is no number"),
        ({"at": True}, "at: True is no number"),
        ({"at": 2**63}, "at: 9223372036854775808"),
        ({"rating": math.nan}, "rating: nan is not a finite number"),
        ({"helpful": -1}, "helpful: -1 is no count"),
        ({"helpful": 1.5}, "helpful: 1.5 is no count"),
        ({"helpful": True}, "helpful: True is no count"),
        ({"quantity": math.inf}, "quantity: inf is not a finite number"),
    ],
)
def test_a_bad_interaction_cannot_be_made(change: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {
        "event_id": "e",
        "user_id": "u",
        "item_id": "i",
        "event_type": EventType.VIEW_ITEM,
        "at": 0,
    }
    with pytest.raises(InvalidEvent, match=message):
        Interaction(**(good | change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"item_id": ""}, "item_id: empty_id"),
        ({"price": math.inf}, "price: inf"),
        ({"categories": ("A > ",)}, "category: 'A > ' has an empty name"),
        ({"attributes": {"x": object()}}, "attributes: not JSON"),
        ({"attributes": {"x": math.nan}}, "attributes: not JSON"),
    ],
)
def test_a_bad_item_cannot_be_made(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidItem, match=message):
        Item(**({"item_id": "i"} | change))


def test_unknown_types_in_a_frame_are_refused() -> None:
    with pytest.raises(InvalidEvent, match="'stare'"):
        Interaction.from_frame(Interaction.to_frame([event("1")]).with_columns(event_type=pl.lit("stare")))


def test_categories_know_their_place() -> None:
    leaf = Category("A > B > C")
    assert (leaf.name, leaf.parent, Category("A").parent) == ("C", Category("A > B"), None)
    assert with_ancestors(["A > B > C", "D", "A > E", "A"]) == ["A", "A > B", "A > B > C", "D", "A > E"]


def test_checks_order_and_reduce() -> None:
    rows = sequenced(event("1"), event("2"))
    assert check_sequenced(rows.reverse(), 5)["seq"].to_list() == [1, 2]
    items = check_items(Item.to_frame([Item("b", title="1", price=1.0), Item("a"), Item("b", title="2")]))
    assert items.select("item_id", "title", "price").rows() == [("b", "2", None), ("a", "", None)]


@given(
    st.none() | st.integers(-9, 9).map(float),
    st.lists(st.tuples(st.none() | st.integers(1, 5).map(float), st.floats(0, 0.99)), max_size=5),
)
def test_a_refund_takes_its_pieces_or_all_there_are(
    quantity: float | None, bought: list[tuple[float | None, float]]
) -> None:
    purchases = [(key, pieces, round((pieces or 1) * part)) for key, (pieces, part) in enumerate(bought)]
    purchases = [one for one in purchases if one[2] < (one[1] or 1)]
    taken = take_back(quantity, iter((key, pieces, float(refunded)) for key, pieces, refunded in purchases))
    assert [key for _, key in taken] == [key for key, _, _ in purchases][: len(taken)]
    assert bool(taken) == bool(purchases)
    before = {key: (pieces, refunded) for key, pieces, refunded in purchases}
    assert all(before[key][1] < now <= (before[key][0] or 1) for now, key in taken)
    if quantity and all(pieces is not None for _, pieces, _ in purchases):
        open_pieces = sum((pieces or 1) - refunded for _, pieces, refunded in purchases)
        assert sum(now - before[key][1] for now, key in taken) == min(abs(quantity), open_pieces)


def test_public_names_exist_and_are_sorted_out() -> None:
    assert len(set(graph.__all__)) == len(graph.__all__)
    assert all(hasattr(graph, name) for name in graph.__all__)
