"""What answering needs to know of the graph store: who lives, as it is now."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from graph.errors import NotFound
from graph.store import GraphStore

CARD_FIELDS = ("title", "brand", "categories", "price", "currency", "availability", "image_url")
"""What an answer shows of an item."""


@dataclass(frozen=True)
class LiveItem:
    """An item as the store has it now."""

    card: dict[str, Any]
    """The fields of `CARD_FIELDS`."""
    description: str = ""
    attributes: str = "{}"
    """A JSON object of every other column."""

    @property
    def text(self) -> str:
        """Title, brand, categories and description, see `encoders.item_views`; "" where it has none."""
        from encoders import item_views  # here: the text libraries are slow to import and seldom needed

        return item_views(self.card["title"], self.card["brand"], self.card["categories"], self.description)

    @property
    def category(self) -> str:
        """The most specific category, "" where it has none."""
        categories: list[str] = self.card["categories"]
        return categories[0] if categories else ""


@dataclass(frozen=True)
class FoundItems:
    """What a look-up of items brought."""

    items: dict[str, LiveItem]
    """By id; what does not live is missing."""
    store_fallback: str | None = None
    """Why this is what was last known and not what the store says now; None: the store says so."""


class ShopLookup(Protocol):
    """Reads of the shop's live state; safe from many threads."""

    def items(self, item_ids: Sequence[str]) -> FoundItems:
        """Those of the items that live: what was deleted, by any process, is missing at once."""

    def history_of(self, user_id: str, limit: int) -> list[str] | None:
        """Item ids of a user's newest events, newest first, each once; None: no such user."""


class StoreLookup:
    """`ShopLookup` over a graph store. Errors: those of the store."""

    def __init__(self, store: GraphStore) -> None:
        self._store = store

    def items(self, item_ids: Sequence[str]) -> FoundItems:
        """See `ShopLookup.items`."""
        return FoundItems({row["item_id"]: live_item(row) for row in self._store.item_rows(item_ids)})

    def history_of(self, user_id: str, limit: int) -> list[str] | None:
        """See `ShopLookup.history_of`."""
        try:
            return [item_id for item_id, _ in self._store.user_history(user_id, limit)]
        except NotFound:
            return None


class AskedItems:
    """Looks items up for one answer; the item that was asked about joins the first look-up of others, since a
    look-up costs more than an item in it."""

    def __init__(self, shop: ShopLookup | None, about: str | None = None) -> None:
        """shop: None: nothing is looked up, everything lives."""
        self._shop = shop
        self._about = about
        self._about_item: LiveItem | None = None
        self._asked = False
        self.store_fallback: str | None = None
        """See `FoundItems`, of any look-up so far."""

    @property
    def about(self) -> LiveItem | None:
        """The item that was asked about; None where it does not live, or there is no shop."""
        if not self._asked:
            self.items([])
        return self._about_item

    def items(self, item_ids: Sequence[str]) -> dict[str, LiveItem]:
        """The items that live, by id."""
        if self._shop is None:
            return {}
        if self._asked or self._about is None:
            return self._found(self._shop.items(item_ids))
        found = self._found(self._shop.items([*item_ids, self._about]))
        self._asked, self._about_item = True, found.get(self._about)
        return found

    def _found(self, found: FoundItems) -> dict[str, LiveItem]:
        self.store_fallback = self.store_fallback or found.store_fallback
        return found.items


def live_item(row: dict[str, Any]) -> LiveItem:
    """row: a row of `ITEM_SCHEMA`."""
    attributes = row.get("attributes") or "{}"
    return LiveItem({name: row[name] for name in CARD_FIELDS}, row["description"], attributes)
