"""Changes of single items while the shop runs: they are in the store before the answer."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from graph.errors import NotFound, StoreConflict
from graph.item import Item
from graph.store import GraphStore
from service.answering.answer import UnknownItem

LOCK_SECONDS = 30.0


class Catalogue:
    """Reads and writes items of a store, one write at a time. Errors: those of the store besides."""

    def __init__(
        self,
        store: GraphStore,
        lock: Callable[[], AbstractContextManager[None]] = nullcontext,
        arrived: Callable[[Sequence[Item]], None] = lambda items: None,
        gone: Callable[[str], None] = lambda item_id: None,
        reached: Callable[[], None] = lambda: None,
    ) -> None:
        """lock: held from reading to writing, so that no change of another process is lost between them.
        arrived: called with items after they were written. gone: called with an id after its deletion; both
        within the lock, so that they come in the order of the changes. reached: raises where the store is
        known to be out of reach, so that nobody waits for it in a thread that others need."""
        self._reached = reached
        self._store = store
        self._lock = lock
        self._arrived = arrived
        self._gone = gone

    def get(self, item_id: str) -> Item:
        """An item as it is now. Raises `UnknownItem`."""
        self._reached()
        found = self._existing([item_id])
        if item_id not in found:
            raise UnknownItem(f"no item {item_id!r}, or it was deleted")
        return found[item_id]

    def put(self, items: Sequence[Item]) -> list[bool]:
        """Insert or replace items (of repeated ids the last one wins); whether each is new."""
        self._reached()
        with self._lock():
            known = self._existing([one.item_id for one in items])
            self._store.upsert_items(Item.to_frame(items))
            self._arrived(items)
        return [one.item_id not in known for one in items]

    def change(self, item_id: str, fields: Mapping[str, Any]) -> Item:
        """Replace some fields of an item; `attributes` are merged, null takes one away.

        Raises `UnknownItem`, `InvalidItem`.
        """
        self._reached()
        with self._lock():
            item = self.get(item_id)
            changes = dict(fields)
            if "attributes" in changes:
                merged = {**item.attributes, **changes["attributes"]}
                changes["attributes"] = {name: value for name, value in merged.items() if value is not None}
            item = replace(item, **changes)
            self._store.upsert_items(Item.to_frame([item]))
            self._arrived([item])
        return item

    def delete(self, item_id: str) -> None:
        """Delete an item and its edges. Raises `UnknownItem`."""
        self._reached()
        with self._lock():
            try:
                self._store.delete_item(item_id)
            except NotFound:
                raise UnknownItem(f"no item {item_id!r}, or it was deleted") from None
            self._gone(item_id)

    def _existing(self, item_ids: Sequence[str]) -> dict[str, Item]:
        return {one.item_id: one for one in Item.from_frame(self._store.items(item_ids))}


def lock_between_processes(
    path: Path, seconds: float = LOCK_SECONDS
) -> Callable[[], AbstractContextManager[None]]:
    """A lock for `Catalogue`, held by one thread of one process at a time; freed by the operating system.

    It raises `StoreConflict` after so many seconds.
    """

    @contextmanager
    def held() -> Iterator[None]:
        lock = FileLock(path)  # a new object each time: one object would let all threads of the process in
        try:
            lock.acquire(timeout=seconds, poll_interval=0.005)
        except Timeout:
            raise StoreConflict(f"{path}: another process is changing items; try again") from None
        try:
            yield
        finally:
            lock.release()

    return held
