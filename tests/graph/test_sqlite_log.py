"""The event log: numbering, duplicates, durability between processes, erasure, errors."""

import os
import resource
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import apsw
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.errors import (
    DamagedStore,
    InvalidEvent,
    NoAccess,
    SchemaMismatch,
    StoreConflict,
    StoreUnavailable,
    TooManyFiles,
)
from graph.frames import EVENT_SCHEMA, SEQUENCED_EVENT_SCHEMA
from graph.sqlite_file import translated
from graph.sqlite_log import SqliteLog
from tests.graph.crash_writers import PROCESSES, append_on_a_full_disk, append_shared_ids
from tests.graph.events import STRANGE_IDS, event, frame


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    """An empty log."""
    made = SqliteLog(tmp_path / "log.sqlite")
    yield made
    made.close()


def ids_of(log: SqliteLog) -> list[str]:
    """Event ids in their order."""
    return log.read(0)["event_id"].to_list()


class TestAppend:
    def test_numbers_start_at_one(self, log: SqliteLog) -> None:
        assert log.last_seq() == 0
        result = log.append(frame(event("a"), event("b")))
        assert (result.last_seq, result.seq.tolist(), result.accepted.tolist()) == (2, [1, 2], [True, True])
        assert log.last_seq() == 2

    def test_duplicates_keep_their_number_and_leave_no_hole(self, log: SqliteLog) -> None:
        log.append(frame(event("a"), event("b")))
        result = log.append(
            frame(event("c"), event("a", "other"), event("d"), event("c", "third"), event("b"))
        )
        assert result.last_seq == 4
        assert result.seq.tolist() == [3, 1, 4, 3, 2]
        assert result.accepted.tolist() == [True, False, True, False, False]
        assert ids_of(log) == ["a", "b", "c", "d"]
        assert log.read(0)["user_id"].to_list() == ["u"] * 4

    def test_rows_come_back_as_they_went_in(self, log: SqliteLog) -> None:
        events = frame(
            event(
                "1",
                "u",
                "i",
                "review",
                -(2**60),
                rating=4.5,
                review_text="it's\n🙂",
                value=0.1,
                helpful=2**40,
            ),
            event("2", "s", "i", "refund", 2**60, anonymous=True, quantity=-3.0),
            *(event(f"x{one}"[:200], one, one) for one in STRANGE_IDS),
        )
        log.append(events)
        read = log.read(0)
        assert read.schema == SEQUENCED_EVENT_SCHEMA
        assert read.drop("seq").equals(events)

    def test_an_empty_frame_is_no_event(self, log: SqliteLog) -> None:
        log.append(frame(event("a")))
        result = log.append(frame())
        assert (result.last_seq, result.seq.tolist(), result.accepted.tolist()) == (1, [], [])

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"user_id": pl.lit("")}, "user_id: not 1 to 512 bytes in row 0"),
            ({"event_id": pl.lit("ö" * 257)}, "event_id: not 1 to 512 bytes in row 0"),
            ({"at": pl.lit(None, pl.Int64)}, "at: missing in row 0"),
            ({"event_type": pl.lit("stare")}, "event_type: unknown 'stare' in row 0"),
            ({"at": pl.lit(1, pl.Int32)}, "at: the column is Int32, not Int64"),
        ],
    )
    def test_a_bad_frame_is_refused_whole(
        self, log: SqliteLog, change: dict[str, pl.Expr], message: str
    ) -> None:
        with pytest.raises(InvalidEvent, match=message):
            log.append(frame(event("a"), event("b")).with_columns(**change))
        assert log.last_seq() == 0

    @given(st.lists(st.lists(st.integers(0, 20).map(str), max_size=12), max_size=6))
    @settings(max_examples=25, deadline=None)
    def test_numbers_are_those_of_first_appearance(self, batches: list[list[str]]) -> None:
        first: dict[str, int] = {}
        with TemporaryDirectory() as folder, closing(SqliteLog(Path(folder) / "log.sqlite")) as log:
            self.append_all(log, batches, first)
            assert ids_of(log) == list(first)

    def append_all(self, log: SqliteLog, batches: list[list[str]], first: dict[str, int]) -> None:
        for batch in batches:
            expected = [one not in first and batch.index(one) == row for row, one in enumerate(batch)]
            for one in batch:
                first.setdefault(one, len(first) + 1)
            result = log.append(frame(*map(event, batch)))
            assert result.accepted.tolist() == expected
            assert result.seq.tolist() == [first[one] for one in batch]
            assert result.last_seq == len(first)


class TestRead:
    def test_after_and_limit(self, log: SqliteLog) -> None:
        log.append(frame(*(event(str(n)) for n in range(10))))
        assert log.read(7)["seq"].to_list() == [8, 9, 10]
        assert log.read(2, limit=3)["seq"].to_list() == [3, 4, 5]
        assert log.read(10).is_empty()
        assert log.read(10).schema == SEQUENCED_EVENT_SCHEMA
        assert [one["seq"].to_list() for one in log.batches(3, 3)] == [[4, 5, 6], [7, 8, 9], [10]]

    def test_another_reader_sees_what_was_acknowledged(self, log: SqliteLog, tmp_path: Path) -> None:
        other = SqliteLog(tmp_path / "log.sqlite")
        log.append(frame(event("a")))
        assert other.last_seq() == 1
        other.append(frame(event("b")))
        assert ids_of(log) == ["a", "b"]
        other.close()


class TestErasure:
    def test_a_user_is_blanked_and_numbers_stay(self, log: SqliteLog) -> None:
        log.append(
            frame(
                event("1", "u", rating=5.0, review_text="mine", quantity=1.0, value=2.0, helpful=3),
                event("2", "v"),
                event("3", "u", anonymous=True),
            )
        )
        assert not log.has_erased()
        assert log.erase_user("u") == 1
        assert log.has_erased()
        rows = log.read(0)
        assert rows["seq"].to_list() == [1, 2, 3]
        blank = {"event_id": "", "user_id": "", "item_id": "", "rating": None, "review_text": None,
                 "quantity": None, "value": None}  # fmt: skip
        assert {name: rows.row(0, named=True)[name] for name in blank} == blank
        assert rows["user_id"].to_list() == ["", "v", "u"]
        assert log.erase_user("u") == 0

    def test_replaying_an_erased_event_stays_a_no_op(self, log: SqliteLog) -> None:
        log.append(frame(event("1", "u"), event("2", "v")))
        log.erase_user("u")
        result = log.append(frame(event("3"), event("1", "u")))
        assert (result.seq.tolist(), result.accepted.tolist()) == ([3, 1], [True, False])

    def test_the_bytes_leave_the_disk(self, log: SqliteLog, tmp_path: Path) -> None:
        log.append(
            frame(*(event(f"order-{n}-of-somebody", "somebody", review_text="confession") for n in range(99)))
        )
        kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
        assert b"somebody" in kept
        assert b"confession" in kept
        log.erase_user("somebody")
        for file in tmp_path.iterdir():
            assert b"somebody" not in file.read_bytes(), file
            assert b"confession" not in file.read_bytes(), file


class TestProcesses:
    def test_two_writers_share_one_log(self, tmp_path: Path) -> None:
        path = tmp_path / "log.sqlite"
        with ProcessPoolExecutor(2, mp_context=PROCESSES) as pool:
            accepted = list(pool.map(append_shared_ids, [path, path], ["a", "b"]))
        log = SqliteLog(path)
        ids = ids_of(log)
        assert len(ids) == len(set(ids)) == sum(accepted) == 2 * 30 * 5 + 30 * 5
        assert log.read(0)["seq"].to_list() == list(range(1, len(ids) + 1))
        log.close()

    def test_a_full_disk_is_said_and_loses_nothing(self, tmp_path: Path) -> None:
        path = tmp_path / "log.sqlite"
        with ProcessPoolExecutor(1, mp_context=PROCESSES) as pool:
            message = pool.submit(append_on_a_full_disk, path).result()
        assert message.startswith("StoreUnavailable")
        assert str(path) in message
        log = SqliteLog(path)
        before = log.last_seq()
        assert log.append(frame(event("afterwards"))).last_seq == before + 1
        log.close()

    def test_a_busy_log_is_a_conflict(self, log: SqliteLog, tmp_path: Path) -> None:
        holder = apsw.Connection(str(tmp_path / "log.sqlite"))
        holder.execute("BEGIN IMMEDIATE")
        hasty = SqliteLog(tmp_path / "log.sqlite", busy_seconds=0.05)
        with pytest.raises(StoreConflict, match="another process is writing"):
            hasty.append(frame(event("a")))
        assert hasty.last_seq() == 0
        holder.execute("ROLLBACK")
        assert hasty.append(frame(event("a"))).last_seq == 1
        hasty.close()
        holder.close()


class TestFiles:
    def test_reopening(self, tmp_path: Path) -> None:
        for number in range(1, 3):
            log = SqliteLog(tmp_path / "log.sqlite")
            assert log.append(frame(event(str(number)))).last_seq == number
            log.close()
            log.close()

    def test_a_closed_log_says_so(self, log: SqliteLog) -> None:
        log.close()
        for use in (log.last_seq, lambda: log.append(frame(event("a")))):
            with pytest.raises(StoreUnavailable, match="closed"):
                use()

    def test_another_version_is_refused(self, log: SqliteLog, tmp_path: Path) -> None:
        log.close()
        connection = apsw.Connection(str(tmp_path / "log.sqlite"))
        connection.pragma("user_version", 99)
        connection.close()
        with pytest.raises(SchemaMismatch, match="schema version 99, this program needs 2; a newer Ilk"):
            SqliteLog(tmp_path / "log.sqlite")

    def test_a_log_of_the_first_version_is_upgraded(self, log: SqliteLog, tmp_path: Path) -> None:
        log.append(frame(event("a", rating=4.0)))
        log.close()
        connection = apsw.Connection(str(tmp_path / "log.sqlite"))
        connection.execute("ALTER TABLE events DROP COLUMN helpful")
        connection.pragma("user_version", 1)
        connection.close()
        upgraded = SqliteLog(tmp_path / "log.sqlite")
        upgraded.append(frame(event("a", rating=4.0, helpful=9), event("b", helpful=2)))
        assert upgraded.read(0).select("event_id", "rating", "helpful").rows() == [
            ("a", 4.0, None),  # what was told first stays
            ("b", None, 2),
        ]
        upgraded.close()

    def test_another_programs_database_is_refused_untouched(self, tmp_path: Path) -> None:
        path = tmp_path / "foreign.sqlite"
        foreign = sqlite3.connect(path)
        foreign.execute("CREATE TABLE notes (text)")
        foreign.close()
        before = path.read_bytes()
        with pytest.raises(SchemaMismatch, match=r"foreign\.sqlite"):
            SqliteLog(path)
        assert path.read_bytes() == before

    def test_what_is_no_database_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "text.sqlite"
        path.write_text("no database at all, but long enough to look at\n" * 9)
        with pytest.raises(DamagedStore, match="damaged or no SQLite database"):
            SqliteLog(path)

    def test_a_missing_folder_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(StoreUnavailable, match="cannot be opened"):
            SqliteLog(tmp_path / "none" / "log.sqlite")

    @pytest.mark.parametrize("left", [0, 1, 2])
    def test_too_many_open_files_are_no_lack_of_access(self, left: int, tmp_path: Path) -> None:
        path = tmp_path / "log.sqlite"
        SqliteLog(path).close()
        held: list[int] = []
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        first = os.open(os.devnull, os.O_RDONLY)  # none below it is free
        resource.setrlimit(resource.RLIMIT_NOFILE, (first + 8, hard))
        try:
            with suppress(OSError):
                while True:
                    held.append(os.open(os.devnull, os.O_RDONLY))
            for _ in range(left):
                os.close(held.pop())
            with pytest.raises(TooManyFiles, match=r"log.sqlite: .*too many open files.*ulimit -n"):
                SqliteLog(path)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            for one in [first, *held]:
                os.close(one)
        SqliteLog(path).close()

    def test_a_file_cut_short_is_said(self, log: SqliteLog, tmp_path: Path) -> None:
        log.append(frame(*(event(f"e{n}") for n in range(2000))))
        log.close()
        path = tmp_path / "log.sqlite"
        path.write_bytes(path.read_bytes()[: 8192 * 3])
        said = pytest.raises(DamagedStore, match=r"log.sqlite: is damaged.*ilk restore")
        with said, closing(SqliteLog(path)) as damaged:
            damaged.read(0)

    @pytest.mark.parametrize(
        ("error", "expected", "message"),
        [
            (apsw.BusyError(), StoreConflict, "try again"),
            (apsw.FullError(), StoreUnavailable, "disk is full"),
            (apsw.ReadOnlyError(), NoAccess, "permissions"),
            (apsw.CantOpenError(), NoAccess, "permissions"),
            (apsw.IOError(), StoreUnavailable, "reading or writing failed"),
        ],
    )
    def test_errors_in_our_words(self, error: apsw.Error, expected: type[Exception], message: str) -> None:
        with pytest.raises(expected, match=message), translated(Path("some.sqlite")):
            raise error

    def test_frames_are_of_the_schema(self) -> None:
        assert frame(event("a")).schema == EVENT_SCHEMA


@pytest.mark.slow
def test_a_million_rows_load_fast(tmp_path: Path) -> None:
    rows = pl.int_range(1_000_000, eager=True)
    events = pl.DataFrame(
        {
            "event_id": rows.hash(1).cast(pl.String) + "-" + rows.cast(pl.String),
            "user_id": "u" + (rows % 50_000).cast(pl.String),
            "item_id": "i" + (rows % 9_973).cast(pl.String),
            "at": rows,
        }
    ).with_columns(anonymous=False, event_type=pl.lit("view_item"))
    events = pl.concat([frame(), events], how="diagonal").select(list(EVENT_SCHEMA))
    log = SqliteLog(tmp_path / "log.sqlite")
    start = time.process_time()
    for batch in events.iter_slices(100_000):
        assert log.append(batch).accepted.all()
    assert 1_000_000 / (time.process_time() - start) > 40_000
    assert log.last_seq() == 1_000_000
    log.close()
