"""Records and segments: whole or not there; torn ends are healed; late readers catch up."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.live.fresh_record import FreshRecord, TornRecord, check_payload, no_items
from service.live.fresh_segments import SegmentReader, SegmentWriter, remove_others, segment_files

RELEASE = "r000001-abcdef"


def record(number: int, full: bool = False, through: int = 0) -> FreshRecord:
    arrays: dict[str, Any] = {"rows": np.arange(number), "vectors": np.ones((number, 3), np.float32)}
    return FreshRecord(RELEASE, number, through or 10 * number, full, arrays, {"n": 9}, no_items())


def numbers(reader: SegmentReader) -> list[int]:
    return [one.number for one in reader.read()]


@pytest.fixture
def writer(tmp_path: Path) -> SegmentWriter:
    made = SegmentWriter(tmp_path, RELEASE)
    made.begin(record(1, full=True))
    return made


def test_a_record_comes_back_as_it_was(tmp_path: Path, writer: SegmentWriter) -> None:
    writer.append(record(2))
    first, second = SegmentReader(tmp_path, RELEASE).read()
    assert (first.full, second.full, second.number, second.events_through) == (True, False, 2, 20)
    assert second.config == {"n": 9}
    np.testing.assert_array_equal(second.arrays["vectors"], np.ones((2, 3), np.float32))
    assert second.items.equals(no_items())


def test_readers_get_each_record_once_and_late_ones_catch_up(tmp_path: Path, writer: SegmentWriter) -> None:
    early = SegmentReader(tmp_path, RELEASE)
    assert numbers(early) == [1]
    writer.append(record(2))
    assert numbers(early) == [2]
    assert numbers(early) == []
    assert numbers(SegmentReader(tmp_path, RELEASE)) == [1, 2]


def test_a_new_segment_replaces_the_old_one(tmp_path: Path, writer: SegmentWriter) -> None:
    reader = SegmentReader(tmp_path, RELEASE)
    writer.append(record(2))
    reader.read()
    writer.begin(record(3, full=True))
    writer.append(record(4))
    assert numbers(reader) == [3, 4]
    assert len(segment_files(tmp_path / RELEASE)) == 1
    with pytest.raises(ValueError, match="full"):
        writer.begin(record(5))


def test_a_torn_end_is_never_applied_and_healed_by_the_next_writer(
    tmp_path: Path, writer: SegmentWriter
) -> None:
    reader = SegmentReader(tmp_path, RELEASE)
    writer.append(record(2))
    writer.close()
    path = next(iter(segment_files(tmp_path / RELEASE).values()))
    whole = path.read_bytes()
    for cut in (1, 20, 60):
        path.write_bytes(whole + record(3).to_bytes()[:-cut])
        assert numbers(SegmentReader(tmp_path, RELEASE)) == [1, 2]
    assert numbers(reader) == [1, 2]
    second = SegmentWriter(tmp_path, RELEASE)
    assert second.healed == 1
    assert second.number >= 3
    second.begin(record(second.number + 1, full=True))
    assert numbers(reader) == [4]


def test_a_changed_byte_stops_the_reader_until_a_new_segment(tmp_path: Path, writer: SegmentWriter) -> None:
    writer.append(record(2))
    writer.append(record(3))
    path = next(iter(segment_files(tmp_path / RELEASE).values()))
    content = bytearray(path.read_bytes())
    content[len(record(1, full=True).to_bytes()) + 100] ^= 1
    path.write_bytes(content)
    reader = SegmentReader(tmp_path, RELEASE)
    assert numbers(reader) == [1]
    assert reader.broken
    assert numbers(reader) == []
    writer.begin(record(4, full=True))
    assert numbers(reader) == [4]
    assert not reader.broken


def test_foreign_bytes_are_refused() -> None:
    with pytest.raises(TornRecord):
        FreshRecord.from_payload(b"\x00\x00\x00\x00rubbish")
    with pytest.raises(TornRecord):
        check_payload(b"short", b"")


def test_segments_of_other_releases_go(tmp_path: Path, writer: SegmentWriter) -> None:
    SegmentWriter(tmp_path, "r000002-abcdef").begin(record(1, full=True))
    remove_others(tmp_path, "r000002-abcdef")
    assert not (tmp_path / RELEASE).exists()
    assert SegmentReader(tmp_path, RELEASE).read() == []


def test_what_was_forgotten_is_read_from_the_beginning(tmp_path: Path, writer: SegmentWriter) -> None:
    reader = SegmentReader(tmp_path, RELEASE)
    writer.append(record(2))
    assert numbers(reader) == [1, 2]
    writer.append(record(3))
    assert numbers(reader) == [3]
    reader.forget()
    assert numbers(reader) == [1, 2, 3]
    assert numbers(reader) == []
