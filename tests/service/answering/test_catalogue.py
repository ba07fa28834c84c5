"""Changes of items: none is lost, also between processes."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from filelock import FileLock

from graph.errors import InvalidItem, StoreConflict
from graph.item import Item
from graph.sqlite_store import SqliteGraphStore
from service.answering.answer import UnknownItem
from service.answering.catalogue import Catalogue, lock_between_processes


def opened(folder: Path) -> Catalogue:
    """As one process has it."""
    store = SqliteGraphStore(folder / "graph.db")
    store.ensure_schema()
    return Catalogue(store, lock_between_processes(folder / "items.lock"))


def test_changes_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    shops = [opened(tmp_path), opened(tmp_path)]
    shops[0].put([Item("a", title="A")])
    with ThreadPoolExecutor(4) as pool:
        changes = [pool.submit(shops[n % 2].change, "a", {"attributes": {f"n{n}": n}}) for n in range(24)]
        for change in changes:
            change.result()
    assert shops[0].get("a") == Item("a", title="A", attributes={f"n{n}": n for n in range(24)})


def test_what_is_written_is_said_to_whoever_waits_for_it(tmp_path: Path) -> None:
    store = SqliteGraphStore(tmp_path / "graph.db")
    store.ensure_schema()
    arrived: list[Item] = []
    shop = Catalogue(store, arrived=arrived.extend)
    assert shop.put([Item("a"), Item("b")]) == [True, True]
    assert shop.put([Item("b", title="B"), Item("c")]) == [False, True]
    shop.change("a", {"title": "A"})
    assert [one.item_id for one in arrived] == ["a", "b", "b", "c", "a"]
    with pytest.raises(InvalidItem):
        shop.change("a", {"price": float("inf")})
    shop.delete("a")
    for ask in (shop.get, shop.delete, lambda one: shop.change(one, {})):
        with pytest.raises(UnknownItem):
            ask("a")
    assert shop.put([Item("a")]) == [True]


def test_a_writer_that_never_ends_is_a_conflict(tmp_path: Path) -> None:
    held = lock_between_processes(tmp_path / "items.lock", seconds=0.05)
    with FileLock(tmp_path / "items.lock"), pytest.raises(StoreConflict, match="try again"), held():
        pytest.fail("two hold the lock")
