"""A snapshot that is taken while others write."""

from collections.abc import Sequence

import polars as pl

from graph.memory_store import MemoryGraphStore
from service.shop_snapshot import take_snapshot
from tests.graph.events import apply, catalogue, event


class BusyStore(MemoryGraphStore):
    """Somebody writes just after the items were read: a new shopper, a new item with a category."""

    def items(self, item_ids: Sequence[str] | None = None) -> pl.DataFrame:
        found = super().items(item_ids)
        self.upsert_items(catalogue("late", title="Late", categories=("B",)))
        apply(self, event("later", "newcomer", "a", at=2), event("last", "newcomer", "late", at=3))
        return found


def test_what_comes_meanwhile_stays_out() -> None:
    store = BusyStore()
    store.ensure_schema()
    store.upsert_items(catalogue("a", title="A", categories=("A",)))
    apply(store, event("first", "u", "a", at=1))
    snapshot = take_snapshot(store)
    assert snapshot.events_through == 1
    assert snapshot.user_ids == ["u"]
    assert snapshot.items["item_id"].to_list() == ["a"]
    assert snapshot.edges.seq.tolist() == [1]
    assert snapshot.item_category[:, 0].tolist() == [0]
    assert take_snapshot(store).edges.seq.tolist() == [1, 2, 3]
