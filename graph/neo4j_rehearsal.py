"""A write that is taken back: a server that has just started plans its statements before anybody waits."""

from collections.abc import Mapping
from typing import TYPE_CHECKING
from uuid import uuid4

import polars as pl

from graph.event_type import EventType
from graph.interaction import Interaction
from graph.neo4j_apply import apply_events
from graph.neo4j_connection import Neo4jConnection
from graph.neo4j_state import LockedWrite, StoreState

if TYPE_CHECKING:
    from neo4j import ManagedTransaction


class _TakenBack(Exception):
    """Ends a transaction that is to leave nothing behind."""


def rehearse(connection: Neo4jConnection, weights: Mapping[EventType, float], keep_texts: bool) -> None:
    """Apply a made-up event of a made-up user and item, and roll back.

    The store's lock is held meanwhile: other writers wait, and nobody reads what was made up.
    """

    def work(tx: "ManagedTransaction", state: StoreState) -> None:
        seq = state.applied_seq + 1
        apply_events(tx, state, _made_up(seq), seq, weights, keep_texts)
        raise _TakenBack

    try:
        connection.write(LockedWrite(work))
    except _TakenBack:
        return


def _made_up(seq: int) -> pl.DataFrame:
    name = uuid4().hex
    event = Interaction(name, name, name, EventType.VIEW_ITEM, at=1_000_000_000_000_000)
    return Interaction.to_frame([event]).select(pl.lit(seq, pl.Int64).alias("seq"), pl.all())
