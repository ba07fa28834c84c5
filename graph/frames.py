"""Columnar shapes of events and items: one polars schema each, shared by readers, log and stores.

A frame is the bulk form of the domain objects (`Interaction`, `Item`); a single object is a frame of one
row. Readers guarantee every rule of the domain before a row enters a frame.
"""

import polars as pl

EVENT_SCHEMA: dict[str, pl.DataType] = {
    "event_id": pl.String(),  # 1..512 bytes; the shop's own or a hash of the canonical fields
    "user_id": pl.String(),  # 1..512 bytes; the session's id where `anonymous`
    "anonymous": pl.Boolean(),  # True: a session without a user, never served
    "item_id": pl.String(),  # 1..512 bytes
    "event_type": pl.String(),  # an `EventType` value
    "at": pl.Int64(),  # microseconds since 1970-01-01 UTC
    "rating": pl.Float32(),  # null where not given
    "review_text": pl.String(),  # null where not given
    "quantity": pl.Float32(),  # null where not given; negative only in refunds
    "value": pl.Float64(),  # money, in the shop's currency; null where not given
    "helpful": pl.Int64(),  # people who found the review helpful, 0 or more; null where not given
}

SEQUENCED_EVENT_SCHEMA: dict[str, pl.DataType] = {"seq": pl.Int64(), **EVENT_SCHEMA}
"""Events as the log hands them out: with their sequence number, ascending, unique, starting at 1."""

ITEM_SCHEMA: dict[str, pl.DataType] = {
    "item_id": pl.String(),
    "title": pl.String(),  # "" where not given; null never
    "description": pl.String(),
    "brand": pl.String(),
    "categories": pl.List(pl.String()),  # each a path "A > B > C", the most specific one first
    "price": pl.Float64(),  # null where not given
    "currency": pl.String(),
    "availability": pl.String(),
    "image_url": pl.String(),
    "attributes": pl.String(),  # a JSON object of every other column, keys sorted; "{}" where none
}

INDEXED_ITEM_SCHEMA: dict[str, pl.DataType] = {**ITEM_SCHEMA, "index": pl.Int64()}
"""Items as a store hands them out (`GraphStore.items`)."""

REVIEW_TEXT_SCHEMA: dict[str, pl.DataType] = {
    "seq": pl.Int64(),
    "item": pl.Int64(),  # index
    "rating": pl.Float32(),
    "at": pl.Int64(),
    "review_text": pl.String(),
    "helpful": pl.Int64(),
}
"""Reviews with text as a store hands them out (`GraphStore.review_texts`)."""

LINK_SCHEMA: dict[str, pl.DataType] = {
    "item_id": pl.String(),
    "linked_item_id": pl.String(),
    "link_type": pl.String(),
}
"""Item-item truth (`also_buy`, ...): for evaluation only, never stored in the graph."""

CATEGORY_SEPARATOR = " > "


def empty_events() -> pl.DataFrame:
    """Frame of `EVENT_SCHEMA` without rows."""
    return pl.DataFrame(schema=EVENT_SCHEMA)


def empty_items() -> pl.DataFrame:
    """Frame of `ITEM_SCHEMA` without rows."""
    return pl.DataFrame(schema=ITEM_SCHEMA)
