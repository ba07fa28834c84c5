"""Items and categories of the Neo4j graph, inside the caller's transaction."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from graph import neo4j_nodes
from graph.category import Category, with_ancestors
from graph.frames import INDEXED_ITEM_SCHEMA
from graph.neo4j_queries import cypher
from graph.neo4j_state import StoreState

if TYPE_CHECKING:
    from neo4j import ManagedTransaction

Fields = dict[str, Any]

PROPERTIES: dict[str, tuple[str, Any]] = {
    "title": ("title", ""),
    "description": ("description", ""),
    "brand": ("brand", ""),
    "categories": ("categories", []),
    "price": ("price", None),
    "currency": ("currency", ""),
    "availability": ("availability", ""),
    "image_url": ("imageUrl", ""),
    "attributes": ("attributes", "{}"),
}
"""Column -> (property, the value for which the property is left out)."""


def upsert_items(tx: "ManagedTransaction", state: StoreState, items: pl.DataFrame) -> int:
    """Write checked items (`check_items`); see `GraphStore.upsert_items`. A deleted item that comes back
    gets a new number."""
    paths = items["categories"].explode().drop_nulls().unique(maintain_order=True).to_list()
    upsert_categories(tx, state, paths)
    keys = items["item_id"].to_list()
    if state.item_holes:
        tx.run(cypher("deleted_items_revive"), rows={"keys": keys}).consume()
    index = neo4j_nodes.find(tx, "items", keys)
    new = np.flatnonzero(index < 0)
    numbers = state.items + np.arange(len(new))
    neo4j_nodes.add_bare(tx, "items", [keys[row] for row in new], numbers)
    state.items += len(new)
    changed = _changed(tx, items)
    for start in range(0, len(changed), neo4j_nodes.ROWS):
        tx.run(cypher("items_write"), rows=changed[start : start + neo4j_nodes.ROWS]).consume()
    is_new = set(new.tolist())
    known_changed = {row["itemId"] for row in changed} - {keys[row] for row in is_new}
    return len(is_new) + len(known_changed)


def _changed(tx: "ManagedTransaction", items: pl.DataFrame) -> list[Fields]:
    """Rows whose fields differ from those in the graph, as `items_write` takes them."""
    old = {key: fields for _, key, fields in _read(tx, items["item_id"].to_list())}
    changed = []
    for row in items.iter_rows(named=True):
        fields = {
            prop: row[column] if row[column] != none else None for column, (prop, none) in PROPERTIES.items()
        }
        before = old[row["item_id"]]
        if any(fields[prop] != before.get(prop) for prop, _ in PROPERTIES.values()):
            paths = list(dict.fromkeys(row["categories"]))
            changed.append({"itemId": row["item_id"], "fields": fields, "paths": paths})
    return changed


def upsert_categories(tx: "ManagedTransaction", state: StoreState, paths: Sequence[str]) -> int:
    """See `GraphStore.upsert_categories`."""
    wanted = with_ancestors(paths)
    index = neo4j_nodes.find(tx, "categories", wanted)
    new = [Category(wanted[row]) for row in np.flatnonzero(index < 0)]
    numbers = state.categories + np.arange(len(new))
    neo4j_nodes.add_categories(
        tx,
        [one.path for one in new],
        numbers,
        name=[one.name for one in new],
        parent=[one.parent.path if one.parent else None for one in new],
    )
    state.categories += len(new)
    return len(new)


def read_items(tx: "ManagedTransaction", item_ids: Sequence[str] | None) -> pl.DataFrame:
    """See `GraphStore.items`."""
    keys = None if item_ids is None else list(dict.fromkeys(item_ids))
    rows = [(key, *_values(fields), index) for index, key, fields in _read(tx, keys)]
    names = ("item_id", *PROPERTIES, "index")
    frame = pl.DataFrame(rows, schema={name: INDEXED_ITEM_SCHEMA[name] for name in names}, orient="row")
    return frame.select(list(INDEXED_ITEM_SCHEMA)).sort("index")


def read_deleted(tx: "ManagedTransaction") -> list[str]:
    """See `GraphStore.deleted_items`."""
    return sorted(record["key"] for record in tx.run(cypher("deleted_items_keys")))


def _read(tx: "ManagedTransaction", keys: Sequence[str] | None) -> list[tuple[int, str, Fields]]:
    """(index, item_id, properties), ascending by index (within each part of `keys`)."""
    if keys is None:
        records = list(tx.run(cypher("items_read")))
    else:
        parts = [keys[start : start + neo4j_nodes.ROWS] for start in range(0, len(keys), neo4j_nodes.ROWS)]
        records = [
            record for part in parts for record in tx.run(cypher("items_read_some"), rows={"keys": part})
        ]
    return [(record["index"], record["item"]["itemId"], record["item"]) for record in records]


def _values(fields: Mapping[str, Any]) -> list[Any]:
    return [fields.get(prop, none) for prop, none in PROPERTIES.values()]


def read_item_categories(tx: "ManagedTransaction") -> npt.NDArray[np.int64]:
    """Pairs (item, category), sorted, each once; shape (2, m)."""
    record = tx.run(cypher("item_categories")).single(strict=True)
    pairs = np.array([record["items"], record["categories"]], np.int64).reshape(2, -1)
    return np.unique(pairs, axis=1)


def read_category_parents(tx: "ManagedTransaction", state: StoreState) -> npt.NDArray[np.int64]:
    """See `GraphStore.category_parents`."""
    record = tx.run(cypher("category_parents")).single(strict=True)
    parents = np.full(state.categories, -1, np.int64)
    child = np.array(record["child"], np.int64)
    within = child < len(parents)
    parents[child[within]] = np.array(record["parent"], np.int64)[within]
    return parents
