"""Items as callers write them."""

import json
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, field_validator

from graph.category import MAX_PATH_BYTES
from graph.item import Item
from service.api.queries import Id

_EXAMPLE: dict[str, Any] = {
    "title": "Wireless headphones",
    "description": "Over-ear, 30 hours.",
    "brand": "Acme",
    "categories": ["Audio > Headphones"],
    "price": 79.9,
    "currency": "EUR",
    "availability": "in_stock",
    "image_url": "https://shop.example/b0c1.jpg",
    "attributes": {"colour": "black"},
}


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) and value else [] if value in ("", None) else value


def _as_text(value: Any) -> Any:
    return "" if value is None else value


def _as_object(value: Any) -> Any:
    return {} if value is None else value


_NullableText = BeforeValidator(_as_text)


CATEGORY_SCHEMA: dict[str, Any] = {
    "minLength": 1,
    "maxLength": MAX_PATH_BYTES,
    "pattern": r"^(?!\s*$)(?!\s* > )(?![\s\S]* > \s*( > |$))",
}
"""What JSON schema can say of categories' paths: no name is empty."""
CategoryPath = Annotated[str, Field(json_schema_extra=CATEGORY_SCHEMA)]
Categories = Annotated[list[CategoryPath], BeforeValidator(_as_list)]


class ItemBody(BaseModel):
    """Everything about an item but its id; what is left out, or null, is empty."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": _EXAMPLE})

    title: Annotated[str, _NullableText] = Field("", max_length=2000)
    description: Annotated[str, _NullableText] = Field("", max_length=100_000)
    brand: Annotated[str, _NullableText] = Field("", max_length=1000)
    categories: Categories = Field(
        [],
        max_length=100,
        validation_alias=AliasChoices("categories", "category"),
        description='Paths such as "Audio > Headphones", the most specific first. As `category`: one path.',
    )
    price: float | None = Field(None, allow_inf_nan=False)
    currency: Annotated[str, _NullableText] = Field("", max_length=100)
    availability: Annotated[str, _NullableText] = Field("", max_length=200)
    image_url: Annotated[str, _NullableText] = Field("", max_length=4000)
    attributes: Annotated[dict[str, JsonValue], BeforeValidator(_as_object)] = Field(
        {}, max_length=1000, description="Anything else that JSON can hold."
    )

    @field_validator("*")
    @classmethod
    def _utf8(cls, value: Any) -> Any:
        """JSON's escapes can spell halves of characters, which no store takes."""
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ValueError("is not UTF-8") from None
        return value

    def fields(self) -> dict[str, Any]:
        """Fields of `Item`, those that the caller gave."""
        given = self.model_dump(exclude_unset=True, exclude={"item_id"})
        return given | ({"categories": tuple(given["categories"])} if "categories" in given else {})

    def item(self, item_id: str) -> Item:
        """The whole item. Raises `InvalidItem`."""
        return Item(item_id, **self.fields())


class ItemPatch(ItemBody):
    """What is to change: fields that are left out stay, null empties one; `attributes` are merged."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"price": 69.9, "availability": "in_stock"}}
    )


class ItemRow(ItemBody):
    """An item of a batch."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"item_id": "B0C1", **_EXAMPLE}})

    item_id: Id


class ItemsBody(BaseModel):
    """Items to be inserted or replaced; each row is taken or rejected by itself."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"items": [{"item_id": "B0C1", **_EXAMPLE}]}}
    )

    items: list[
        Annotated[Any, Field(json_schema_extra={"anyOf": [{"$ref": "#/components/schemas/ItemRow"}, {}]})]
    ] = Field(min_length=1, description="A row that breaks a rule is rejected by itself, whatever it is.")
