"""Items and categories that others wrote straight into Neo4j: validated, numbered, then ours."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from graph.category import Category
from graph.errors import InvalidItem
from graph.frames import empty_items
from graph.item import Item
from graph.neo4j_catalogue import PROPERTIES, upsert_categories, upsert_items
from graph.neo4j_connection import Neo4jConnection
from graph.neo4j_queries import cypher
from graph.neo4j_state import LockedWrite, StoreState, read_state

if TYPE_CHECKING:
    from neo4j import ManagedTransaction


@dataclass(frozen=True)
class AdoptedNodes:
    """What became ours."""

    items: pl.DataFrame
    """Frame of `ITEM_SCHEMA`: new items, for those who encode texts."""
    categories: int
    malformed: list[tuple[str, str]]
    """(Neo4j's id of the node, reason); left untouched."""


def adopt_nodes(connection: Neo4jConnection, limit: int = 1_000) -> AdoptedNodes:
    """Number up to `limit` items and categories that carry no number.

    An item's `categories` follow its IN_CATEGORY edges; properties that items of ours do not have become
    attributes. The count store says in O(1) whether there is anything to do.
    """
    items, categories = connection.read(_uncounted)
    if not items and not categories:
        return AdoptedNodes(empty_items(), 0, [])
    return connection.write(LockedWrite(lambda tx, state: _adopt(tx, state, limit)))


def _uncounted(tx: "ManagedTransaction") -> tuple[bool, bool]:
    state = read_state(tx)
    counts = tx.run(cypher("node_counts")).single(strict=True)
    return counts["items"] > state.items - state.item_holes, counts["categories"] > state.categories


def _adopt(tx: "ManagedTransaction", state: StoreState, limit: int) -> AdoptedNodes:
    before = state.categories
    malformed: list[tuple[str, str]] = []
    paths: list[str] = []
    for record in list(tx.run(cypher("foreign_categories"), limit=limit)):
        try:
            paths.append(Category(_path(record["path"])).path)
        except InvalidItem as error:
            malformed.append((record["id"], str(error)))
    upsert_categories(tx, state, paths)
    items: list[Item] = []
    for record in list(tx.run(cypher("foreign_items"), limit=limit)):
        try:
            items.append(_item(record["item"], record["paths"]))
        except InvalidItem as error:
            malformed.append((record["id"], str(error)))
    frame = Item.to_frame(sorted(items, key=lambda item: item.item_id))
    upsert_items(tx, state, frame)
    return AdoptedNodes(frame, state.categories - before, malformed)


def _path(value: object) -> str:
    if not isinstance(value, str):
        raise InvalidItem(f"path: {value!r} is no string")
    return value


def _item(found: Mapping[str, Any], paths: list[str]) -> Item:
    """Raises `InvalidItem` where a property is of the wrong type."""
    fields: dict[str, Any] = {}
    for column, (name, none) in PROPERTIES.items():
        value = found.get(name, none)
        if column == "price" and value is not None:
            value = _price(value)
        elif column not in ("price", "categories") and not isinstance(value, str):
            raise InvalidItem(f"{name}: {value!r} is no string")
        fields[column] = value
    item_id = found.get("itemId")
    if not isinstance(item_id, str):
        raise InvalidItem(f"itemId: {item_id!r} is no string")
    own = {"itemId", "index", *(name for name, _ in PROPERTIES.values())}
    extra = {name: value for name, value in found.items() if name not in own}
    attributes = {**_attributes(fields.pop("attributes")), **extra}
    fields["categories"] = tuple(sorted(paths) or _paths(fields["categories"]))
    return Item(item_id, attributes=attributes, **fields)


def _price(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidItem(f"price: {value!r} is no number")
    return float(value)


def _attributes(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        raise InvalidItem("attributes: no JSON") from None
    if not isinstance(found, dict):
        raise InvalidItem("attributes: no JSON object")
    return found


def _paths(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [_path(one) for one in values]
