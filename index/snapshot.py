"""Seals at the end of snapshot files, so that a torn or foreign file is never served.

The payload comes first and is the library's own format (FAISS or `.npy`), whose readers stop before the seal:
a snapshot stays readable without Ilk. The seal is JSON, its length (4 bytes, little-endian) and a magic word.
"""

import hashlib
import json
import os
import struct
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from index.errors import SnapshotError

_MAGIC = b"ILKINDEX"
_TAIL = struct.Struct(f"<I{len(_MAGIC)}s")
_VERSION = 1
_LONGEST_SEAL = 4096
_CHUNK = 1 << 20


class IndexKind(StrEnum):
    """Closed set of index kinds."""

    AUTO = "auto"
    """`FLAT` up to 100,000 rows, `HNSW` above."""
    EXACT = "exact"
    """NumPy: the oracle."""
    FLAT = "flat"
    """FAISS, every row compared."""
    HNSW = "hnsw"
    """FAISS, a navigable graph: approximate, fast on large catalogues."""
    SQ8 = "sq8"
    """FAISS, every row compared, a byte a coordinate: a quarter of the memory."""
    HALF = "half"
    """FAISS, every row compared, half-precision floats: half the memory."""


@dataclass(frozen=True)
class Seal:
    """What a snapshot says of itself."""

    version: int
    kind: str
    size: int
    dim: int
    payload_bytes: int
    sha256: str
    """Of the payload."""


def seal(path: Path, kind: IndexKind, size: int, dim: int) -> None:
    """Append a seal to a finished payload and flush the file to disk."""
    payload_bytes = path.stat().st_size
    stamp = Seal(_VERSION, kind, size, dim, payload_bytes, _sha256(path, payload_bytes))
    text = json.dumps(asdict(stamp), sort_keys=True).encode()
    with path.open("ab") as file:
        file.write(text + _TAIL.pack(len(text), _MAGIC))
        file.flush()
        os.fsync(file.fileno())


def checked_seal(path: Path) -> Seal:
    """Read a file's seal and compare the payload with it. Raises `SnapshotError`."""
    try:
        stamp = _read_seal(path)
        found = _sha256(path, stamp.payload_bytes)
    except OSError as error:
        raise SnapshotError(f"{path} cannot be read: {error.strerror or error}") from error
    if stamp.version != _VERSION:
        raise SnapshotError(f"{path} is a snapshot of version {stamp.version}, this program reads {_VERSION}")
    if found != stamp.sha256:
        raise SnapshotError(f"{path} is damaged: its content does not have the checksum it was sealed with")
    return stamp


def _read_seal(path: Path) -> Seal:
    length = path.stat().st_size
    foreign = SnapshotError(f"{path} is no index snapshot, or it was cut off")
    with path.open("rb") as file:
        file.seek(max(0, length - _LONGEST_SEAL - _TAIL.size))
        end = file.read()
    if len(end) < _TAIL.size:
        raise foreign
    text_bytes, magic = _TAIL.unpack(end[-_TAIL.size :])
    if magic != _MAGIC or text_bytes > len(end) - _TAIL.size:
        raise foreign
    try:
        stamp = Seal(**json.loads(end[len(end) - _TAIL.size - text_bytes : -_TAIL.size]))
    except (ValueError, TypeError) as error:
        raise foreign from error
    if stamp.payload_bytes != length - text_bytes - _TAIL.size:
        raise foreign
    return stamp


def _sha256(path: Path, length: int) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while length > 0 and (chunk := file.read(min(_CHUNK, length))):
            digest.update(chunk)
            length -= len(chunk)
    return digest.hexdigest()
