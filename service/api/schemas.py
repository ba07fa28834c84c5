"""Shapes of answers and queries, as OpenAPI shows them."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.answering.answer import Fallback


class Shape(BaseModel):
    """An answer's shape; tests hold every answer against it."""

    model_config = ConfigDict(extra="forbid")


class ProblemShape(BaseModel):
    """RFC 9457 problem document; kinds of errors may add members."""

    model_config = ConfigDict(extra="allow", title="Problem")

    type: str = Field(description="What kind of error it is.", examples=["urn:ilk:problem:unknown-item"])
    title: str
    status: int
    detail: str = Field(description="What was wrong and, where there is something to do, what.")
    request_id: str | None = Field(description="Also in the header `X-Request-ID` and in the server's log.")


class ResultShape(Shape):
    """One returned item."""

    item_id: str
    score: float = Field(description="Higher is better; comparable within one answer only.")
    source: Literal["graph", "text", "fallback"] = Field(
        description="What the score mainly rests on: graph, texts, or nothing about the query (trend)."
    )
    title: str
    brand: str
    categories: list[str] = Field(description='Paths such as "Audio > Headphones", the most specific first.')
    price: float | None
    currency: str
    availability: str
    image_url: str
    why: dict[str, float] | None = Field(
        None, description="With `explain`: what the score is made of; the parts add up to it."
    )
    rule: Literal["pin", "always_with"] | None = Field(
        None, description="The editors' rule that put the item here; left out where its score did."
    )


class PartialResultShape(ResultShape):
    """With `fields`: only what was asked for."""

    title: str = ""
    brand: str = ""
    categories: list[str] = []
    price: float | None = None
    currency: str = ""
    availability: str = ""
    image_url: str = ""


class Freshness(Shape):
    """What every answer with items says of itself."""

    model_version: str = Field(examples=["r000007-3fa9c1"])
    index_version: str = Field(examples=["r000007-3fa9c1"])
    events_through: int = Field(
        description="Sequence number of the newest event that counts in this answer. Events accepted later "
        "(see `POST /v1/events`) are stored but not in it yet."
    )
    fallback: Fallback | None = Field(
        description="Why the answer does not rest on the query itself; null where it does."
    )
    release_fallback: str | None = Field(
        description="Why an older release answers than the one that should; null where the right one does."
    )
    store_fallback: str | None = Field(
        description="Why items are shown as they were last known; null where they are as the store has them."
    )


class SimilarShape(Freshness):
    """Items like one item, best first."""

    item_id: str
    recommendation_id: str = Field(
        description="Names what was shown, to be kept beside what comes of it: the same items from the same "
        "index have the same one.",
        examples=["5f0c9d1e2a3b4c5d"],
    )
    results: list[ResultShape | PartialResultShape]


class WhatIfShape(Freshness):
    """Items like one item as they are, and as they would be."""

    item_id: str
    before: list[ResultShape]
    after: list[ResultShape]


class RecommendationsShape(Freshness):
    """Items for one user, best first; those of the user's history are left out."""

    user_id: str
    recommendation_id: str = Field(
        description="Of this answer, to be kept beside what comes of it.", examples=["5f0c9d1e2a3b4c5d"]
    )
    results: list[ResultShape | PartialResultShape]


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


class ReleaseShape(Shape):
    """One release on disk."""

    version: str
    current: bool
    published: bool = Field(description="False: made, but not let through to serve.")
    problem: str | None = Field(description="Why it cannot be opened, as far as its manifest tells.")
    created_at: str | None
    parent: str | None
    items: int | None
    events_through: int | None
    bytes: int | None
    encoder_fingerprint: str | None
    metrics: dict[str, Any] | None


class UnfoldedShape(Shape):
    """A range of events that does not count."""

    first: int = Field(description="Sequence number, included.")
    last: int = Field(description="Sequence number, included.")
    reason: str
    at: str = Field(description="When it was decided; ISO 8601, UTC.")


class ReleasesShape(Shape):
    """All releases, newest first."""

    releases: list[ReleaseShape]
    waiting: list[str] = Field(
        description="Versions that the gate let through and that no person has let serve yet, newest first."
    )
    unfolded: list[UnfoldedShape] = Field(
        description="Events that were accepted and then taken out of the answers; they stay in the log."
    )


class ServingShape(Shape):
    """What the answering worker serves."""

    version: str
    since: float = Field(description="Unix time at which it was loaded.")
    items: int = Field(description="Items that may be returned.")
    events_through: int
    release_fallback: str | None


class StatusShape(BaseModel):
    """Where the shop stands."""

    model_config = ConfigDict(extra="allow")

    items: int
    users: int
    events: int
    sequence: int = Field(description="Newest accepted event.")
    applied_sequence: int = Field(description="Newest event in the graph.")
    visible_sequence: int = Field(description="Newest event that counts in this worker's answers.")
    release: dict[str, Any] | None = Field(description="The current release on disk.")
    store: dict[str, Any]
    serving: ServingShape | None


class HealthShape(Shape):
    """The process runs, or serves a release."""

    status: Literal["live", "ready"]
    model_version: str | None = None
    release_fallback: str | None = None
    updater: Literal["running", "down"] | None = Field(
        None, description="Whether answers follow events at present; null: no updater was ever started."
    )


class MissingShape(Shape):
    """An item of a batch that has no answer."""

    item_id: str
    problem: ProblemShape


class SimilarBatchShape(Freshness):
    """One answer per asked item, in their order."""

    answers: list[SimilarShape | MissingShape]


class SearchShape(Freshness):
    """Items whose texts are most like a text, best first."""

    recommendation_id: str = Field(
        description="Of this answer, to be kept beside what comes of it.", examples=["5f0c9d1e2a3b4c5d"]
    )
    results: list[ResultShape | PartialResultShape]


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


class IntermediateShape(Shape):
    """An item that shoppers turned to together with both."""

    item_id: str
    title: str
    users_with_item: int
    users_with_other: int


class EvidenceShape(Shape):
    """What two items share in the shop, as counts."""

    min_users: int = Field(description="What fewer people did is not told (`explain.min_users`).")
    users: int | None = Field(description="Shoppers of both; null: fewer than `min_users`, perhaps none.")
    fewer_than: int | None = Field(description="`min_users` where `users` is null.")
    by_relation: dict[str, int] = Field(
        description="Shoppers who did just this with both, by relationship type.",
        examples=[{"PURCHASED": 12, "VIEWED": 31}],
    )
    categories: list[str]
    brand: str | None = Field(description="Where both have the same.")
    intermediates: list[IntermediateShape]


class CypherShape(Shape):
    """What to paste into Neo4j Browser."""

    params: str = Field(description="Goes first: sets `$a` and `$b`.")
    counts: str = Field(description="Counts the shared shoppers, as in the evidence.")
    picture: str = Field(description="Draws shared shoppers and categories.")
    parameters: dict[str, str]


class ExplanationShape(Freshness):
    """Why one item is like another."""

    item_id: str
    other: str
    title: str
    other_title: str
    objective: Literal["related", "together", "next"]
    score: float | None = Field(description="Null: the served release does not know both items yet.")
    source: Literal["graph", "text", "fallback"] | None
    parts: dict[str, float] = Field(
        description="What the score is made of; the parts add up to it.",
        examples=[{"text": 1.2, "shared_shoppers": 2.1, "category": 0.3, "trend": 0.1, "embedding": 0.9}],
    )
    features: dict[str, float] = Field(description="The same, feature by feature of the model.")
    evidence: EvidenceShape
    cypher: CypherShape


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


class RuleShape(Shape):
    """An editors' rule."""

    rule_id: int
    kind: Literal["pin", "ban", "always_with"]
    item_id: str
    scope: Literal["item", "category", "everywhere"]
    target: str
    place: int
    author: str
    reason: str
    created_at: str
    expires_at: str | None
    ended_at: str | None
    ended_by: str | None


class RulesShape(Shape):
    """Editors' rules, the oldest first."""

    rules: list[RuleShape]


class AuditEntryShape(Shape):
    """One decision of a person."""

    at: str = Field(description="ISO 8601, UTC.")
    actor: str = Field(description="As they named themselves.")
    key_name: str = Field(description="Name of the API key that was used.")
    action: Literal["rule-added", "rule-ended", "rollback", "approval"]
    detail: dict[str, Any]


class AuditShape(Shape):
    """What people decided, newest first."""

    entries: list[AuditEntryShape]


class RolledBackShape(Shape):
    """Which release serves now."""

    version: str
    before: str | None
