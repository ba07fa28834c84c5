"""New weights for the edges of the Neo4j graph, inside the caller's transaction."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import polars as pl

from graph import neo4j_nodes
from graph.event_type import RELATION_OF, RELATIONS, EventType
from graph.neo4j_queries import statements

if TYPE_CHECKING:
    from neo4j import ManagedTransaction


def reweigh(tx: "ManagedTransaction", events: pl.DataFrame, weights: Mapping[EventType, float]) -> int:
    """See `GraphStore.reweigh`: in each relation a seek in its index on `seq`."""
    changed = 0
    for relation, query in zip(RELATIONS, statements("edges_reweigh"), strict=True):
        by_kind = {str(kind): float(weights[kind]) for kind, made in RELATION_OF.items() if made is relation}
        mine = events.filter(pl.col("event_type").is_in(list(by_kind)))
        for part in mine.iter_slices(neo4j_nodes.ROWS):
            weight = part["event_type"].replace_strict(by_kind, return_dtype=pl.Float64)
            rows = {"seq": part["seq"].to_list(), "weight": weight.to_list()}
            changed += int(tx.run(query, rows=rows).single(strict=True)["changed"])
    return changed
