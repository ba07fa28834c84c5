"""What is known of a user, given out, erased."""

from pydantic import Field

from service.api.schemas.answers import Freshness
from service.api.schemas.shape import Shape


class RemainderShape(Shape):
    """Something that is still kept after an erasure."""

    where: str
    what: str
    until: str


class ReceiptShape(Shape):
    """What erasing a user removed, and what is still kept."""

    user_id: str
    erased_at: str = Field(description="ISO 8601, UTC.", examples=["2026-01-31T12:00:00+00:00"])
    events_removed: int = Field(description="Events blanked in the event log.")
    places: dict[str, int] = Field(
        description="Rows removed or blanked in each place; 0 also where nothing of a user is ever kept.",
        examples=[{"event log": 12, "graph.edges": 12, "graph.users": 1, "releases": 0}],
    )
    remains: list[RemainderShape]


class ExportedEventShape(Shape):
    """One event of a user."""

    seq: int
    event_id: str
    item_id: str
    event_type: str
    timestamp: int = Field(description="Microseconds since 1970 UTC.")
    rating: float | None
    review_text: str | None
    quantity: float | None
    value: float | None
    helpful: int | None


class ExportShape(Shape):
    """Everything that is kept of a user."""

    user_id: str
    exported_at: str = Field(description="ISO 8601, UTC.")
    events: list[ExportedEventShape] = Field(description="In the order in which they were accepted.")


class ShareShape(Shape):
    """A category or brand of a user's history."""

    name: str
    items: int


class PriceRangeShape(Shape):
    """Prices of a user's history."""

    low: float
    median: float
    high: float


class RecentShape(Shape):
    """One item of a user's history."""

    item_id: str
    at: int = Field(description="Microseconds since 1970 UTC.")
    title: str


class KnownShape(Shape):
    """What the served release makes of a history."""

    items_in_release: int
    items_beyond: int = Field(description="Items that the served release does not know yet.")


class ProfileShape(Freshness):
    """What the shop knows of a user, readable."""

    user_id: str
    items: int = Field(description="Different items in the history, at most 5000.")
    categories: list[ShareShape]
    brands: list[ShareShape]
    prices: PriceRangeShape | None
    recent: list[RecentShape] = Field(description="Newest first.")
    model: KnownShape
