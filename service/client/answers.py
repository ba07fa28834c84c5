"""What the client takes and gives. Fields that a newer server adds are ignored."""

from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self


@dataclass(frozen=True)
class _FromJson:
    """Made from a JSON object by field names."""

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """Take the fields that this version knows."""
        known = {one.name for one in fields(cls)}
        return cls(**{name: value for name, value in document.items() if name in known})


@dataclass(frozen=True)
class Item(_FromJson):
    """One returned item, best first in its list."""

    item_id: str
    score: float
    source: str
    """`graph`, `text` or `fallback`: what the score mainly rests on."""
    title: str = ""
    brand: str = ""
    categories: list[str] = field(default_factory=list)
    price: float | None = None
    currency: str = ""
    availability: str = ""
    image_url: str = ""
    why: dict[str, float] | None = None
    """With `explain`: parts that add up to the score."""
    rule: str | None = None
    """The editors' rule that put the item here."""


@dataclass(frozen=True)
class Similar:
    """Items, and how fresh they are."""

    items: list[Item]
    model_version: str
    index_version: str
    events_through: int
    """Every event up to this sequence number counts."""
    fallback: str | None
    store_fallback: str | None
    """Why items are shown as they were last known; None: they are as the shop has them."""
    recommendation_id: str

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """From an answer of the API."""
        return cls(
            [Item.from_json(row) for row in document["results"]],
            document["model_version"],
            document["index_version"],
            document["events_through"],
            document["fallback"],
            document["store_fallback"],
            document["recommendation_id"],
        )


@dataclass(frozen=True)
class Event:
    """What a shopper did; either `user_id` or `session_id` is given."""

    item_id: str
    user_id: str | None = None
    session_id: str | None = None
    event_type: str = "view_item"
    event_id: str | None = None
    """The shop's own: a retry with the same one changes nothing."""
    timestamp: float | str | None = None
    """Unix seconds or ISO 8601; None: now."""
    rating: float | None = None
    review_text: str | None = None
    quantity: float | None = None
    value: float | None = None
    helpful: int | None = None
    """How many people found the review helpful."""

    def to_json(self) -> dict[str, Any]:
        """As the API takes it."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class EventResult(_FromJson):
    """What became of one event."""

    status: str
    """`accepted`, `duplicate` or `rejected`."""
    event_id: str | None = None
    sequence: int | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Events:
    """What became of the events, in their order; all accepted ones are durable."""

    sequence: int
    """To be given to `min_sequence` by who wants to read what was just written."""
    results: list[EventResult]

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """From an answer of the API."""
        return cls(document["sequence"], [EventResult.from_json(row) for row in document["results"]])


@dataclass(frozen=True)
class Explanation(_FromJson):
    """Why one item is like another."""

    item_id: str
    other: str
    score: float | None
    parts: dict[str, float]
    evidence: dict[str, Any]
    cypher: dict[str, Any]
