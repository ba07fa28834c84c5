"""Following `current` while requests are answered."""

import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from service.live.fresh_record import FreshRecord, no_items
from service.live.fresh_segments import HEAL_NAME, SegmentWriter, segment_files
from service.releases.errors import NoRelease
from service.releases.holder import ReleaseHolder
from service.releases.release import Release
from service.releases.store import ReleaseStore
from tests.service.live_toys import LIVE_LOADERS, ToyRows, live_store
from tests.service.release_toys import ToyShop, publish, toy_store


@pytest.fixture
def store(tmp_path: Path) -> ReleaseStore:
    return toy_store(tmp_path / "releases")


def test_nothing_serves_before_the_first_release(store: ReleaseStore) -> None:
    holder = ReleaseHolder(store)
    assert not holder.poll()
    with pytest.raises(NoRelease, match="ilk refresh"):
        holder.serving()
    version = publish(store, ToyShop())
    assert holder.poll()
    assert holder.serving().release.version == version
    assert not holder.poll()


def test_a_switch_swaps_and_what_was_taken_stays_usable(store: ReleaseStore) -> None:
    publish(store, ToyShop(seed=1))
    holder = ReleaseHolder(store)
    holder.poll()
    before = holder.serving().release
    second = publish(store, ToyShop(seed=2), 9)
    shutil.rmtree(before.path)
    assert holder.poll()
    assert holder.serving().release.version == second
    assert before.model.item_vectors().shape == (40, 8)


def test_a_torn_new_release_leaves_the_old_one_serving_and_says_so(
    store: ReleaseStore, caplog: pytest.LogCaptureFixture
) -> None:
    first = publish(store, ToyShop())
    holder = ReleaseHolder(store)
    holder.poll()
    second = publish(store, ToyShop(), 9)
    (store.root / second / "index.faiss").write_bytes(b"torn")
    holder.poll()
    serving = holder.serving()
    assert serving.release.version == first
    assert serving.fallback_reason is not None
    assert "index.faiss" in serving.fallback_reason
    assert first in caplog.text
    store.rollback(first)
    holder.poll()
    assert holder.serving().fallback_reason is None
    assert holder.serving().release is serving.release


def test_a_process_that_starts_on_a_torn_release_serves_the_one_before(store: ReleaseStore) -> None:
    first, second = publish(store, ToyShop()), publish(store, ToyShop(), 9)
    (store.root / second / "items.parquet").unlink()
    holder = ReleaseHolder(store)
    holder.poll()
    assert holder.serving().release.version == first
    assert holder.serving().fallback_reason


def test_the_thread_follows_and_stops(store: ReleaseStore) -> None:
    holder = ReleaseHolder(store, poll_seconds=0.01)
    holder.start()
    try:
        version = publish(store, ToyShop())
        wait_until(lambda: _version(holder) == version)
        version = publish(store, ToyShop(), 9)
        wait_until(lambda: _version(holder) == version)
    finally:
        holder.stop()
    assert "release-holder" not in {thread.name for thread in threading.enumerate()}


def _version(holder: ReleaseHolder) -> str | None:
    try:
        return holder.serving().release.version
    except NoRelease:
        return None


def wait_until(reached: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "not reached in time"
        time.sleep(0.01)


class _SlowStore(ReleaseStore):
    """Opens a release once it may."""

    def __init__(self, store: ReleaseStore) -> None:
        super().__init__(store.root, store.loaders)
        self.may_open = threading.Event()
        self.failures = 0

    def open_current(self) -> Release:
        assert self.may_open.wait(20)
        if self.failures:
            self.failures -= 1
            raise OSError("the disk is busy")
        return super().open_current()


def _record(release: str, number: int) -> FreshRecord:
    arrays, config = ToyRows(np.array([30]), np.full((1, 8), number, np.float32), 40).to_arrays()
    lineage = "one" if number == 1 else ""
    return FreshRecord(release, number, 10 * number, number == 1, arrays, config, no_items(), lineage)


def test_the_old_release_is_followed_while_the_new_one_is_opened(tmp_path: Path) -> None:
    store, fresh = live_store(tmp_path / "releases"), tmp_path / "fresh"
    slow = _SlowStore(store)
    slow.may_open.set()
    first = publish(store, ToyShop())
    writer = SegmentWriter(fresh, first)
    writer.begin(_record(first, 1))
    holder = ReleaseHolder(slow, fresh=fresh)
    holder.poll()
    try:
        slow.may_open.clear()
        second = publish(store, ToyShop(), 90)
        for number in (2, 3):
            writer.append(_record(first, number))
            assert holder.poll(wait=False)
            serving = holder.serving()
            assert (serving.release.version, serving.events_through) == (first, 10 * number)
            assert serving.release.model.item_vectors(np.array([30]))[0, 0] == number
        slow.may_open.set()
        wait_until(lambda: holder.poll(wait=False) and _version(holder) == second)
    finally:
        slow.may_open.set()
        holder.stop()


def test_the_old_release_serves_while_the_rows_of_the_new_one_are_read_and_until_they_go_on(
    tmp_path: Path,
) -> None:
    """A file's first record holds tens of megabytes, and events go to the old release until another came."""
    may_read = threading.Event()
    may_read.set()

    def fresh_rows(arrays: Mapping[str, npt.NDArray[Any]], config: Mapping[str, Any]) -> ToyRows:
        rows = ToyRows.from_arrays(arrays, config)
        assert rows.vectors[0, 0] < 50 or may_read.wait(20)
        return rows

    plain, fresh = live_store(tmp_path / "releases"), tmp_path / "fresh"
    store = ReleaseStore(plain.root, replace(LIVE_LOADERS, fresh_rows=fresh_rows))
    first = publish(store, ToyShop())
    writer = SegmentWriter(fresh, first)
    writer.begin(_record(first, 1))
    holder = ReleaseHolder(store, fresh=fresh)
    holder.poll()
    may_read.clear()
    second = publish(store, ToyShop(), 9)
    coming = SegmentWriter(fresh, second)
    arrays, config = ToyRows(np.array([30]), np.full((1, 8), 77, np.float32), 40).to_arrays()
    coming.begin(FreshRecord(second, 1, 20, True, arrays, config, no_items(), "two", preliminary=True))
    try:
        for number in range(2, 6):
            writer.append(_record(first, number))
            assert holder.poll(wait=False)
            assert holder.serving().number == number
        may_read.set()
        for _ in range(20):
            holder.poll(wait=False)
            time.sleep(0.01)
        assert _version(holder) == first, "its rows may be read, but newer events are not among them"
        writer.append(_record(first, 6))
        assert holder.poll(wait=False)
        coming.append(replace(_record(second, 7), number=2))
        wait_until(lambda: (holder.poll(wait=False), _version(holder) == second)[1])
        assert holder.serving().events_through == 70
    finally:
        may_read.set()
        holder.stop()


def test_a_damaged_record_of_the_awaited_release_is_reported_once(tmp_path: Path) -> None:
    store, fresh = live_store(tmp_path / "releases"), tmp_path / "fresh"
    first = publish(store, ToyShop())
    SegmentWriter(fresh, first).begin(_record(first, 1))
    holder = ReleaseHolder(store, fresh=fresh)
    holder.poll()
    second = publish(store, ToyShop(), 5)
    coming = SegmentWriter(fresh, second)
    coming.begin(_record(second, 1))
    (path,) = segment_files(fresh / second).values()
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    holder.poll()
    assert _version(holder) == first
    assert (fresh / HEAL_NAME).exists()
    (fresh / HEAL_NAME).unlink()
    holder.poll()
    assert not (fresh / HEAL_NAME).exists()
    coming.begin(_record(second, 1))
    holder.poll()
    assert _version(holder) == second


def test_an_opening_that_failed_for_no_fault_of_the_release_is_tried_again(store: ReleaseStore) -> None:
    slow = _SlowStore(store)
    slow.may_open.set()
    publish(store, ToyShop())
    holder = ReleaseHolder(slow)
    holder.poll()
    second = publish(store, ToyShop(), 9)
    slow.failures = 1
    with pytest.raises(OSError, match="busy"):
        holder.poll()
    assert holder.poll()
    assert _version(holder) == second
