"""The event log in one SQLite file: durable before `append` returns, safe between processes."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import numpy.typing as npt
import polars as pl

from graph.frames import EVENT_SCHEMA, SEQUENCED_EVENT_SCHEMA
from graph.interaction import check_events
from graph.log import AppendResult
from graph.sqlite_file import SqliteFile, SqliteSchema

LOG_SCHEMA = SqliteSchema(
    application_id=0x496C6B4C,
    version=2,
    # event_ids is a table of its own, filled in key order: three times faster in bulk than an index on
    # `events`, whose rows arrive in the order of time
    tables="""
    CREATE TABLE events (
        seq INTEGER PRIMARY KEY, event_id TEXT NOT NULL, user_id TEXT NOT NULL, anonymous INTEGER NOT NULL,
        item_id TEXT NOT NULL, event_type TEXT NOT NULL, at INTEGER NOT NULL, rating REAL,
        review_text TEXT, quantity REAL, value REAL, helpful INTEGER) STRICT;
    CREATE TABLE event_ids (event_id TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE erased_ids (digest BLOB PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    """,
    upgrades={1: "ALTER TABLE events ADD COLUMN helpful INTEGER"},
)

_INSERT = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_READ = """
    SELECT seq, event_id, user_id, anonymous, item_id, event_type, at, rating, review_text, quantity, value,
           helpful
    FROM events WHERE seq > ? ORDER BY seq LIMIT ?"""


class SqliteLog:
    """`EventLog` in a SQLite file (WAL, `synchronous=FULL`); usable from several threads.

    Rows of erased users come out of `read` blanked: `event_id`, `user_id` and `item_id` are "", and
    rating, text, quantity, value and votes are null. Errors: `StoreUnavailable`, `StoreConflict`,
    `SchemaMismatch`, and `InvalidEvent` for a frame that breaks a rule (nothing is appended then).
    """

    def __init__(self, path: Path, busy_seconds: float = 30.0) -> None:
        """Open the log, or make it where there is none.

        busy_seconds: how long an append waits for another process's before `StoreConflict`.
        """
        self._file = SqliteFile(path, LOG_SCHEMA, busy_seconds)
        self._file.create()

    def append(self, events: pl.DataFrame) -> AppendResult:
        """See `EventLog.append`."""
        frame = check_events(events)
        with self._file.writing() as connection:
            last = _last_seq(connection)
            seq = _known(connection, frame["event_id"])
            first = frame["event_id"].is_first_distinct().to_numpy()
            accepted = first & (seq == 0)
            seq[accepted] = np.arange(last + 1, last + 1 + accepted.sum())
            if not first.all():
                seq = _seq_of_first(frame["event_id"], seq)
            new = frame if accepted.all() else frame.filter(accepted)
            _insert(connection, new, seq[accepted])
            return AppendResult(last + int(accepted.sum()), seq, accepted)

    def read(self, after: int, limit: int = 100_000) -> pl.DataFrame:
        """See `EventLog.read`."""
        with self._file.reading() as connection:
            rows = connection.execute(_READ, (after, limit)).fetchall()
        return pl.DataFrame(rows, schema=SEQUENCED_EVENT_SCHEMA, orient="row")

    def batches(self, after: int, rows: int = 100_000) -> Iterator[pl.DataFrame]:
        """See `EventLog.batches`. Events appended meanwhile are included."""
        while (batch := self.read(after, rows)).height:
            yield batch
            after = int(batch["seq"][-1])

    def last_seq(self) -> int:
        """See `EventLog.last_seq`."""
        with self._file.reading() as connection:
            return _last_seq(connection)

    def erase_user(self, user_id: str) -> int:
        """See `EventLog.erase_user`. Of each event id a digest stays, so that a replay of the user's
        old events remains a no-op; the bytes themselves leave the disk."""
        with self._file.writing() as connection:
            known = "SELECT seq, event_id FROM events WHERE user_id = ? AND NOT anonymous"
            rows: list[Any] = connection.execute(known, (user_id,)).fetchall()
            connection.executemany(
                "INSERT OR IGNORE INTO erased_ids VALUES (?, ?)", [(_digest(key), seq) for seq, key in rows]
            )
            connection.executemany("DELETE FROM event_ids WHERE event_id = ?", [(key,) for _, key in rows])
            connection.executemany(
                """UPDATE events SET event_id = '', user_id = '', item_id = '', rating = NULL,
                review_text = NULL, quantity = NULL, value = NULL, helpful = NULL WHERE seq = ?""",
                [(seq,) for seq, _ in rows],
            )
        self._file.truncate_wal()
        return len(rows)

    def has_erased(self) -> bool:
        """See `EventLog.has_erased`."""
        with self._file.reading() as connection:
            return _has_erased(connection)

    def close(self) -> None:
        """See `EventLog.close`."""
        self._file.close()


def _last_seq(connection: apsw.Connection) -> int:
    return int(connection.execute("SELECT ifnull(max(seq), 0) FROM events").get)


def _has_erased(connection: apsw.Connection) -> bool:
    return bool(connection.execute("SELECT EXISTS (SELECT 1 FROM erased_ids)").get)


def _known(connection: apsw.Connection, event_ids: pl.Series) -> npt.NDArray[np.int64]:
    """Sequence number that the log already holds for each id, 0 where none; shape (n,)."""
    seq = np.zeros(len(event_ids), np.int64)
    order = event_ids.arg_sort()  # in key order the index pages are read once
    look = "SELECT ?, seq FROM event_ids WHERE event_id = ?"
    keys = zip(order.to_list(), event_ids.gather(order).to_list(), strict=True)
    for row, found in connection.executemany(look, keys):
        seq[row] = found
    if _has_erased(connection):
        look = "SELECT ?, seq FROM erased_ids WHERE digest = ?"
        digests = ((row, _digest(event_id)) for row, event_id in enumerate(event_ids))
        for row, found in connection.executemany(look, digests):
            seq[row] = found
    return seq


def _seq_of_first(event_ids: pl.Series, seq: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Give repeated ids of one frame the number of their first row; shape (n,)."""
    frame = pl.DataFrame({"event_id": event_ids, "seq": seq})
    return frame.select(pl.col("seq").first().over("event_id")).to_series().to_numpy().copy()


def _insert(connection: apsw.Connection, frame: pl.DataFrame, seq: npt.NDArray[np.int64]) -> None:
    columns = [frame[name].to_list() for name in EVENT_SCHEMA]
    numbers = seq.tolist()
    connection.executemany(_INSERT, zip(numbers, *columns, strict=True))
    keys = sorted(zip(columns[0], numbers, strict=True))
    connection.executemany("INSERT INTO event_ids VALUES (?, ?)", keys)


def _digest(event_id: str) -> bytes:
    return hashlib.blake2b(event_id.encode(), digest_size=16).digest()
