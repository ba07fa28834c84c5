"""What the shop knows of a user, in words and figures that the user would understand."""

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from graph.errors import NotFound
from graph.store import GraphStore
from service.answering.answer import UnknownUser, answer_of
from service.answering.similar_items import HISTORY_LIMIT
from service.releases.holder import Serving

TOP = 5
RECENT = 10


@dataclass(frozen=True)
class Share:
    """A category or brand of a history."""

    name: str
    items: int


@dataclass(frozen=True)
class PriceRange:
    """Prices of a history."""

    low: float
    median: float
    high: float


class Profiles:
    """Reads users' histories from the store, and what the served release makes of them."""

    def __init__(self, serving: Callable[[], Serving], store: GraphStore) -> None:
        self._serving = serving
        self._store = store

    def of(self, user_id: str) -> dict[str, Any]:
        """As in an HTTP answer. Raises `UnknownUser`, `NoRelease`."""
        serving = self._serving()
        try:
            history = self._store.user_history(user_id, HISTORY_LIMIT)
        except NotFound:
            raise UnknownUser(f"no user {user_id!r}") from None
        rows = {row["item_id"]: row for row in self._items([item_id for item_id, _ in history])}
        known = len(serving.release.items.indices_of([item_id for item_id, _ in history]))
        prices = [row["price"] for row in rows.values() if row["price"] is not None]
        return {
            "user_id": user_id,
            "items": len(history),
            "categories": _top([path for row in rows.values() for path in row["categories"][:1]]),
            "brands": _top([row["brand"] for row in rows.values() if row["brand"]]),
            "prices": asdict(PriceRange(min(prices), median(prices), max(prices))) if prices else None,
            "recent": [
                {"item_id": item_id, "at": at, "title": rows[item_id]["title"]}
                for item_id, at in history
                if item_id in rows
            ][:RECENT],
            "model": {"items_in_release": known, "items_beyond": len(history) - known},
            **answer_of(serving, []).freshness,
        }

    def _items(self, item_ids: list[str]) -> list[dict[str, Any]]:
        if not item_ids:
            return []
        found = self._store.items(item_ids).select("item_id", "title", "brand", "categories", "price")
        return found.to_dicts()


def _top(names: list[str]) -> list[dict[str, Any]]:
    counted = sorted(Counter(names).items(), key=lambda pair: (-pair[1], pair[0]))[:TOP]
    return [asdict(Share(name, items)) for name, items in counted]
