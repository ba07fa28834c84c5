"""Vectors of texts that were encoded before, in a file of their own."""

import hashlib
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import apsw
import numpy as np
import numpy.typing as npt
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_random

from encoders.errors import CacheUnusable

_APPLICATION_ID = 0x496C6B45  # "IlkE"
_VERSION = 1
_BUSY_MILLISECONDS = 60_000
_VECTOR_DTYPE = np.dtype("<f4")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS encoder(
    id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE, dim INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS embedding(
    encoder INTEGER NOT NULL REFERENCES encoder(id), key BLOB NOT NULL, vector BLOB NOT NULL,
    PRIMARY KEY(encoder, key)) STRICT;
"""


class EmbeddingCache:
    """Maps (encoder's fingerprint, text) to exactly the float32 vector that was put in.

    One SQLite file in WAL mode (1.6 kB a text at 384 dimensions); any number of threads and processes may
    read and write it at the same time. It holds hashes of texts, never texts. A crash of the process loses no
    finished `put`; a power cut may lose the last ones, which costs encoding them again.
    """

    def __init__(self, path: Path) -> None:
        """Open or create. Raises `CacheUnusable` when the file is something else."""
        self._path = path
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = apsw.Connection(str(path))
            self._db.set_busy_timeout(_BUSY_MILLISECONDS)
            self._ensure_schema()
        except (apsw.Error, OSError) as error:
            raise CacheUnusable(
                f"{path}: {error}; it is only a cache: delete it to begin a new one"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def get(self, fingerprint: str, texts: Sequence[str]) -> list[npt.NDArray[np.float32] | None]:
        """The vector of each text, `None` where it is not in the cache."""
        with self._lock, self._reported():
            known = self._encoder(fingerprint)
            if known is None:
                return [None] * len(texts)
            encoder, dim = known
            query = "SELECT (SELECT vector FROM embedding WHERE encoder = ? AND key = ?)"
            rows = self._db.executemany(query, ((encoder, text_key(text)) for text in texts))
            return [None if blob is None else self._vector(blob, dim) for (blob,) in rows]

    def put(self, fingerprint: str, texts: Sequence[str], vectors: npt.NDArray[np.float32]) -> None:
        """Remember vectors, float32 (n, dim), in one transaction; texts that are known keep theirs."""
        if vectors.ndim != 2 or len(vectors) != len(texts) or vectors.dtype != np.float32:
            raise ValueError(
                f"{len(texts)} texts need float32 vectors of shape (n, dim), not {vectors.shape}"
            )
        with self._lock, self._reported():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                encoder = self._ensure_encoder(fingerprint, vectors.shape[1])
                self._db.executemany(
                    "INSERT OR IGNORE INTO embedding(encoder, key, vector) VALUES(?, ?, ?)",
                    (
                        (encoder, text_key(text), vector.astype(_VECTOR_DTYPE).tobytes())
                        for text, vector in zip(texts, vectors, strict=True)
                    ),
                )
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def count(self, fingerprint: str) -> int:
        """How many texts of that encoder are remembered."""
        query = (
            "SELECT count(*) FROM embedding WHERE encoder = (SELECT id FROM encoder WHERE fingerprint = ?)"
        )
        with self._lock, self._reported():
            return int(self._db.execute(query, (fingerprint,)).get)

    def forget(self, texts: Iterable[str]) -> int:
        """Erase texts under every encoder (a user's reviews, say); returns how many vectors went.

        Their bytes leave the file too; where another connection reads at that moment for longer than the busy
        time-out, those in the write-ahead log go with a later checkpoint.
        """
        with self._lock, self._reported():
            before = self._db.total_changes()
            with self._db:
                self._db.executemany(
                    "DELETE FROM embedding WHERE key = ? AND encoder IN (SELECT id FROM encoder)",
                    ((text_key(text),) for text in texts),
                )
            forgotten = self._db.total_changes() - before
            with suppress(apsw.BusyError):
                self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            return forgotten

    def count_others(self, fingerprint: str) -> int:
        """How many vectors other encoders have."""
        query = (
            "SELECT count(*) FROM embedding WHERE encoder IN (SELECT id FROM encoder WHERE fingerprint <> ?)"
        )
        with self._lock, self._reported():
            return int(self._db.execute(query, (fingerprint,)).get)

    def forget_others(self, fingerprint: str) -> int:
        """Erase what other encoders left, after a change of model; returns how many vectors went."""
        query = "DELETE FROM embedding WHERE encoder IN (SELECT id FROM encoder WHERE fingerprint <> ?)"
        with self._lock, self._reported():
            before = self._db.total_changes()
            with self._db:
                self._db.execute(query, (fingerprint,))
            return self._db.total_changes() - before

    def close(self) -> None:
        """Release the file; idempotent."""
        with self._lock:
            self._db.close()

    @retry(
        retry=retry_if_exception_type(apsw.BusyError),
        wait=wait_random(0, 0.05),
        stop=stop_after_delay(_BUSY_MILLISECONDS / 1000),
        reraise=True,
    )
    def _ensure_schema(self) -> None:
        """Retried: SQLite does not wait its busy time-out when two connections turn WAL mode on at once."""
        # tables first: another process may be making them at this moment, together with the marks
        tables = int(self._db.execute("SELECT count(*) FROM sqlite_schema").get)
        version = int(self._db.pragma("user_version"))
        application = int(self._db.pragma("application_id"))
        if tables and (application, version) != (_APPLICATION_ID, _VERSION):
            raise CacheUnusable(
                f"{self._path} is no embedding cache of version {_VERSION}; name another file, or delete it"
            )
        self._db.pragma("journal_mode", "wal")
        self._db.pragma("synchronous", "normal")
        self._db.pragma("secure_delete", "on")  # what an erased user wrote must not stay in free pages
        if tables:
            return
        with self._db:
            self._db.pragma("application_id", _APPLICATION_ID)
            self._db.pragma("user_version", _VERSION)
            self._db.execute(_SCHEMA)

    def _encoder(self, fingerprint: str) -> tuple[int, int] | None:
        row = self._db.execute("SELECT id, dim FROM encoder WHERE fingerprint = ?", (fingerprint,)).fetchone()
        return None if row is None else (int(row[0]), int(row[1]))

    def _ensure_encoder(self, fingerprint: str, dim: int) -> int:
        known = self._encoder(fingerprint)
        if known is None:
            self._db.execute("INSERT INTO encoder(fingerprint, dim) VALUES(?, ?)", (fingerprint, dim))
            return self._db.last_insert_rowid()
        if known[1] != dim:
            raise ValueError(f"{fingerprint} has vectors of length {known[1]}, not {dim}")
        return known[0]

    def _vector(self, blob: bytes, dim: int) -> npt.NDArray[np.float32]:
        if len(blob) != dim * _VECTOR_DTYPE.itemsize:
            raise CacheUnusable(f"{self._path} holds a damaged vector; delete the file")
        return np.frombuffer(blob, dtype=_VECTOR_DTYPE).astype(np.float32)

    def _reported(self) -> "_Reported":
        return _Reported(self._path)


class _Reported:
    """Turns SQLite's errors into `CacheUnusable`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, apsw.Error):
            raise CacheUnusable(f"{self._path}: {error}") from error


def text_key(text: str) -> bytes:
    """The 20 bytes under which a text is remembered."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=20).digest()
