"""A graph store that goes away and comes back."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from graph.errors import SchemaMismatch, StoreConflict, StoreUnavailable
from graph.memory_store import MemoryGraphStore
from graph.store import StoreHealth, StoreStats


class MovingStore(MemoryGraphStore):
    """Out of reach while `away`; counts the reads of items that it was asked for meanwhile."""

    away = False
    asked = 0
    others = False
    """Whether another home owns it."""
    conflicts = 0
    """How often the schema is still made by another process."""
    ensured = 0

    def ensure_schema(self) -> None:
        if self.away:
            raise StoreUnavailable("bolt://127.0.0.1:1: nobody listens")
        if self.others:
            raise SchemaMismatch("it is another home's")
        if self.conflicts:
            self.conflicts -= 1
            raise StoreConflict("DeadlockDetected: another process makes the schema")
        self.ensured += 1

    def item_rows(self, item_ids: Sequence[str]) -> list[dict[str, Any]]:
        self._reached()
        return super().item_rows(item_ids)

    def items(self, item_ids: Sequence[str] | None = None) -> pl.DataFrame:
        self._reached()
        return super().items(item_ids)

    def user_history(self, user_id: str, limit: int = 50) -> list[tuple[str, int]]:
        self._reached()
        return super().user_history(user_id, limit)

    def stats(self) -> StoreStats:
        self._reached()
        return super().stats()

    def health(self) -> StoreHealth:
        return StoreHealth(not self.away, "memory", "1")

    def _reached(self) -> None:
        if self.away:
            self.asked += 1
            raise StoreUnavailable("bolt://127.0.0.1:1: nobody listens")
