"""Many small appends become few durable transactions: thousands of acknowledged events a second."""

import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Condition, Thread

import polars as pl

from graph.errors import InvalidEvent, StoreUnavailable
from graph.interaction import check_columns
from graph.log import AppendResult, EventLog


@dataclass(frozen=True)
class GroupCommitSettings:
    """How long callers wait for company."""

    wait_seconds: float = 0.005
    """From the first waiting event to the commit; about the cost of one durable write."""
    rows: int = 500
    """So many waiting events are committed at once, without further waiting."""
    max_waiting_rows: int = 200_000
    """More waiting events than this are refused (`StoreUnavailable`): the disk does not keep up."""


_Append = tuple[pl.DataFrame, "Future[AppendResult]"]


@dataclass
class _Waiting:
    """Appends not yet taken by the writer thread."""

    appends: list[_Append] = field(default_factory=list)
    rows: int = 0


class GroupCommitWriter:
    """One writer thread in front of an `EventLog`; callers' appends are joined into one transaction.

    Each caller gets its own `AppendResult`, when its events are durable. Of an event id that two callers
    bring at once, one is told `accepted`. Closing does not close the log.
    """

    def __init__(self, log: EventLog, settings: GroupCommitSettings | None = None) -> None:
        """Start the thread."""
        self._log = log
        self._settings = settings or GroupCommitSettings()
        self._waiting = _Waiting()
        self._changed = Condition()
        self._closed = False
        self._thread = Thread(target=self._run, name="event-log-writer", daemon=True)
        self._thread.start()

    def append(self, events: pl.DataFrame) -> AppendResult:
        """Append a frame of `EVENT_SCHEMA` and wait until it is durable; see `EventLog.append`."""
        return self.submit(events).result()

    def submit(self, events: pl.DataFrame) -> "Future[AppendResult]":
        """Like `append`, without waiting; for asyncio: `await asyncio.wrap_future(writer.submit(frame))`.

        Raises at once: `InvalidEvent` for a frame without the right columns, `StoreUnavailable` when
        closed or when too many events wait. Rows that break a rule are the result's `InvalidEvent`, and
        concern no other caller.
        """
        frame = check_columns(events)
        result: Future[AppendResult] = Future()
        with self._changed:
            if self._closed:
                raise StoreUnavailable("the event log's writer is closed")
            if self._waiting.rows + frame.height > self._settings.max_waiting_rows and self._waiting.rows:
                raise StoreUnavailable("too many events wait to be written; try again later")
            self._waiting.appends.append((frame, result))
            self._waiting.rows += frame.height
            self._changed.notify()
        return result

    def close(self) -> None:
        """Write what waits, then stop; idempotent."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while (group := self._next_group()) is not None:
            if not group:
                continue
            try:
                self._commit(group)
            except BaseException as error:  # delivered to every caller concerned, and the thread lives on
                for _, result in group:
                    if not result.done():
                        result.set_exception(error)

    def _next_group(self) -> list[_Append] | None:
        """The appends to commit together, none where all were cancelled; `None` when closed and everything is
        written."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting.appends or self._closed)
            if not self._waiting.appends:
                return None
            deadline = time.monotonic() + self._settings.wait_seconds
            while self._waiting.rows < self._settings.rows and not self._closed:
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    break
            taken, self._waiting = self._waiting, _Waiting()
        # a caller may have cancelled its future while it waited
        return [one for one in taken.appends if one[1].set_running_or_notify_cancel()]

    def _commit(self, group: list[_Append]) -> None:
        try:
            joint = self._log.append(pl.concat([frame for frame, _ in group]))
        except InvalidEvent as error:
            # the log took nothing; halving finds whose rows are at fault in few transactions
            if len(group) == 1:
                group[0][1].set_exception(error)
                return
            middle = len(group) // 2
            self._commit(group[:middle])
            self._commit(group[middle:])
            return
        start = 0
        for frame, result in group:
            rows = slice(start, start + frame.height)
            result.set_result(AppendResult(joint.last_seq, joint.seq[rows], joint.accepted[rows]))
            start = rows.stop
