"""What `ilk sync` remembers: files read, how each source fared, which source an item's fields came from."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import apsw
import polars as pl

from graph.sqlite_file import SqliteFile, SqliteSchema

SYNC_SCHEMA = SqliteSchema(
    application_id=0x496C6B53,
    version=1,
    tables="""
    CREATE TABLE files (
        source TEXT NOT NULL, path TEXT NOT NULL, size INTEGER NOT NULL, mtime INTEGER NOT NULL,
        digest BLOB NOT NULL, PRIMARY KEY (source, path)) STRICT, WITHOUT ROWID;
    CREATE TABLE sources (
        name TEXT PRIMARY KEY, succeeded REAL, failures INTEGER NOT NULL, retry_at REAL NOT NULL,
        error TEXT) STRICT, WITHOUT ROWID;
    CREATE TABLE item_owners (
        item_id TEXT PRIMARY KEY, priority INTEGER NOT NULL, mtime INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    """,
)


@dataclass(frozen=True)
class FileMark:
    """A file as it was when it was read."""

    size: int
    mtime: int
    """Nanoseconds since 1970."""
    digest: bytes


@dataclass(frozen=True)
class SourceMark:
    """How a source fared."""

    succeeded: float | None = None
    """Unix time of the last sync without an error; None: never."""
    failures: int = 0
    """Errors in a row."""
    retry_at: float = 0.0
    """Unix time before which it is left alone after an error."""
    error: str | None = None


class SyncState:
    """One SQLite file; every change is durable when the method returns."""

    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path, SYNC_SCHEMA)
        self._file.create()

    def files(self, source: str) -> dict[str, FileMark]:
        """Path -> the file as it was read last."""
        query = "SELECT path, size, mtime, digest FROM files WHERE source = ?"
        with self._file.reading() as connection:
            return {path: FileMark(*mark) for path, *mark in connection.execute(query, (source,))}

    def mark_file(self, source: str, path: str, mark: FileMark) -> None:
        """Remember that a file was read to its end."""
        with self._file.writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)",
                (source, path, mark.size, mark.mtime, mark.digest),
            )

    def source(self, name: str) -> SourceMark:
        """How a source fared; a new one has no history."""
        query = "SELECT succeeded, failures, retry_at, error FROM sources WHERE name = ?"
        with self._file.reading() as connection:
            row = connection.execute(query, (name,)).fetchone()
        return SourceMark(*row) if row else SourceMark()

    def mark_source(self, name: str, mark: SourceMark) -> None:
        """Remember how a source fared."""
        with self._file.writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO sources VALUES (?, ?, ?, ?, ?)",
                (name, mark.succeeded, mark.failures, mark.retry_at, mark.error),
            )

    def outranked(self, item_ids: pl.Series, priority: int, mtime: int) -> pl.Series:
        """Rows whose item another source of higher priority, or a newer file of equal one, has described.

        item_ids: String, no nulls. Returns Booleans of its length.
        """
        query = "SELECT item_id FROM item_owners WHERE item_id = ? AND (priority, mtime) > (?, ?)"
        with self._file.reading() as connection:
            keys = ((item_id, priority, mtime) for item_id in item_ids)
            found = [item_id for (item_id,) in connection.executemany(query, keys)]
        return item_ids.is_in(found)

    def own(self, item_ids: Iterable[str], priority: int, mtime: int) -> None:
        """Remember whom the fields of these items came from."""
        with self._file.writing() as connection:
            _own(connection, item_ids, priority, mtime)

    def close(self) -> None:
        """Release the file; idempotent."""
        self._file.close()


def _own(connection: apsw.Connection, item_ids: Iterable[str], priority: int, mtime: int) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO item_owners VALUES (?, ?, ?)",
        ((item_id, priority, mtime) for item_id in item_ids),
    )
