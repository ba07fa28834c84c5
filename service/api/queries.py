"""What a caller may ask: parameters of reads, in the address or in a body."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from gnn.objective import Objective
from graph.ids import MAX_ID_BYTES, id_problem
from service.answering.answer import MAX_K
from service.answering.item_filter import ItemFilter

MAX_EXCLUDED = 1000
MAX_BATCH_ITEMS = 100
MAX_QUERY_CHARS = 2000
_WORDS = r"\S"


def _checked_id(value: str) -> str:
    reason = id_problem(value)
    if reason is not None:
        raise ValueError(f"{reason}: ids are UTF-8 strings of 1 to {MAX_ID_BYTES} bytes")
    return value


ID_SCHEMA: dict[str, Any] = {"minLength": 1, "maxLength": MAX_ID_BYTES}
"""What JSON schema can say of ids: it counts characters, the rule counts bytes."""
Id = Annotated[str, AfterValidator(_checked_id), Field(json_schema_extra=ID_SCHEMA)]
MAX_SEQUENCE = 2**53 - 1
"""Larger whole numbers do not survive JSON."""
CardField = Literal["title", "brand", "categories", "price", "currency", "availability", "image_url"]
Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class ReadQuery(BaseModel):
    """Parameters of every route that returns items; unknown ones are refused, so that no typo is silent.

    Conditions look at the items as the served release has them and, before an item is shown, as it is now: an
    item that has just gone out of stock is left out at once, one that has just come in is found from the next
    refresh on.
    """

    model_config = ConfigDict(extra="forbid")

    k: int = Field(10, ge=1, le=MAX_K, description="How many items, or as many as there are.")
    category: str | None = Field(
        None, max_length=2048, description="Only items of this category or one below it.", examples=["Audio"]
    )
    brand: str | None = Field(
        None, max_length=1000, description="Only items of this brand, without regard to case."
    )
    price_min: Price | None = Field(None, description="Items without a price are left out, too.")
    price_max: Price | None = Field(None, description="Items without a price are left out, too.")
    in_stock: bool = Field(
        False,
        description="Only items whose `availability` says so, such as `in_stock` or schema.org's `InStock`.",
    )
    exclude: list[Id] = Field(
        [], max_length=MAX_EXCLUDED, description="Ids that are not returned; may be repeated."
    )
    diversity: float = Field(
        0.0,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="0: by score alone; towards 1: each item unlike those before it (maximal marginal "
        "relevance, in the first 50 places).",
    )
    boost: list[str] = Field(
        [],
        max_length=10,
        description="Names of `answers.boosts` in the settings; may be repeated.",
        examples=[[]],
    )
    fields: list[CardField] = Field(
        [],
        max_length=20,
        description="Only these fields of each item, besides id, score and source; may be repeated.",
    )
    min_sequence: int = Field(
        0,
        ge=0,
        le=MAX_SEQUENCE,
        description="Answer only when events up to this sequence number count in the answer; 409 where no "
        "event has it yet.",
    )
    timeout_ms: int = Field(1000, ge=0, le=30_000, description="How long to wait for `min_sequence`.")

    def wanted(self) -> ItemFilter:
        """The conditions."""
        return ItemFilter(
            self.category,
            self.brand,
            self.price_min,
            self.price_max,
            self.in_stock,
            frozenset(self.exclude),
        )


class MaskedQuery(ReadQuery):
    """Parameters of answers that do not rest on a user but may be made for one."""

    user_id: Id | None = Field(None, description="Leave out what this user has turned to already.")


class SimilarQuery(MaskedQuery):
    """Parameters of similar items."""

    explain: bool = Field(
        False, description="Each result says under `why` what its score is made of: the parts add up to it."
    )

    objective: Objective = Field(
        Objective.RELATED,
        description="`related`: substitutes and close relatives; `together`: for the same basket; `next`: "
        "what shoppers turn to afterwards.",
    )


class SimilarByIdQuery(SimilarQuery):
    """Parameters of similar items, the item's id among them."""

    item_id: str = Field(description="1 to 512 bytes of UTF-8.", json_schema_extra=ID_SCHEMA)


class RecommendationsByIdQuery(ReadQuery):
    """Parameters of recommendations, the user's id among them."""

    user_id: str = Field(description="1 to 512 bytes of UTF-8.", json_schema_extra=ID_SCHEMA)


class SearchQuery(MaskedQuery):
    """Parameters of a search."""

    q: str = Field(
        min_length=1, max_length=MAX_QUERY_CHARS, pattern=_WORDS, description="What to look for, in words."
    )


class ObjectiveQuery(BaseModel):
    """For what two items are compared."""

    model_config = ConfigDict(extra="forbid")

    objective: Objective = Field(Objective.RELATED, description="As in similar items.")


class ExplainByIdQuery(ObjectiveQuery):
    """Two items' ids."""

    item_id: str = Field(description="1 to 512 bytes of UTF-8.", json_schema_extra=ID_SCHEMA)
    other: str = Field(description="The neighbour: 1 to 512 bytes of UTF-8.", json_schema_extra=ID_SCHEMA)


class UserQuery(BaseModel):
    """A user's id."""

    model_config = ConfigDict(extra="forbid")

    user_id: str = Field(description="1 to 512 bytes of UTF-8.", json_schema_extra=ID_SCHEMA)


class ItemQuery(BaseModel):
    """An item's id."""

    model_config = ConfigDict(extra="forbid")

    item_id: str = Field(description="1 to 512 bytes of UTF-8.", json_schema_extra=ID_SCHEMA)


def _just(given: str, other: str) -> JsonDict:
    """That one field is given and another one is not."""
    null: JsonDict = {"type": "null"}
    return {"required": [given], "properties": {given: {"not": null}, other: null}}


def _with_words(name: str, rule: JsonDict) -> JsonDict:
    return {"required": [name], "properties": {name: rule}}


class TextItem(BaseModel):
    """What is known of a product that need not be an item."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "anyOf": [
                *(_with_words(name, {"pattern": _WORDS}) for name in ("title", "description", "brand")),
                _with_words("categories", {"contains": {"pattern": _WORDS}}),
            ]
        },
    )

    title: str = Field("", max_length=MAX_QUERY_CHARS)
    description: str = Field("", max_length=20_000)
    brand: str = Field("", max_length=1000)
    categories: list[str] = Field([], max_length=20, description='Paths such as "Audio > Headphones".')


class SimilarByTextBody(MaskedQuery):
    """A text, or a product by its texts: exactly one of both."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"item": {"title": "Wireless headphones", "brand": "Acme"}, "k": 5, "in_stock": True},
            "anyOf": [_just("text", "item"), _just("item", "text")],
        },
    )

    text: str | None = Field(None, min_length=1, max_length=MAX_QUERY_CHARS, pattern=_WORDS)
    item: TextItem | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.text is None) == (self.item is None):
            raise ValueError("either text or item is needed")
        return self


class SimilarBatchBody(SimilarQuery):
    """Many items, each answered by itself."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"item_ids": ["B0C1", "B0C2"], "k": 5}}
    )

    item_ids: list[Id] = Field(min_length=1, max_length=MAX_BATCH_ITEMS)
    k: int = Field(10, ge=1, le=100, description="How many items for each, or as many as there are.")


class ForItemsBody(MaskedQuery):
    """A basket or a visit."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"item_ids": ["B0C1", "B0C2"], "k": 5}}
    )

    item_ids: list[Id] = Field(
        min_length=1,
        max_length=MAX_EXCLUDED,
        description="Oldest first: newer ones weigh more. Not returned.",
    )
