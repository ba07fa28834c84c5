"""What answering needs to know of the graph store."""

from typing import Protocol

from graph.errors import NotFound
from graph.store import GraphStore


class ShopLookup(Protocol):
    """Reads of the shop's live state; safe from many threads."""

    def category_of(self, item_id: str) -> str | None:
        """The most specific category of a living item ("" where it has none); None: no such item."""

    def history_of(self, user_id: str, limit: int) -> list[str] | None:
        """Item ids of a user's newest events, newest first, each once; None: no such user."""


class StoreLookup:
    """`ShopLookup` over a graph store. Errors: those of the store."""

    def __init__(self, store: GraphStore) -> None:
        self._store = store

    def category_of(self, item_id: str) -> str | None:
        """See `ShopLookup.category_of`."""
        found = self._store.items([item_id])
        if found.is_empty():
            return None
        categories: list[str] = found["categories"][0].to_list()
        return categories[0] if categories else ""

    def history_of(self, user_id: str, limit: int) -> list[str] | None:
        """See `ShopLookup.history_of`."""
        try:
            return [item_id for item_id, _ in self._store.user_history(user_id, limit)]
        except NotFound:
            return None
