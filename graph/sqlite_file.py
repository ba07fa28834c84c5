"""One SQLite file in WAL mode: connections, transactions, schema version, errors in our words.

All access goes through apsw, which bundles its own SQLite. Never open the same file with the standard
library's `sqlite3` in the same process: two copies of SQLite break each other's file locks.
"""

import errno
import os
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import apsw

from graph.errors import (
    DamagedStore,
    DiskFull,
    NoAccess,
    SchemaMismatch,
    StoreConflict,
    StoreUnavailable,
    TooManyFiles,
)

PAGE_BYTES = 8192
"""Twice SQLite's default: random keys of an index touch fewer pages, a third faster in bulk loads."""

FILES_OF_CONNECTION = 4
"""What SQLite opens for one: the database, its write-ahead log, the log's index, their folder to sync it."""

WRITER_CACHE_KIB = 65_536
READER_CACHE_KIB = 16_384


@dataclass(frozen=True)
class SqliteSchema:
    """What a file must hold to be ours."""

    application_id: int
    """Stamped into the file's header; tells our files from anybody's."""
    version: int
    tables: str
    """DDL statements that make the schema in an empty file."""
    upgrades: Mapping[int, str] = field(default_factory=dict)
    """Version -> statements that lead from it to the next one. Whoever opens an older file upgrades it."""


class SqliteFile:
    """Connections to one file: one writer at a time (also between processes), one reader per thread.

    Connections open on first use. Errors: `StoreUnavailable`, `StoreConflict`, `SchemaMismatch`.
    """

    def __init__(self, path: Path, schema: SqliteSchema, busy_seconds: float = 30.0) -> None:
        """busy_seconds: how long a writer waits for another one before `StoreConflict`."""
        self.path = path
        self._schema = schema
        self._busy_seconds = busy_seconds
        self._write_lock = threading.Lock()
        self._writer: apsw.Connection | None = None
        self._readers = threading.local()
        self._open: weakref.WeakSet[apsw.Connection] = weakref.WeakSet()
        self._closed = False
        self._truncation_due = False

    def create(self) -> None:
        """Make the file with its schema, or check the one that is there; idempotent."""
        with self._locked(), translated(self.path):
            if self._writer is None:
                self._writer = self._create_connection()

    @contextmanager
    def writing(self) -> Iterator[apsw.Connection]:
        """A write transaction: committed durably at the end, rolled back on any error."""
        with self._locked(), translated(self.path):
            if self._writer is None:
                self._writer = self._checked(self._connect(WRITER_CACHE_KIB))
            with _transaction(self._writer, "BEGIN IMMEDIATE"):
                yield self._writer
            self._truncate_if_due(wait_seconds=0)

    @contextmanager
    def reading(self) -> Iterator[apsw.Connection]:
        """A read transaction: all its queries see one state. Must not be nested in a thread."""
        with translated(self.path):
            connection: apsw.Connection | None = getattr(self._readers, "connection", None)
            if connection is None or self._closed:
                connection = self._checked(self._connect(READER_CACHE_KIB))
                self._readers.connection = connection
            with _transaction(connection, "BEGIN"):
                yield connection

    @contextmanager
    def snapshot(self) -> Iterator[apsw.Connection]:
        """Like `reading`, on a connection of its own: for reads that outlive one call."""
        with translated(self.path):
            connection = self._checked(self._connect(READER_CACHE_KIB))
            try:
                with _transaction(connection, "BEGIN"):
                    yield connection
            finally:
                connection.close()

    def truncate_wal(self) -> None:
        """Move the write-ahead log into the file and empty it, so that erased bytes leave the disk.

        Where a reader still uses the log, every later write tries again, and so does closing.
        """
        with self._locked(), translated(self.path):
            self._truncation_due = True
            self._truncate_if_due(wait_seconds=0.5)

    def close(self) -> None:
        """Close all connections; idempotent. Later use raises `StoreUnavailable`."""
        with self._write_lock:
            self._closed = True
            self._writer = None
            for connection in list(self._open):
                connection.close()

    def _truncate_if_due(self, wait_seconds: float) -> None:
        if self._writer is None or not self._truncation_due:
            return
        self._writer.set_busy_timeout(int(wait_seconds * 1000))
        try:
            self._writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            self._truncation_due = False
        except apsw.BusyError:
            return
        finally:
            self._writer.set_busy_timeout(int(self._busy_seconds * 1000))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        if not self._write_lock.acquire(timeout=self._busy_seconds):
            raise StoreConflict(f"{self.path}: another thread is writing; try again")
        try:
            yield
        finally:
            self._write_lock.release()

    def _connect(self, cache_kib: int, create: bool = False) -> apsw.Connection:
        if self._closed:
            raise StoreUnavailable(f"{self.path}: is closed")
        flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if create else 0)
        connection = apsw.Connection(str(self.path), flags=flags)
        self._open.add(connection)
        connection.set_busy_timeout(int(self._busy_seconds * 1000))
        connection.pragma("synchronous", "full")
        connection.pragma("secure_delete", "on")
        connection.pragma("cache_size", -cache_kib)
        connection.pragma("temp_store", "memory")
        return connection

    def _create_connection(self) -> apsw.Connection:
        connection = self._connect(WRITER_CACHE_KIB, create=True)
        try:
            if not _is_empty(connection):
                return self._checked(connection)
            connection.pragma("page_size", PAGE_BYTES)
            _switch_to_wal(connection, self._busy_seconds)
            with _transaction(connection, "BEGIN IMMEDIATE"):
                if _is_empty(connection):  # another process may have been faster
                    connection.execute(self._schema.tables)
                    connection.pragma("application_id", self._schema.application_id)
                    connection.pragma("user_version", self._schema.version)
            return self._checked(connection)
        except BaseException:
            connection.close()
            raise

    def _checked(self, connection: apsw.Connection) -> apsw.Connection:
        found = (connection.pragma("application_id"), connection.pragma("user_version"))
        if found == (self._schema.application_id, self._schema.version):
            return connection
        if found[0] == self._schema.application_id and found[1] in self._schema.upgrades:
            return self._upgraded(connection)
        connection.close()
        if found == (0, 0):
            raise SchemaMismatch(f"{self.path}: has no schema of ours")
        if found[0] != self._schema.application_id:
            raise SchemaMismatch(f"{self.path}: is another program's database")
        hint = (
            "a newer Ilk wrote it: install that one again, or restore a backup of before"
            if found[1] > self._schema.version
            else "no step leads from there; load the shop into a new home"
        )
        raise SchemaMismatch(
            f"{self.path}: has schema version {found[1]}, this program needs {self._schema.version}; {hint}"
        )

    def _upgraded(self, connection: apsw.Connection) -> apsw.Connection:
        """Lead an older file to our version, step by step, in one transaction."""
        try:
            with _transaction(connection, "BEGIN IMMEDIATE"):
                version = int(connection.pragma("user_version"))  # another process may have been faster
                while version in self._schema.upgrades:
                    connection.execute(self._schema.upgrades[version])
                    version += 1
                connection.pragma("user_version", version)
        except BaseException:
            connection.close()
            raise
        return self._checked(connection)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise SQLite's errors as errors of this floor, with the file and what to do."""
    try:
        yield
    except (apsw.BusyError, apsw.LockedError) as error:
        raise StoreConflict(f"{path}: another process is writing; try again") from error
    except apsw.FullError as error:
        raise DiskFull(f"{path}: the disk is full; free space and try again") from error
    except (apsw.CorruptError, apsw.NotADBError) as error:
        raise DamagedStore(
            f"{path}: is damaged or no SQLite database ({error}); restore a backup (`ilk restore`) into "
            "another folder"
        ) from error
    except (apsw.ReadOnlyError, apsw.PermissionsError) as error:
        raise NoAccess(f"{path}: cannot be written ({error}); check its permissions") from error
    except apsw.CantOpenError as error:
        if _at_file_limit():
            raise TooManyFiles(
                f"{path}: cannot be opened, too many open files; raise the limit (ulimit -n)"
            ) from error
        raise NoAccess(f"{path}: cannot be opened; check the folder and its permissions") from error
    except apsw.IOError as error:
        raise StoreUnavailable(
            f"{path}: reading or writing failed ({error}); look whether its disk is full or failing"
        ) from error
    except (apsw.ConnectionClosedError, apsw.InterruptError) as error:
        raise StoreUnavailable(f"{path}: is closed") from error


def _at_file_limit() -> bool:
    """Whether this process may not open as many files as a connection needs. SQLite tells the same of that
    as of a folder that is not there."""
    held: list[int] = []
    try:
        for _ in range(FILES_OF_CONNECTION):
            held.append(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error.errno == errno.EMFILE
    finally:
        for one in held:
            os.close(one)
    return False


@contextmanager
def _transaction(connection: apsw.Connection, begin: str) -> Iterator[None]:
    try:
        connection.execute(begin)
        yield
        connection.execute("COMMIT")
    except BaseException:
        # SQLite has already rolled back after some errors (full disk, I/O)
        if not connection.get_autocommit():
            connection.execute("ROLLBACK")
        raise


def _is_empty(connection: apsw.Connection) -> bool:
    return not connection.execute("SELECT EXISTS (SELECT 1 FROM sqlite_schema)").get


def _switch_to_wal(connection: apsw.Connection, seconds: float) -> None:
    """SQLite reports a busy file at once here, without its own waiting; hence the loop."""
    give_up = time.monotonic() + seconds
    while True:
        try:
            connection.pragma("journal_mode", "wal")
        except apsw.BusyError:
            if time.monotonic() >= give_up:
                raise
            time.sleep(0.02)
        else:
            return
