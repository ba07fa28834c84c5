"""The port of the event log: durable before acknowledged, numbered, each event once."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import polars as pl


@dataclass(frozen=True)
class AppendResult:
    """Outcome of one append; arrays follow the rows of the appended frame."""

    last_seq: int
    """Sequence number of the log's newest event after the append."""
    seq: npt.NDArray[np.int64]
    """Sequence number of each row's event; of a duplicate: the number it already had. Shape (n,)."""
    accepted: npt.NDArray[np.bool_]
    """False: the `event_id` was already in the log (or earlier in this frame). Shape (n,)."""


class EventLog(Protocol):
    """Append-only log of accepted events. One writer at a time, readers in any process."""

    def append(self, events: pl.DataFrame) -> AppendResult:
        """Append events of `EVENT_SCHEMA` durably, in one transaction; known `event_id`s are no-ops."""

    def read(self, after: int, limit: int = 100_000) -> pl.DataFrame:
        """At most `limit` events with `seq > after`, of `SEQUENCED_EVENT_SCHEMA`, ascending."""

    def batches(self, after: int, rows: int = 100_000) -> Iterator[pl.DataFrame]:
        """All events with `seq > after`, in frames of at most `rows`."""

    def last_seq(self) -> int:
        """Sequence number of the newest event; 0 when empty."""

    def erase_user(self, user_id: str) -> int:
        """Blank a known user's events (ids, texts); sequence numbers stay. Returns how many."""

    def has_erased(self) -> bool:
        """Whether an event of any user was ever blanked."""

    def close(self) -> None:
        """Release the files; idempotent."""
