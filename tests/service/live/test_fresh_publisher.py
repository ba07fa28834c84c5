"""A file of fresh rows is replaced while records go on."""

from pathlib import Path

import numpy as np

from service.live.fresh_publisher import FreshPublisher
from service.live.fresh_record import no_items
from service.live.fresh_segments import SegmentReader, SegmentWriter, segment_files
from tests.service.live_toys import ToyRows

RELEASE = "r000001-abcdef"


def rows(*numbers: int) -> ToyRows:
    return ToyRows(np.array(numbers), np.ones((len(numbers), 8), np.float32), 40)


def started(root: Path) -> FreshPublisher:
    publisher = FreshPublisher(SegmentWriter(root, RELEASE), RELEASE)
    publisher.prepare(publisher.begin(), rows(0, 1), no_items(), 3)
    assert not segment_files(root / RELEASE), "nobody sees it yet"
    publisher.switch(3)
    return publisher


def test_a_new_file_appears_with_what_was_published_meanwhile(tmp_path: Path) -> None:
    publisher, follower = started(tmp_path), SegmentReader(tmp_path, RELEASE)
    publisher.publish(rows(2), no_items(), 4)
    assert [record.events_through for record in follower.read()] == [3, 3, 4]
    coming = publisher.begin()
    publisher.publish(rows(3), no_items(), 5)
    assert [record.events_through for record in follower.read()] == [5]
    publisher.prepare(coming, rows(0, 1, 2), no_items(), 4)
    publisher.publish(rows(4), no_items(), 6)
    publisher.switch(6)
    publisher.publish(rows(5), no_items(), 7)
    late = SegmentReader(tmp_path, RELEASE).read()
    assert [record.full for record in late] == [True, False, False, False]
    assert [record.events_through for record in late] == [4, 5, 6, 7]
    assert [record.arrays["rows"].tolist() for record in late] == [[0, 1, 2], [3], [4], [5]]
    numbers = [record.number for record in late]
    assert numbers == list(range(numbers[0], numbers[0] + 4))
    assert len(segment_files(tmp_path / RELEASE)) == 1


def test_what_was_computed_beside_takes_the_place_of_what_was_published(tmp_path: Path) -> None:
    publisher, follower = started(tmp_path), SegmentReader(tmp_path, RELEASE)
    coming = publisher.begin()
    publisher.prepare(coming, rows(0, 1), no_items(), 3)
    publisher.publish(rows(3), no_items(), 5)
    seen = follower.read()[-1].number
    publisher.put_since(rows(7), no_items(), 5)
    publisher.switch(5)
    full, after = follower.read()
    assert full.full
    assert after.arrays["rows"].tolist() == [7]
    assert after.number > seen


def test_a_void_file_leaves_nothing(tmp_path: Path) -> None:
    publisher = started(tmp_path)
    void = publisher.begin()
    publisher.prepare(publisher.begin(), rows(0), no_items(), 3)
    publisher.prepare(void, rows(1), no_items(), 3)
    publisher.switch(3)
    assert len(list((tmp_path / RELEASE).iterdir())) == 1
    assert SegmentReader(tmp_path, RELEASE).read()[0].arrays["rows"].tolist() == [0]


def test_who_knows_everything_does_not_read_a_file_that_was_only_put_together_anew(tmp_path: Path) -> None:
    publisher, follower, behind = started(tmp_path), *(SegmentReader(tmp_path, RELEASE) for _ in range(2))
    behind.read()
    publisher.publish(rows(2), no_items(), 4)
    follower.read()
    coming = publisher.begin(anew=False)
    publisher.publish(rows(3), no_items(), 5)
    follower.read()
    publisher.publish(rows(4), no_items(), 6)
    publisher.prepare(coming, rows(0, 1, 2), no_items(), 4)
    publisher.switch(6)
    publisher.publish(rows(5), no_items(), 7)
    assert [record.events_through for record in follower.read()] == [6, 7]
    assert [record.events_through for record in behind.read()] == [4, 5, 6, 7]
    follower.forget()
    publisher.prepare(publisher.begin(anew=False), rows(0, 1, 2, 3, 4, 5), no_items(), 7)
    publisher.switch(7)
    assert [record.full for record in follower.read()] == [True, False]


def test_a_file_that_says_something_better_is_read_by_everybody(tmp_path: Path) -> None:
    publisher, follower = started(tmp_path), SegmentReader(tmp_path, RELEASE)
    follower.read()
    publisher.prepare(publisher.begin(), rows(0, 1), no_items(), 3)
    publisher.put_since(None, no_items(), 3)
    publisher.switch(3)
    assert [record.full for record in follower.read()] == [True, False]
    other = FreshPublisher(SegmentWriter(tmp_path, RELEASE), RELEASE)
    other.prepare(other.begin(anew=False), rows(0, 1), no_items(), 3)
    other.switch(3, publisher.number)
    assert [record.full for record in follower.read()] == [True, False], "by another process: not the same"


def test_a_file_counts_what_is_appended(tmp_path: Path) -> None:
    publisher = started(tmp_path)
    before = publisher.appended
    publisher.publish(rows(2), no_items(), 4)
    assert publisher.beginning > 0
    assert publisher.appended > before


def test_a_known_beginning_is_not_even_read(tmp_path: Path) -> None:
    publisher, follower = started(tmp_path), SegmentReader(tmp_path, RELEASE)
    follower.read()
    coming = publisher.begin(anew=False)
    publisher.prepare(coming, rows(0, 1), no_items(), 3)
    publisher.switch(3)
    publisher.publish(rows(5), no_items(), 7)
    path = next(iter(segment_files(tmp_path / RELEASE).values()))
    content = bytearray(path.read_bytes())
    content[publisher.beginning - 1] ^= 1  # in its last array
    path.write_bytes(content)
    assert [record.events_through for record in follower.read()] == [3, 7]
    assert not follower.broken
    late = SegmentReader(tmp_path, RELEASE)
    assert late.read() == []
    assert late.broken


def test_a_revealed_beginning_is_read_before_what_follows_is_there(tmp_path: Path) -> None:
    publisher = FreshPublisher(SegmentWriter(tmp_path, RELEASE), RELEASE)
    coming = publisher.begin()
    publisher.prepare(coming, rows(0, 1), no_items(), 3, reveal=True)
    follower = SegmentReader(tmp_path, RELEASE)
    assert [(record.preliminary, record.events_through) for record in follower.read()] == [(True, 3)]
    publisher.publish(rows(2), no_items(), 4)
    assert follower.read() == []
    publisher.put_since(rows(2, 3), no_items(), 5)
    publisher.switch(5)
    publisher.publish(rows(4), no_items(), 6)
    assert [(record.preliminary, record.events_through) for record in follower.read()] == [
        (False, 5),
        (False, 6),
    ]
    numbers = [record.number for record in SegmentReader(tmp_path, RELEASE).read()]
    assert numbers == [1, 2, 3], "0 is the release as it was made, and each says something else"
    assert publisher.appended > 0


def test_what_was_dropped_appears_no_more(tmp_path: Path) -> None:
    old = started(tmp_path)
    publisher = FreshPublisher(SegmentWriter(tmp_path, RELEASE), RELEASE)
    coming = publisher.begin()
    publisher.drop()
    publisher.prepare(coming, rows(5), no_items(), 3, reveal=True)
    old.publish(rows(2), no_items(), 4)
    assert [record.events_through for record in SegmentReader(tmp_path, RELEASE).read()] == [3, 3, 4]
    assert len(list((tmp_path / RELEASE).iterdir())) == 1


def test_a_beginning_settles_no_change_that_came_while_it_was_put_together(tmp_path: Path) -> None:
    publisher = started(tmp_path)
    publisher.changes_through = 5
    coming = publisher.begin()
    publisher.changes_through = 9
    publisher.publish(rows(2), no_items(), 4)
    publisher.prepare(coming, rows(0, 1), no_items(), 3)
    publisher.switch(4)
    assert [record.changes_through for record in SegmentReader(tmp_path, RELEASE).read()] == [5, 9]
