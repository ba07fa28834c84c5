"""A graph copied into another store is the same graph, whatever happened to it before."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from graph.errors import StoreUnavailable
from graph.memory_store import MemoryGraphStore
from graph.sqlite_log import SqliteLog
from graph.sqlite_store import SqliteGraphStore
from graph.store import ApplyResult, EdgeBlock, GraphStore
from service.catch_up import catch_up
from service.errors import CallerMistake
from service.keeping.copy import CopyFailed, copy_graph
from service.keeping.copy_digest import digests
from tests.graph.events import catalogue, event, frame
from tests.graph.neo4j.database import empty_store

Make = Callable[[], GraphStore]


@pytest.fixture(params=["sqlite", "memory", pytest.param("neo4j", marks=pytest.mark.neo4j)])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[GraphStore]:
    """An empty store of each kind."""
    made: dict[str, Make] = {
        "sqlite": lambda: SqliteGraphStore(tmp_path / "target.db"),
        "memory": MemoryGraphStore,
        "neo4j": empty_store,
    }
    store = made[request.param]()
    store.ensure_schema()
    yield store
    store.close()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[tuple[SqliteLog, SqliteGraphStore]]:
    """A shop with a past: refunds, a deleted item, one that came back, an erased user, sessions, odd ids."""
    log, store = SqliteLog(tmp_path / "events.db"), SqliteGraphStore(tmp_path / "graph.db")
    store.ensure_schema()
    store.upsert_categories(["Unused > Leaf"])
    odd = "}) DETACH DELETE n //"
    store.upsert_items(catalogue("lamp", "back again", "gone", odd, categories=("A > B",)))
    acts = [
        event("1", "anna", "lamp", "purchase", at=1, quantity=2.0),
        event("2", "anna", "lamp", "refund", at=2, quantity=-2.0),
        event("3", "bert", "gone", "purchase", at=3),
        event("4", "erased", "lamp", "review", at=4, rating=4.5, review_text="nice"),
        event("5", "bert", "back again", at=5),
        event("6", "anna", "only in events", "review", at=6, rating=1.0, review_text="broke", helpful=8),
        event("7", "anna", odd, anonymous=True, at=7),
    ]
    log.append(frame(*acts))
    catch_up(log, store)
    store.delete_item("gone")
    store.delete_item("back again")
    store.upsert_items(catalogue("back again", "late", title="new"))
    log.erase_user("erased")
    store.delete_user("erased")
    log.append(frame(event("8", "bert", "back again", at=8), event("9", "bert", "gone", at=9)))
    catch_up(log, store)
    yield log, store
    store.close()
    log.close()


def surface(store: GraphStore) -> dict[str, Any]:
    """All that a store shows, under external ids."""
    items, users = store.node_keys("item"), store.node_keys("user")
    edges = [
        (int(s), users.ids[u], bool(users.anonymous[u]), items.ids[i], int(r), int(a), float(w))
        for block in store.export()
        for s, u, i, r, a, w in zip(
            block.seq, block.user, block.item, block.relation, block.at, block.weight, strict=True
        )
    ]
    return {
        "items": store.items().to_dicts(),
        "item ids": items.ids,
        "categories": store.node_keys("category").ids,
        "parents": store.category_parents().tolist(),
        "pairs": np.stack(store.item_categories()).tolist(),
        "edges": edges,
        "reviews": store.review_texts().select("review_text", "helpful").rows(),
        "applied": store.applied_seq(),
    }


def test_the_copy_is_the_same_graph(shop: tuple[SqliteLog, SqliteGraphStore], target: GraphStore) -> None:
    log, source = shop
    result = copy_graph(source, target, log)
    assert surface(target) == surface(source)
    assert result.resumed_at == 0
    assert (result.items, result.events, result.deleted_items) == (5, 4, 1)
    assert {block.kind for block in result.blocks} == {"categories", "items", "events"}
    # what comes later means the same in both
    log.append(frame(event("10", "carl", "gone", at=10), event("11", "carl", "lamp", at=11)))
    catch_up(log, source)
    catch_up(log, target)
    assert surface(target) == surface(source)


def test_copying_again_changes_nothing(shop: tuple[SqliteLog, SqliteGraphStore], target: GraphStore) -> None:
    log, source = shop
    copy_graph(source, target, log)
    before = surface(target)
    again = copy_graph(source, target, log)
    assert surface(target) == before
    assert again.resumed_at == source.applied_seq()


class Interrupted(SqliteGraphStore):
    """Goes away after a number of writes."""

    writes_left = 10**9

    def _count(self) -> None:
        self.writes_left -= 1
        if self.writes_left < 0:
            raise StoreUnavailable("gone away")

    def apply(self, events: pl.DataFrame, upto_seq: int) -> ApplyResult:
        self._count()
        return super().apply(events, upto_seq)

    def upsert_items(self, items: pl.DataFrame) -> int:
        self._count()
        return super().upsert_items(items)

    def delete_item(self, item_id: str) -> None:
        self._count()
        super().delete_item(item_id)


@pytest.mark.parametrize("writes", range(8))
def test_an_interrupted_copy_goes_on(
    shop: tuple[SqliteLog, SqliteGraphStore],
    tmp_path: Path,
    writes: int,
) -> None:
    log, source = shop
    target = Interrupted(tmp_path / "target.db")
    target.ensure_schema()
    target.writes_left = writes
    with pytest.raises(StoreUnavailable):
        copy_graph(source, target, log, rows=2)
    source.delete_item("late")
    log.erase_user("bert")
    source.delete_user("bert")
    target.writes_left = 10**9
    copy_graph(source, target, log, rows=2)
    assert surface(target) == surface(source)
    target.close()


def test_another_graph_is_not_touched(shop: tuple[SqliteLog, SqliteGraphStore], target: GraphStore) -> None:
    log, source = shop
    target.upsert_items(catalogue("somebody else's"))
    before = surface(target)
    with pytest.raises(CallerMistake, match="another graph"):
        copy_graph(source, target, log)
    assert surface(target) == before


def test_a_difference_is_found(shop: tuple[SqliteLog, SqliteGraphStore], tmp_path: Path) -> None:
    _, source = shop
    target = SqliteGraphStore(tmp_path / "target.db")
    target.ensure_schema()
    other_log = SqliteLog(tmp_path / "other.db")
    other_log.append(frame(event("1", "anna", "lamp", "purchase", at=77)))
    with pytest.raises(CopyFailed, match="events from number 1 on"):
        copy_graph(source, target, other_log)
    target.close()
    other_log.close()


class OneByOne(MemoryGraphStore):
    """Hands out each edge alone."""

    def export(self, since: int = 0, block_rows: int = 1) -> Iterator[EdgeBlock]:
        return super().export(since, block_rows)


def test_digests_do_not_depend_on_the_cut_of_an_export(shop: tuple[SqliteLog, SqliteGraphStore]) -> None:
    log, source = shop
    memory = OneByOne()
    copy_graph(source, memory, log)
    whole = list(digests(source, 9, block_events=3))
    assert list(digests(memory, 9, block_events=3)) == whole
    assert [block.rows for block in whole if block.kind == "events"] == [1, 1, 2]
