"""Segments: files of fresh records that the updater appends to and API workers follow.

`live/<release>/<number>.fresh`; every file begins with a full record, so a reader that starts late, or finds
that a file has been replaced, reads the newest one from its beginning. Nothing here has to survive a power
cut: the updater makes everything anew from the store when it starts.
"""

import errno
import os
import re
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from service.live.fresh_record import (
    HEAD_BYTES,
    FreshRecord,
    TornRecord,
    check_payload,
    lineage_of,
    payload_bytes,
)

_NAME = re.compile(r"^(\d{8})\.fresh$")
_TEMPORARY = ".writing"
HEAL_NAME = "heal"
"""A file of this name beside the releases' folders asks for a new segment: a reader met a damaged record."""


@dataclass(frozen=True)
class PreparedSegment:
    """A file that no reader sees yet."""

    path: Path
    number: int
    """Of the full record that it begins with."""
    bytes: int


class SegmentWriter:
    """Appends records for one release. One writer at a time: the updater holds the home's lock."""

    def __init__(self, root: Path, release: str, *, keep_left: bool = False) -> None:
        """root: the home's folder of fresh rows; folders of other releases in it are left alone. keep_left:
        hold what a writer before left, for `take_left`."""
        self._folder = root / release
        self._release = release
        self._left: list[FreshRecord] = []
        self._keep_left = keep_left
        self._handle: int | None = None
        for stale in self._folder.glob(f"{_TEMPORARY}*"):
            stale.unlink(missing_ok=True)
        self.healed = 0
        """Files whose end was cut short, found by this writer; the next full record replaces them."""
        self.number = self._last_number()
        """Of the newest record, 0 before the first."""
        self.bytes = self.beginning = 0
        """Size of the file that is written to, and of the full record that it begins with."""

    def take_left(self) -> list[FreshRecord]:
        """The records that a writer before left, the first one full; once."""
        left, self._left = self._left, []
        return left

    def prepare(self, record: FreshRecord) -> PreparedSegment:
        """Write the beginning of a new file, a full record, where no reader looks; in any thread."""
        if not record.full:
            raise ValueError("a segment begins with a full record")
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{_TEMPORARY}-{secrets.token_hex(4)}"
        with path.open("wb", buffering=0) as out:
            written = sum(_written(out, piece) for piece in record.chunks())
        return PreparedSegment(path, record.number, written)

    def switch(self, prepared: PreparedSegment, since: Sequence[FreshRecord] = ()) -> None:
        """Let a prepared file with further records be the newest: visible at once, whole; older ones go."""
        content = b"".join(record.to_bytes() for record in since)
        old = segment_files(self._folder)
        path = self._folder / f"{1 + max(old, default=0):08d}.fresh"
        handle = os.open(prepared.path, os.O_WRONLY | os.O_APPEND)
        try:
            _write(handle, content)
            prepared.path.replace(path)
        except BaseException:
            os.close(handle)
            raise
        self.close()
        self._handle = handle
        self.number = since[-1].number if since else prepared.number
        self.beginning, self.bytes = prepared.bytes, prepared.bytes + len(content)
        for stale in old.values():
            stale.unlink(missing_ok=True)

    def begin(self, record: FreshRecord) -> None:
        """Start a new file with a full record: `prepare` and `switch` in one."""
        self.switch(self.prepare(record))

    def append(self, record: FreshRecord) -> None:
        """Add a record. After an error the file may end in a torn record: `begin` a new one then."""
        assert self._handle is not None, "begin comes first"
        content = record.to_bytes()
        _write(self._handle, content)
        self.number, self.bytes = record.number, self.bytes + len(content)

    def close(self) -> None:
        """Release the file; idempotent."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _last_number(self) -> int:
        reader, last = SegmentReader(self._folder.parent, self._release), 0
        for record in reader.read():
            last = record.number
            if self._keep_left:
                self._left.append(record)
        self.healed += int(reader.has_torn_end())
        # a torn record had a number too, and a reader may have seen a replaced file: stay above both
        return last + self.healed


class SegmentReader:
    """Reads one release's records in order; each once, until the newest file begins anew."""

    def __init__(self, root: Path, release: str) -> None:
        self._folder = root / release
        self._file: int | None = None
        self._offset = 0
        self._lineage, self._last = "", 0
        self.broken = False
        """A record in the middle of the newest file does not verify: only a new file helps."""

    def read(self) -> list[FreshRecord]:
        """Records that were added since the last call; a full one makes all before it void, and is left out
        where it says nothing new. Costs one listing of a folder with one or two names, and nothing more where
        nothing was added."""
        files = segment_files(self._folder)
        if not files:
            return []
        newest = max(files)
        if newest != self._file:
            self._file, self._offset, self.broken = newest, 0, False
        if self.broken:
            return []
        return self._read_from(files[newest])

    @property
    def found(self) -> bool:
        """Whether there is a file; costs one listing."""
        return bool(segment_files(self._folder))

    def forget(self) -> None:
        """What was read last was not applied: read the newest file from its beginning the next time."""
        self._file, self._lineage = None, ""

    def has_torn_end(self) -> bool:
        """Whether bytes follow the last whole record that was read."""
        files = segment_files(self._folder)
        return bool(files) and _size(files[max(files)]) > self._offset

    def _read_from(self, path: Path) -> list[FreshRecord]:
        if _size(path) <= self._offset:
            return []
        found: list[FreshRecord] = []
        try:
            with path.open("rb") as source:
                source.seek(self._offset)
                while len(head := source.read(HEAD_BYTES)) == HEAD_BYTES:
                    wanted = payload_bytes(head)
                    if self._offset == 0 and self._knows(source):
                        self._offset = source.seek(HEAD_BYTES + wanted)
                        continue
                    payload = source.read(wanted)
                    if len(payload) < wanted:  # being written, or cut short by a crash
                        break
                    check_payload(head, payload)
                    found.append(FreshRecord.from_payload(payload))
                    self._offset += HEAD_BYTES + wanted
        except FileNotFoundError:  # replaced between listing and opening; the next call reads its successor
            return []
        except TornRecord:
            self.broken = True
        return self._unknown(_from_last_full(found))

    def _knows(self, source: BinaryIO) -> bool:
        """Whether the full record whose payload begins here says nothing new: a file that was only put
        together anew. Tens of megabytes need not be read then, nor checked. Leaves the place where it was."""
        start = source.tell()
        lineage, number = lineage_of(source)
        source.seek(start)
        return bool(lineage) and lineage == self._lineage and number <= self._last

    def _unknown(self, records: list[FreshRecord]) -> list[FreshRecord]:
        """Less what the records before said already."""
        if not records:
            return []
        first, last = records[0], self._last
        self._last = records[-1].number
        if first.full:
            self._lineage = first.lineage
            return records
        self._last = max(self._last, last)
        return [record for record in records if record.number > last]


def segment_files(folder: Path) -> dict[int, Path]:
    """The segments of a release, by number."""
    try:
        with os.scandir(folder) as entries:
            matches = [match for entry in entries if (match := _NAME.match(entry.name))]
    except (FileNotFoundError, NotADirectoryError):
        return {}
    return {int(match[1]): folder / match[0] for match in matches}


def remove_others(root: Path, keep: str) -> None:
    """Remove the segments of all releases but one."""
    for folder in root.iterdir() if root.is_dir() else ():
        if folder.is_dir() and folder.name != keep:
            shutil.rmtree(folder, ignore_errors=True)


def _from_last_full(records: list[FreshRecord]) -> list[FreshRecord]:
    starts = [place for place, record in enumerate(records) if record.full]
    return records[starts[-1] :] if starts else records


def _written(out: FileIO, piece: bytes | memoryview) -> int:
    """A raw file takes up to 2 GiB at a time; a full disk raises."""
    rest = memoryview(piece)
    while len(rest):
        rest = rest[out.write(rest) :]
    return len(piece)


def _write(handle: int, content: bytes) -> None:
    """A short write is a full disk: what is there does not verify and is never applied."""
    if os.write(handle, content) != len(content):
        raise OSError(errno.ENOSPC, "the disk is full")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
