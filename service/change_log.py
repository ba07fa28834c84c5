"""What else the updater has to know: items that were written, users that were erased, events taken out of the
answers. One small SQLite file in the home, shared by all processes."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from graph.sqlite_file import SqliteFile, SqliteSchema
from service.errors import CallerMistake

_SCHEMA = SqliteSchema(
    application_id=0x496C6B43,
    version=2,
    tables="""
    CREATE TABLE gone (item_id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
    CREATE TABLE changes (
        number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, item_id TEXT NOT NULL) STRICT;
    CREATE TABLE unfolded (
        first INTEGER PRIMARY KEY, last INTEGER NOT NULL, reason TEXT NOT NULL, at TEXT NOT NULL) STRICT;
    """,
    upgrades={
        1: """
        CREATE TABLE gone (item_id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
        INSERT INTO gone SELECT item_id FROM (
            SELECT item_id, kind, max(number) FROM changes WHERE kind IN ('put', 'deleted') GROUP BY item_id
        ) WHERE kind = 'deleted';
        """
    },
)
KEPT_CHANGES = 20_000
"""Older ones are forgotten: an updater that missed them reads everything anew."""


class ChangeKind(StrEnum):
    """What happened."""

    PUT = "put"
    """An item was inserted or replaced."""
    DELETED = "deleted"
    """An item was deleted, its edges with it."""
    RELOAD = "reload"
    """A user was erased, or much was changed at once: everything has to be read anew."""
    UNFOLDED = "unfolded"
    """Events were taken out of the answers, or let in again."""


@dataclass(frozen=True)
class Change:
    """One entry."""

    number: int
    kind: ChangeKind
    item_id: str
    """"" where it is about no item."""


@dataclass(frozen=True)
class UnfoldedRange:
    """Events that stay in the log and out of the answers."""

    first: int
    """Sequence number, included."""
    last: int
    """Sequence number, included."""
    reason: str
    at: str
    """When it was decided; ISO 8601, UTC."""


class ChangeLog:
    """Usable from several threads and processes. Errors: those of `graph.errors` for SQLite files."""

    def __init__(self, path: Path) -> None:
        """Open, or make where there is none."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = SqliteFile(path, _SCHEMA)
        self._file.create()

    def note(self, kind: ChangeKind, item_ids: Sequence[str] = ("",)) -> None:
        """Add an entry for each item, after the change itself is in the store."""
        with self._file.writing() as connection:
            connection.executemany(
                "INSERT INTO changes (kind, item_id) VALUES (?, ?)", [(kind.value, key) for key in item_ids]
            )
            connection.execute(
                "DELETE FROM changes WHERE number <= (SELECT max(number) FROM changes) - ?", (KEPT_CHANGES,)
            )
            keys = [(key,) for key in item_ids]
            if kind is ChangeKind.DELETED:
                connection.executemany("INSERT OR IGNORE INTO gone VALUES (?)", keys)
            elif kind is ChangeKind.PUT:
                connection.executemany("DELETE FROM gone WHERE item_id = ?", keys)

    def deleted(self, item_ids: Sequence[str] | None = None) -> set[str]:
        """Those of the items (None: of all) that were deleted and have not come back; however long ago."""
        asked = None if item_ids is None else json.dumps(list(item_ids))
        with self._file.reading() as connection:
            rows = connection.execute(
                "SELECT item_id FROM gone WHERE ?1 IS NULL OR item_id IN (SELECT value FROM json_each(?1))",
                (asked,),
            ).fetchall()
        return {str(item_id) for (item_id,) in rows}

    def came_back(self, item_ids: Sequence[str]) -> None:
        """Items that were deleted live again; the updater is told by whoever brought them."""
        with self._file.writing() as connection:
            connection.executemany("DELETE FROM gone WHERE item_id = ?", [(key,) for key in item_ids])

    def last_number(self) -> int:
        """Of the newest entry; 0: none."""
        with self._file.reading() as connection:
            return int(connection.execute("SELECT ifnull(max(number), 0) FROM changes").get)

    def since(self, number: int) -> list[Change] | None:
        """Entries after this one, ascending; None: older ones than were kept are missing."""
        with self._file.reading() as connection:
            first = connection.execute("SELECT min(number) FROM changes").get
            if first is not None and int(first) > number + 1:
                return None
            rows = connection.execute(
                "SELECT number, kind, item_id FROM changes WHERE number > ? ORDER BY number", (number,)
            ).fetchall()
        return [Change(int(one), ChangeKind(kind), str(key)) for one, kind, key in _typed(rows)]

    def unfold(self, first: int, last: int, reason: str) -> UnfoldedRange:
        """Take the events `first` to `last` out of the answers, now and in later refreshes.

        They stay in log and graph. Raises `CallerMistake` for a range that is none or touches another.
        """
        if not 1 <= first <= last:
            raise CallerMistake(f"sequence numbers {first} to {last} are no range")
        entry = UnfoldedRange(first, last, reason, datetime.now(UTC).isoformat(timespec="seconds"))
        with self._file.writing() as connection:
            touching = "SELECT EXISTS (SELECT 1 FROM unfolded WHERE first <= ? AND last >= ?)"
            if connection.execute(touching, (last, first)).get:
                raise CallerMistake(f"some of the events {first} to {last} are out of the answers already")
            connection.execute("INSERT INTO unfolded VALUES (?, ?, ?, ?)", (first, last, reason, entry.at))
            connection.execute(
                "INSERT INTO changes (kind, item_id) VALUES (?, '')", (ChangeKind.UNFOLDED.value,)
            )
        return entry

    def fold_again(self, first: int, last: int) -> bool:
        """Let a range back into the answers; False where it was not out of them."""
        with self._file.writing() as connection:
            connection.execute("DELETE FROM unfolded WHERE first = ? AND last = ?", (first, last))
            if not connection.changes():
                return False
            connection.execute(
                "INSERT INTO changes (kind, item_id) VALUES (?, '')", (ChangeKind.UNFOLDED.value,)
            )
        return True

    def unfolded(self) -> list[UnfoldedRange]:
        """All ranges that are out of the answers, ascending."""
        with self._file.reading() as connection:
            rows = connection.execute(
                "SELECT first, last, reason, at FROM unfolded ORDER BY first"
            ).fetchall()
        return [UnfoldedRange(int(a), int(b), str(reason), str(at)) for a, b, reason, at in _typed(rows)]

    def close(self) -> None:
        """Release the file; idempotent."""
        self._file.close()


def _typed(rows: Any) -> list[tuple[Any, ...]]:
    return list(rows)
