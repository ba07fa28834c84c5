"""Items and categories of the SQLite graph, inside the caller's transaction."""

import json
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import apsw
import numpy as np
import polars as pl

from graph.category import Category, with_ancestors
from graph.frames import INDEXED_ITEM_SCHEMA, ITEM_SCHEMA
from graph.sqlite_apply import next_index
from graph.store import SimilarRow

_FIELDS = ("title", "description", "brand", "categories", "price", "currency", "availability", "image_url",
           "attributes")  # fmt: skip
_COLUMNS = ", ".join(_FIELDS)
_NAMES = ("item_id", *_FIELDS, "index")
"""Of the columns that `_READ_ITEMS` finds."""
# S608: the statements below are put together from the constants above, never from values
_ADD_ITEM = f"INSERT INTO items (idx, item_id, {_COLUMNS}) VALUES (?, ?, {', '.join('?' * len(_FIELDS))})"  # noqa: S608
_CHANGE_ITEM = f"""
    UPDATE items SET ({_COLUMNS}) = ({", ".join(f"?{n + 2}" for n in range(len(_FIELDS)))})
    WHERE item_id = ?1 AND ({_COLUMNS}) IS NOT ({", ".join(f"?{n + 2}" for n in range(len(_FIELDS)))})
    RETURNING idx, categories"""  # noqa: S608
_READ_ITEMS = f"SELECT item_id, {_COLUMNS}, idx FROM items WHERE item_id IS NOT NULL"  # noqa: S608


def upsert_items(connection: apsw.Connection, items: pl.DataFrame) -> int:
    """Write checked items (`check_items`); see `GraphStore.upsert_items`. A deleted item that comes back
    gets a new number."""
    upsert_categories(connection, items["categories"].explode().drop_nulls().unique(maintain_order=True))
    rows = items.with_columns(
        pl.Series(
            "categories", [json.dumps(one, ensure_ascii=False) for one in items["categories"].to_list()]
        )
    ).select("item_id", *_FIELDS)
    keys = [(one,) for one in items["item_id"]]
    connection.executemany("DELETE FROM deleted_items WHERE item_id = ?", keys)
    known = {one for (one,) in connection.executemany("SELECT item_id FROM items WHERE item_id = ?", keys)}
    is_known = items["item_id"].is_in(list(known))
    start = next_index(connection, "items")
    new = rows.filter(~is_known).rows()
    connection.executemany(_ADD_ITEM, ((start + n, *row) for n, row in enumerate(new)))
    changed = list(connection.executemany(_CHANGE_ITEM, rows.filter(is_known).iter_rows()))
    added = [(start + n, row[4]) for n, row in enumerate(new)]
    connection.executemany("DELETE FROM item_category WHERE item = ?", [(idx,) for idx, _ in changed])
    _link_categories(connection, added + changed)
    return len(new) + len(changed)


def _link_categories(connection: apsw.Connection, items: Sequence[tuple[int, str]]) -> None:
    link = "INSERT OR IGNORE INTO item_category SELECT ?, idx FROM categories WHERE path = ?"
    connection.executemany(link, ((idx, path) for idx, paths in items for path in json.loads(paths)))


def upsert_categories(connection: apsw.Connection, paths: Sequence[str] | pl.Series) -> int:
    """See `GraphStore.upsert_categories`."""
    add = """INSERT INTO categories SELECT ifnull(max(idx) + 1, 0), ?1,
             ifnull((SELECT idx FROM categories WHERE path = ?2), -1) FROM categories"""
    wanted = with_ancestors(paths)
    look = "SELECT path FROM categories WHERE path = ?"
    known = {one for (one,) in connection.executemany(look, [(path,) for path in wanted])}
    new = [Category(path) for path in wanted if path not in known]
    connection.executemany(add, [(one.path, one.parent.path if one.parent else "") for one in new])
    return len(new)


def read_items(connection: apsw.Connection, item_ids: Sequence[str] | None) -> pl.DataFrame:
    """See `GraphStore.items`."""
    rows = connection.execute(_READ_ITEMS).fetchall() if item_ids is None else _rows_of(connection, item_ids)
    schema = {name: pl.String() if name == "categories" else INDEXED_ITEM_SCHEMA[name] for name in _NAMES}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    categories = pl.col("categories").str.json_decode(ITEM_SCHEMA["categories"])  # 30 times json.loads
    return frame.with_columns(categories).select(list(INDEXED_ITEM_SCHEMA)).sort("index")


def read_item_rows(connection: apsw.Connection, item_ids: Sequence[str]) -> list[dict[str, Any]]:
    """See `GraphStore.item_rows`."""
    found = [dict(zip(_NAMES, row, strict=True)) for row in _rows_of(connection, item_ids)]
    for row in found:
        row["categories"] = json.loads(row["categories"])
    return sorted(found, key=itemgetter("index"))


def _rows_of(connection: apsw.Connection, item_ids: Sequence[str]) -> list[Any]:
    keys = [(one,) for one in dict.fromkeys(item_ids)]
    return list(connection.executemany(_READ_ITEMS + " AND item_id = ?", keys))


def read_item_categories(connection: apsw.Connection) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Pairs (item, category), sorted; shape (2, m)."""
    rows = connection.execute("SELECT item, category FROM item_category ORDER BY item, category").fetchall()
    return np.array(rows, np.int64).reshape(-1, 2).T.copy()


def replace_similar(connection: apsw.Connection, version: str, rows: Sequence[SimilarRow]) -> int:
    """See `GraphStore.replace_similar`; rows of items that are gone are left out and not counted."""
    connection.execute("DELETE FROM item_similar")
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('similar_version', ?)", (version,))
    add = """INSERT OR REPLACE INTO item_similar (item, neighbour, rank, score)
             SELECT a.idx, b.idx, ?, ? FROM items a, items b WHERE a.item_id = ? AND b.item_id = ?"""
    connection.executemany(add, ((row.rank, row.score, row.item_id, row.neighbour_id) for row in rows))
    return int(connection.execute("SELECT count(*) FROM item_similar").get)
