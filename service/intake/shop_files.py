"""Frames of items and events in the columns of Ilk's own folder format, as `ilk load` reads them."""

import polars as pl

from graph.frames import CATEGORY_SEPARATOR

ITEM_COLUMNS = pl.Schema(
    {
        "item_id": pl.String(),
        "title": pl.String(),
        "description": pl.String(),
        "brand": pl.String(),
        "category": pl.List(pl.List(pl.String())),  # paths, each as its names from the root
        "price": pl.Float64(),
        "currency": pl.String(),
        "availability": pl.String(),
        "image_url": pl.String(),
        "attributes": pl.String(),  # a JSON object
    }
)
EVENT_COLUMNS = pl.Schema(
    {
        "event_id": pl.String(),
        "user_id": pl.String(),  # null: a session without a user
        "session_id": pl.String(),
        "item_id": pl.String(),
        "timestamp": pl.Int64(),  # microseconds since 1970 UTC
        "event_type": pl.String(),
        "rating": pl.Float32(),
        "review_text": pl.String(),
        "quantity": pl.Float32(),
        "value": pl.Float64(),
        "helpful": pl.Int64(),
    }
)


def item_columns(items: pl.DataFrame) -> pl.DataFrame:
    """Items of `ITEM_SCHEMA` as `ITEM_COLUMNS`."""
    names = pl.col("categories").list.eval(pl.element().str.split(CATEGORY_SEPARATOR))
    return items.select(names.alias(name) if name == "category" else pl.col(name) for name in ITEM_COLUMNS)


def event_columns(events: pl.DataFrame) -> pl.DataFrame:
    """Events of `EVENT_SCHEMA` as `EVENT_COLUMNS`."""
    return events.with_columns(
        pl.col("at").alias("timestamp"),
        pl.when(~pl.col("anonymous")).then("user_id").alias("user_id"),
        pl.when("anonymous").then("user_id").alias("session_id"),
    ).select(list(EVENT_COLUMNS))
