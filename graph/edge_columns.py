"""What an event is as an edge: the columns that stores of files and servers compute alike."""

from collections.abc import Mapping

import polars as pl

from graph.event_type import RELATION_OF, RELATIONS, EventType

_RELATION_NUMBER = {str(kind): RELATIONS.index(relation) for kind, relation in RELATION_OF.items()}


def edge_weight(weights: Mapping[EventType, float]) -> pl.Expr:
    """`weight` (Float64) by `event_type`, which must be one of those that make edges."""
    by_kind = {str(event_type): float(weight) for event_type, weight in weights.items()}
    return pl.col("event_type").replace_strict(by_kind, return_dtype=pl.Float64).alias("weight")


def edge_columns(weights: Mapping[EventType, float]) -> list[pl.Expr]:
    """`relation` (Int8, place in `RELATIONS`), `weight`, and `quantity`, null where none is given."""
    return [
        pl.col("event_type").replace_strict(_RELATION_NUMBER, return_dtype=pl.Int8).alias("relation"),
        edge_weight(weights),
        pl.when(pl.col("quantity") > 0).then("quantity").alias("quantity"),
    ]
