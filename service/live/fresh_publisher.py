"""What the updater publishes of one release: records one after the other, a file replaced without a gap."""

import secrets
import threading
from dataclasses import dataclass, replace

import polars as pl

from service.live.fresh_record import FreshRecord, no_items
from service.live.fresh_segments import PreparedSegment, SegmentWriter
from service.live.mirror import FreshRowsLike


@dataclass
class ComingFile:
    """A file that is being prepared, and what has to follow in it."""

    after: int
    """Number of the newest record when it began, or of its own beginning once that is revealed."""
    since: list[FreshRecord]
    lineage: str
    """See `FreshRecord.lineage`."""
    changes_through: int | None
    """Of its beginning, whose content is as old."""
    prepared: PreparedSegment | None = None
    revealed: bool = False
    """Whether readers see it already."""


class FreshPublisher:
    """Counts the records and appends them. A new file begins with everything that differs from the release;
    that is put together in another thread, and the records since stand in the file when it appears: whoever
    reads it knows at least as much as from the old one."""

    def __init__(self, writer: SegmentWriter, release: str, made_with: str = "") -> None:
        """Nothing is published before `begin` and `switch`. made_with: see `FreshRecord`."""
        self.writer = writer
        self._release = release
        self._made_with = made_with
        self._number = writer.number
        self._live = False
        self._coming: ComingFile | None = None
        self._lineage = ""
        self.changes_through: int | None = None
        """See `FreshRecord.changes_through`; of the records to come."""
        self._lock = threading.Lock()

    @property
    def beginning(self) -> int:
        """Bytes of the full record that the file begins with."""
        return self.writer.beginning

    @property
    def appended(self) -> int:
        """Bytes behind it."""
        return self.writer.bytes - self.writer.beginning

    def publish(self, rows: FreshRowsLike | None, items: pl.DataFrame, through: int) -> None:
        """Append what changed. Raises `OSError` where that fails: the file may end in a torn record then."""
        record = self._record(rows, items, through, self._number + 1)
        self._number += 1
        if self._coming is not None:
            self._coming.since.append(record)
        if self._live:
            self.writer.append(record)

    def begin(self, *, anew: bool = True) -> ComingFile:
        """Keep from now on what a new file has to hold besides; one that was begun before is void. anew: it
        will not hold what was published so far, but something better."""
        if self._coming is not None and self._coming.prepared is not None:
            self._coming.prepared.path.unlink(missing_ok=True)
        lineage = secrets.token_hex(8) if anew or not self._lineage else self._lineage
        self._coming = ComingFile(self._number, [], lineage, self.changes_through)
        return self._coming

    def prepare(
        self,
        coming: ComingFile,
        rows: FreshRowsLike,
        items: pl.DataFrame,
        through: int,
        *,
        reveal: bool = False,
    ) -> None:
        """Write the beginning of the file; in any thread. rows, items: everything that differs from the
        release, as it was when the file was begun; through: the events in them. reveal: let readers see it
        before `switch` adds what follows: that gives those who turn to this release the time to read it."""
        number = coming.after + int(reveal)  # what somebody may answer from counts
        record = self._record(rows, items, through, number, coming.lineage)
        prepared = self.writer.prepare(
            replace(record, preliminary=reveal, changes_through=coming.changes_through)
        )
        with self._lock:
            if coming is not self._coming:
                prepared.path.unlink(missing_ok=True)
                return
            coming.prepared, coming.revealed, coming.after = prepared, reveal, number
            if reveal:
                self.writer.switch(prepared)

    def drop(self) -> None:
        """Nothing more of what is prepared appears; what was revealed stays as it is."""
        with self._lock:
            coming, self._coming = self._coming, None
        if coming is None or coming.prepared is None:
            return
        if coming.revealed:
            self.close()
        else:
            coming.prepared.path.unlink(missing_ok=True)

    def put_since(self, rows: FreshRowsLike | None, items: pl.DataFrame, through: int) -> None:
        """What has to follow in the coming file, in the place of all that was published meanwhile."""
        assert self._coming is not None, "begin comes first"
        self._coming.after = max(self._coming.after, self._number)
        self._coming.since = [self._record(rows, items, through, 0)]

    def switch(self, through: int, at_least: int = 0) -> None:
        """Let the new file take the old one's place. at_least: number that readers may have seen."""
        coming = self._coming
        assert coming is not None
        assert coming.prepared is not None, "prepare comes first"
        since = coming.since or [self._record(None, no_items(), through, 0)]
        first = max(coming.after, at_least) + 1
        since = [replace(record, number=first + place) for place, record in enumerate(since)]
        if coming.revealed:
            for record in since:
                self.writer.append(record)
        else:
            self.writer.switch(coming.prepared, since)
        self._number, self._coming, self._live = since[-1].number, None, True
        self._lineage = coming.lineage

    @property
    def number(self) -> int:
        """Of the newest record."""
        return self._number

    def close(self) -> None:
        """Release the file."""
        self._live = False
        self.writer.close()

    def _record(
        self, rows: FreshRowsLike | None, items: pl.DataFrame, through: int, number: int, lineage: str = ""
    ) -> FreshRecord:
        """lineage: of a full record."""
        arrays, config = rows.to_arrays() if rows is not None else ({}, {})
        return FreshRecord(
            self._release,
            number,
            through,
            bool(lineage),
            arrays,
            config,
            items,
            lineage,
            changes_through=self.changes_through,
            made_with=self._made_with,
        )
