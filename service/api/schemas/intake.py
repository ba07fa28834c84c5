"""What became of events and items that were sent, and items as they are."""

from typing import Any, Literal

from pydantic import Field

from service.api.schemas.shape import Shape


class EventResultShape(Shape):
    """What became of one row."""

    event_id: str | None = Field(
        description="The row's own, or the hash that it was given; null if rejected."
    )
    status: Literal["accepted", "duplicate", "rejected"]
    sequence: int | None = Field(None, description="Not of rejected rows.")
    reason: str | None = Field(None, description="Why the row was rejected.", examples=["id_too_long"])
    detail: str | None = Field(None, description="Which field, and what it should be.")


class EventsShape(Shape):
    """What became of the rows, in their order."""

    sequence: int = Field(
        description="Largest sequence number of these rows (none taken: the log's); all are durable."
    )
    results: list[EventResultShape]
    events_through: int = Field(
        description="Sequence number up to which events count in answers now; the graph follows later."
    )


class ItemShape(Shape):
    """An item as the shop has it now."""

    item_id: str
    title: str
    description: str
    brand: str
    categories: list[str]
    price: float | None
    currency: str
    availability: str
    image_url: str
    attributes: dict[str, Any]


class ItemResultShape(Shape):
    """What became of one item of a batch."""

    item_id: str | None = Field(description="Null where the row has none that could be read.")
    status: Literal["created", "updated", "rejected"]
    reason: str | None = Field(None, description="Why the row was rejected.", examples=["invalid_item"])
    detail: str | None = Field(None, description="Which field, and what it should be.")


class ItemsShape(Shape):
    """What became of the items, in their order."""

    results: list[ItemResultShape]
