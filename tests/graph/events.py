"""Short ways to write events and items in tests."""

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from graph.event_type import EventType
from graph.frames import EVENT_SCHEMA, SEQUENCED_EVENT_SCHEMA
from graph.interaction import Interaction
from graph.item import Item
from graph.store import ApplyResult, EdgeBlock, GraphStore

STRANGE_IDS = (
    "o'clock",
    'say "hi"',
    "`tick`",
    "}) DETACH DELETE n //",
    "'; DROP TABLE items; --",
    "$item_id {item_id} %s ?1 \\",
    "a/b/../c?d=e#f",
    "<script>alert(1)</script>",
    "🛒👩‍👩‍👧",
    "e\u0301",
    "\u00e9",
    " padded ",
    "tab\tnew\nline",
    "nul\0inside",
    "ö" * 256,
    "0",
    "00",
    "NULL",
)
"""Valid ids that have broken stores: quotes, injections, emoji, two spellings of é, 512 bytes."""


def event(
    event_id: str, user_id: str = "u", item_id: str = "i", kind: str = "view_item", at: int = 0, **rest: Any
) -> Interaction:
    """One interaction."""
    return Interaction(event_id, user_id, item_id, EventType(kind), at, **rest)


def frame(*events: Interaction) -> pl.DataFrame:
    """A frame as the log takes it."""
    return Interaction.to_frame(events)


def sequenced(*events: Interaction, first: int = 1) -> pl.DataFrame:
    """A frame as the log hands it out, numbered from `first`."""
    numbers = pl.Series("seq", range(first, first + len(events)), pl.Int64())
    return frame(*events).select(numbers, *EVENT_SCHEMA)


def erased(seq: int) -> pl.DataFrame:
    """The blanked row of an erased user's event."""
    row = {"seq": seq, "event_id": "", "user_id": "", "anonymous": False, "item_id": "",
           "event_type": "view_item", "at": 0}  # fmt: skip
    return pl.DataFrame([row], schema=SEQUENCED_EVENT_SCHEMA)


def apply(store: GraphStore, *events: Interaction) -> ApplyResult:
    """Apply events right above the store's watermark."""
    first = store.applied_seq() + 1
    return store.apply(sequenced(*events, first=first), first + len(events) - 1)


def catalogue(*item_ids: str, **fields: Any) -> pl.DataFrame:
    """Items that share their fields."""
    return Item.to_frame(Item(item_id, **fields) for item_id in item_ids)


def edges(store: GraphStore, since: int = 0, block_rows: int = 500_000) -> dict[str, npt.NDArray[np.generic]]:
    """The whole export as one array per column."""
    blocks = list(store.export(since, block_rows))
    names = EdgeBlock.__dataclass_fields__
    return {
        name: np.concatenate([getattr(block, name) for block in blocks]) if blocks else np.empty(0)
        for name in names
    }
