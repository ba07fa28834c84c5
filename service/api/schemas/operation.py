"""Releases, where the shop stands, and health."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.api.schemas.shape import Shape


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

    items: int | None = Field(
        description="null: the store is out of reach, and was never seen by this worker."
    )
    users: int | None
    events: int | None
    counted_at: float | None = Field(
        None, description="Unix time of the counts: now, or when the store last answered this worker."
    )
    sequence: int = Field(description="Newest accepted event.")
    applied_sequence: int | None = Field(description="Newest event in the graph, as far as is known.")
    visible_sequence: int = Field(description="Newest event that counts in this worker's answers.")
    problem: str | None = Field(
        None,
        description="What is wrong, and what to do: the store is out of reach (`store.ok` is false and the "
        "counts are the last known), or graph and event log of this home do not fit together.",
    )
    index_warning: str | None = Field(
        None, description="What to do where the current release's search index misses too much."
    )
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


class RolledBackShape(Shape):
    """Which release serves now."""

    version: str
    before: str | None
