"""Random operations on a store and on the in-memory one side by side: everything observable agrees.

Another backend is compared by two lines at the end.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from graph.errors import NotFound
from graph.event_type import EventType
from graph.interaction import Interaction
from graph.item import Item
from graph.memory_store import MemoryGraphStore
from graph.store import GraphStore, SimilarRow
from tests.graph.conftest import BACKENDS
from tests.graph.events import edges, erased, sequenced

USERS = ("u", "o'w", "🛒")
ITEMS = ("a", "b", "}) DETACH DELETE n //")
PATHS = ("X", "X > Y", "X > Y > Z", "W > Y", "`")

interactions = st.builds(
    Interaction,
    event_id=st.integers(0, 300).map(str),
    user_id=st.sampled_from(USERS),
    item_id=st.sampled_from(ITEMS),
    event_type=st.sampled_from([*EventType, EventType.PURCHASE, EventType.REFUND]),
    at=st.integers(-1, 4),
    anonymous=st.sampled_from([False, False, False, True]),
    rating=st.none() | st.sampled_from([1.0, 4.5]),
    review_text=st.none() | st.sampled_from(["", "good", "it's \0 bad"]),
    quantity=st.none() | st.sampled_from([-2.0, -1.0, 0.0, 1.0, 2.0, 3.0]),
)
items = st.builds(
    Item,
    item_id=st.sampled_from(ITEMS),
    title=st.sampled_from(["", "t", "'"]),
    categories=st.lists(st.sampled_from(PATHS), max_size=3).map(tuple),
    price=st.none() | st.sampled_from([0.0, 9.99]),
    attributes=st.dictionaries(st.sampled_from("xy"), st.integers(0, 1)),
)
similar_rows = st.builds(
    SimilarRow,
    item_id=st.sampled_from(ITEMS),
    neighbour_id=st.sampled_from(ITEMS),
    rank=st.integers(1, 3),
    score=st.floats(0, 1),
)


def answer(ask: Callable[[], Any]) -> Any:
    """What a call returns, or that nothing was found; arrays as lists."""
    try:
        return plain(ask())
    except NotFound:
        return "not found"


def plain(value: Any) -> Any:
    """The value with arrays as lists, comparable by `==`."""
    if isinstance(value, np.ndarray):
        return [None if one != one else one for one in value.tolist()]
    if isinstance(value, pl.DataFrame):
        return value.rows(named=True)
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if hasattr(value, "__dataclass_fields__"):
        return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
    return value


def observe(store: GraphStore) -> dict[str, Any]:
    """Everything that a store tells."""
    nodes = [("user", key) for key in USERS] + [("item", key) for key in ITEMS]
    nodes += [("category", key) for key in PATHS]
    return {
        "stats": plain(store.stats()),
        "edges": plain(edges(store)),
        "keys": [plain(store.node_keys(kind)) for kind in ("user", "item", "category")],
        "items": plain(store.items()),
        "categories": plain([store.item_categories(), store.category_parents()]),
        "reviews": plain(store.review_texts()),
        "history": [answer(lambda key=key: store.user_history(key, 2)) for key in USERS],  # type: ignore[misc]
        "near": [answer(lambda node=node: store.neighbours([node], 2, 3)) for node in nodes],  # type: ignore[misc]
        "paths": [answer(lambda a=a: store.paths(a, "b", 3)) for a in ITEMS],  # type: ignore[misc]
    }


class StoreComparison(RuleBasedStateMachine):
    """One run: a backend and the in-memory store see the same calls."""

    backend = ""

    @initialize()
    def open(self) -> None:
        """Start with two empty stores."""
        self.folder = tempfile.TemporaryDirectory()
        self.store = BACKENDS[self.backend](Path(self.folder.name))
        self.store.ensure_schema()
        self.model = MemoryGraphStore()
        self.batches: list[tuple[pl.DataFrame, int]] = []

    def both(self, ask: Callable[[GraphStore], Any]) -> None:
        """Make one call on both and compare the answers."""
        assert answer(lambda: ask(self.store)) == answer(lambda: ask(self.model))

    @rule(
        events=st.lists(interactions, max_size=25),
        gap=st.integers(0, 2),
        beyond=st.integers(0, 2),
        blank=st.booleans(),
    )
    def apply(self, events: list[Interaction], gap: int, beyond: int, blank: bool) -> None:
        """A new batch above the watermark."""
        first = self.model.applied_seq() + 1 + gap
        batch = sequenced(*events, first=first)
        if blank:
            batch = pl.concat([batch, erased(first + len(events))])
        self.batches.append((batch, first + len(events) + beyond))
        self.both(lambda store: store.apply(*self.batches[-1]))

    @rule(choice=st.randoms(use_true_random=False))
    def apply_again(self, choice: Any) -> None:
        """An old batch once more."""
        if self.batches:
            batch = choice.choice(self.batches)
            self.both(lambda store: store.apply(*batch))

    @rule(rows=st.lists(items, max_size=4))
    def upsert_items(self, rows: list[Item]) -> None:
        """Items, some repeated."""
        self.both(lambda store: store.upsert_items(Item.to_frame(rows)))

    @rule(paths=st.lists(st.sampled_from(PATHS), max_size=3))
    def upsert_categories(self, paths: list[str]) -> None:
        """Categories."""
        self.both(lambda store: store.upsert_categories(paths))

    @rule(rows=st.lists(similar_rows, min_size=1, max_size=9))
    def replace_similar(self, rows: list[SimilarRow]) -> None:
        """Neighbours of a release."""
        self.both(lambda store: store.replace_similar("r", rows))

    @rule(item_id=st.sampled_from(ITEMS))
    def delete_item(self, item_id: str) -> None:
        """An item, there or not."""
        self.both(lambda store: store.delete_item(item_id))

    @rule(user_id=st.sampled_from(USERS))
    def delete_user(self, user_id: str) -> None:
        """A user, there or not."""
        self.both(lambda store: store.delete_user(user_id).events_removed)

    @invariant()
    def agree(self) -> None:
        """All that can be asked has one answer."""
        if hasattr(self, "store"):
            assert observe(self.store) == observe(self.model)

    def teardown(self) -> None:
        """Close and remove."""
        if hasattr(self, "store"):
            self.store.close()
            self.folder.cleanup()


FEW = settings(
    max_examples=20, stateful_step_count=15, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


class SqliteComparison(StoreComparison):
    """SQLite against memory."""

    backend = "sqlite"


SqliteComparison.TestCase.settings = FEW
TestSqlite = SqliteComparison.TestCase
