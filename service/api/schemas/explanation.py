"""Why one item is like another."""

from typing import Literal

from pydantic import Field

from service.api.schemas.answers import Freshness
from service.api.schemas.shape import Shape


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
