"""Answers with items."""

from typing import Literal

from pydantic import Field

from service.answering.answer import Fallback
from service.api.schemas.shape import ProblemShape, Shape


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
    categories: list[str] = Field([])
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
