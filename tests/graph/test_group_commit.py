"""Group commit: joined transactions, one answer per caller, errors to whom they concern."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import polars as pl
import pytest

from graph.errors import InvalidEvent, StoreUnavailable
from graph.group_commit import GroupCommitSettings, GroupCommitWriter
from graph.log import AppendResult
from graph.sqlite_log import SqliteLog
from tests.graph.events import event, frame


class WatchedLog(SqliteLog):
    """A real log that counts its appends, can wait for a signal and can refuse rows."""

    def __init__(self, path: Path) -> None:
        """Open freely."""
        super().__init__(path)
        self.sizes: list[int] = []
        self.free = Event()
        self.free.set()
        self.refused = "nothing"
        self.broken = False

    def append(self, events: pl.DataFrame) -> AppendResult:
        """Count, wait, refuse or append."""
        self.free.wait()
        if self.broken:
            raise StoreUnavailable("no space left")
        if self.refused in events["event_id"].to_list():
            raise InvalidEvent(f"{self.refused} is refused")
        self.sizes.append(events.height)
        return super().append(events)


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for the writer thread, at most ten seconds."""
    for _ in range(10_000):
        if holds():
            return
        time.sleep(0.001)
    raise TimeoutError


@pytest.fixture
def log(tmp_path: Path) -> Iterator[WatchedLog]:
    """An empty log."""
    made = WatchedLog(tmp_path / "log.sqlite")
    yield made
    made.close()


@pytest.fixture
def writer(log: WatchedLog) -> Iterator[GroupCommitWriter]:
    """A writer in front of the log."""
    made = GroupCommitWriter(log)
    yield made
    log.free.set()
    made.close()


def test_each_caller_gets_its_own_answer(writer: GroupCommitWriter, log: WatchedLog) -> None:
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda n: writer.append(frame(event(f"a{n}"), event("shared"))), range(100)))
    assert log.last_seq() == 101
    assert log.read(0)["event_id"].n_unique() == 101
    assert sum(bool(one.accepted[1]) for one in answers) == 1
    assert all(one.accepted[0] for one in answers)
    assert len({int(one.seq[1]) for one in answers}) == 1
    by_seq = dict(log.read(0).select("seq", "event_id").iter_rows())
    assert [by_seq[int(one.seq[0])] for one in answers] == [f"a{n}" for n in range(100)]
    assert all(one.last_seq >= one.seq.max() for one in answers)


def test_what_waits_becomes_one_transaction(writer: GroupCommitWriter, log: WatchedLog) -> None:
    log.free.clear()
    first = writer.submit(frame(event("first")))
    wait_until(first.running)
    rest = [writer.submit(frame(event(f"e{n}"))) for n in range(50)]
    assert not first.done()
    log.free.set()
    assert [int(one.result(10).seq[0]) for one in (first, *rest)] == list(range(1, 52))
    assert log.sizes == [1, 50]


def test_many_rows_do_not_wait(log: WatchedLog) -> None:
    patient = GroupCommitWriter(log, GroupCommitSettings(wait_seconds=60, rows=3))
    futures = [patient.submit(frame(event(str(n)))) for n in range(3)]
    assert [one.result(10).last_seq for one in futures] == [3, 3, 3]
    patient.close()


def test_an_answer_means_durable(writer: GroupCommitWriter, log: WatchedLog, tmp_path: Path) -> None:
    result = writer.append(frame(event("a")))
    other = SqliteLog(tmp_path / "log.sqlite")
    assert other.last_seq() == result.last_seq == 1
    other.close()


def test_a_bad_frame_concerns_its_caller_only(writer: GroupCommitWriter, log: WatchedLog) -> None:
    with pytest.raises(InvalidEvent, match="event_id: the column is missing"):
        writer.submit(frame(event("a")).drop("event_id"))
    log.free.clear()
    good = [writer.submit(frame(event(f"a{n}"))) for n in range(3)]
    bad = writer.submit(frame(event("a")).with_columns(event_id=pl.lit("")))
    good += [writer.submit(frame(event(f"b{n}"))) for n in range(3)]
    log.free.set()
    assert [int(one.result(10).seq[0]) for one in good] == [1, 2, 3, 4, 5, 6]
    with pytest.raises(InvalidEvent, match="event_id: not 1 to 512 bytes"):
        bad.result(10)


def test_rows_that_the_log_refuses_concern_their_caller_only(
    writer: GroupCommitWriter, log: WatchedLog
) -> None:
    log.refused = "bad"
    log.free.clear()
    first = writer.submit(frame(event("first")))
    wait_until(first.running)
    good, bad, other = (writer.submit(frame(event(one))) for one in ("good", "bad", "other"))
    log.free.set()
    assert good.result(10).accepted.all()
    assert other.result(10).accepted.all()
    with pytest.raises(InvalidEvent, match="bad is refused"):
        bad.result(10)
    assert log.read(0)["event_id"].to_list() == ["first", "good", "other"]


def test_a_broken_log_is_told_to_all_and_may_recover(writer: GroupCommitWriter, log: WatchedLog) -> None:
    log.broken = True
    futures = [writer.submit(frame(event(str(n)))) for n in range(5)]
    for future in futures:
        with pytest.raises(StoreUnavailable, match="no space left"):
            future.result(10)
    log.broken = False
    assert writer.append(frame(event("0"))).accepted.all()


def test_too_much_waiting_is_refused(log: WatchedLog) -> None:
    small = GroupCommitWriter(log, GroupCommitSettings(max_waiting_rows=2))
    log.free.clear()
    first = small.submit(frame(event("first")))
    wait_until(first.running)
    waiting = small.submit(frame(event("a"), event("b")))
    with pytest.raises(StoreUnavailable, match="too many"):
        small.submit(frame(event("c")))
    log.free.set()
    assert waiting.result(10).last_seq == 3
    small.close()


def test_closing_writes_what_waits(log: WatchedLog) -> None:
    patient = GroupCommitWriter(log, GroupCommitSettings(wait_seconds=60))
    future = patient.submit(frame(event("a")))
    patient.close()
    patient.close()
    assert future.result(0).last_seq == 1
    with pytest.raises(StoreUnavailable, match="closed"):
        patient.append(frame(event("b")))


def test_the_writer_outlives_a_group_of_which_everything_was_cancelled(
    writer: GroupCommitWriter, log: WatchedLog
) -> None:
    log.free.clear()
    first = writer.submit(frame(event("a")))
    wait_until(first.running)
    gone = [writer.submit(frame(event(name))) for name in ("b", "c")]
    assert all(one.cancel() for one in gone)
    log.free.set()
    assert first.result(10).last_seq == 1
    time.sleep(0.2)  # the writer takes the two, and finds nobody who waits for them
    assert writer.submit(frame(event("d"))).result(10).last_seq == 2
    assert log.sizes == [1, 1]


def test_a_cancelled_append_is_not_written(writer: GroupCommitWriter, log: WatchedLog) -> None:
    log.free.clear()
    first = writer.submit(frame(event("first")))
    wait_until(first.running)
    second = writer.submit(frame(event("second")))
    assert second.cancel()
    log.free.set()
    writer.append(frame(event("third")))
    assert log.read(0)["event_id"].to_list() == ["first", "third"]
