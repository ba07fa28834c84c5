"""An updater that goes on from what the one before it has left, and when it must not."""

import errno
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gnn.served_model import ServedModel
from graph.errors import StoreConflict
from graph.event_type import EventType
from service.change_log import ChangeKind
from service.live import folding
from service.live.fresh_record import FreshRecord
from service.live.fresh_segments import PreparedSegment, SegmentWriter, segment_files
from service.live.mirror import MirrorStart
from service.live.updater import Updater
from service.settings import load_settings
from tests.service.live_home import FLAGS, OFF, SHOP, Live, ToyTexts
from tests.service.live_toys import ToyMirror, ToyRows
from tests.service.release_toys import publish
from tests.service.releases.test_release_holder import wait_until


class Watched:
    """Makes mirrors and remembers how each began."""

    def __init__(self) -> None:
        self.starts: list[MirrorStart] = []
        self.lists: list[bool] = []
        """Whether lists were computed, time by time."""
        self.recomputed = threading.Event()

    def __call__(self, model: ServedModel, start: MirrorStart) -> ToyMirror:
        self.starts.append(start)
        watched = self

        class Mirror(ToyMirror):
            def propagate(self, *, lists: bool = True) -> ToyRows:
                watched.lists.append(lists)
                return super().propagate(lists=lists)

            def recomputation(self):  # type: ignore[no-untyped-def]  # as the toy's
                watched.recomputed.set()
                return super().recomputation()

        return Mirror(model, start)

    @property
    def went_on(self) -> list[bool]:
        return [bool(start.handed_out) for start in self.starts]


def nothing(_live: Live) -> None:
    """Happens while no updater runs."""


def an_event(live: Live) -> None:
    live.post("item-30")


def an_item(live: Live) -> None:
    live.changes.note(ChangeKind.PUT, ["item-31"])


def a_refund(live: Live) -> None:
    live.post("item-31", EventType.REFUND)


def a_deletion(live: Live) -> None:
    live.store.delete_item("item-32")
    live.changes.note(ChangeKind.DELETED, ["item-32"])


def an_erasure(live: Live) -> None:
    live.log.erase_user("u")
    live.store.delete_user("u")
    live.changes.note(ChangeKind.RELOAD)


def events_taken_out(live: Live) -> None:
    live.changes.unfold(1, 1, "poison")


def another_release(live: Live) -> None:
    publish(live.releases, SHOP, 0)


def a_damaged_file(live: Live) -> None:
    (path,) = segment_files(live.home.fresh / str(live.releases.current_version())).values()
    path.write_bytes(b"x" * 100)


@pytest.mark.parametrize(
    ("meanwhile", "goes_on"),
    [
        (nothing, True),
        (an_event, True),
        (an_item, True),
        (a_refund, False),
        (a_deletion, False),
        (an_erasure, False),
        (events_taken_out, False),
        (another_release, False),
        (a_damaged_file, False),
    ],
)
def test_it_goes_on_where_what_was_left_still_holds(
    live: Live, meanwhile: Callable[[Live], None], goes_on: bool
) -> None:
    publish(live.releases, SHOP, 0)
    live.start()
    live.post("item-30", EventType.PURCHASE)
    live.wait(live.post("item-31", EventType.PURCHASE))
    live.stop()
    meanwhile(live)
    made = Watched()
    live.start(made)
    live.wait(live.post("item-33"))
    assert made.went_on[0] == goes_on
    assert made.lists[0] != goes_on
    assert live.drift("item-33") == pytest.approx(1)
    expected: dict[Callable[[Live], None], tuple[int, int]] = {
        an_event: (2, 1),
        a_refund: (1, 0),
        an_erasure: (0, 0),
        events_taken_out: (0, 1),
    }
    thirty, thirty_one = expected.get(meanwhile, (1, 1))
    live.seen(lambda: live.drifts("item-30", "item-31") == pytest.approx([thirty, thirty_one]))


class Held:
    """Makes mirrors; the second reading, which tells what only the store can, does not end."""

    def __init__(self) -> None:
        self.readings = 0
        self.over = threading.Event()

    def __call__(self, model: ServedModel, start: MirrorStart) -> ToyMirror:
        self.readings += 1
        if self.readings > 1:
            self.over.wait(60)
            raise RuntimeError("its updater has ended")
        return ToyMirror(model, start)


@pytest.mark.parametrize(
    ("deed", "left"),
    [(a_deletion, [1, 1]), (an_erasure, [0, 0]), (events_taken_out, [0, 1]), (a_refund, [1, 0])],
)
def test_what_was_seen_but_not_read_before_the_end_is_owed_still(
    live: Live, deed: Callable[[Live], None], left: list[int]
) -> None:
    """Records that were published after it, and before the reading that tells it, do not settle it."""
    publish(live.releases, SHOP, 0)
    held = Held()
    live.start(held)
    live.post("item-30", EventType.PURCHASE)
    live.wait(live.post("item-31", EventType.PURCHASE))
    deed(live)
    wait_until(lambda: held.readings == 2)
    number = live.holder.serving().number
    if deed is a_refund:  # no event counts behind it
        an_item(live)
        live.seen(lambda: live.holder.serving().number > number)
    else:
        live.wait(live.post("item-33", user="v"))
    live.stop()
    held.over.set()
    made = Watched()
    live.start(made)
    live.wait(live.post("item-33", user="v"))
    assert made.went_on[0] is False
    live.seen(lambda: live.drifts("item-30", "item-31") == pytest.approx(left))


def test_everything_is_computed_soon_after(live: Live) -> None:
    """Without waiting for the stream to rest."""
    publish(live.releases, SHOP, 0)
    never = {"quiet_seconds": 3600.0, "whole_seconds": 3600.0}
    live.settings = load_settings(live.settings.home, {"update": FLAGS["update"] | never})
    live.start()
    live.wait(live.post("item-30"))
    live.stop()
    made = Watched()
    live.start(made)
    assert made.recomputed.wait(20)
    live.wait(live.post("item-30"))
    assert live.drift("item-30") == pytest.approx(2)


def test_started_again_it_works_on_for_a_while_first(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes most memory may be what the one before was killed for: until then events count."""
    publish(live.releases, SHOP, 0)
    live.start()
    live.wait(live.post("item-30"))
    live.stop()
    monkeypatch.setattr("service.live.updater.STEADY_SECONDS", 1.0)
    made = Watched()
    began = time.monotonic()
    live.start(made, restarts=2)
    live.wait(live.post("item-30"))
    assert made.recomputed.wait(20)
    assert time.monotonic() - began >= 2
    assert made.went_on == [True]


@pytest.mark.parametrize(
    ("deed", "left"), [(a_deletion, [1, 1]), (an_erasure, [0, 0]), (events_taken_out, [0, 1])]
)
def test_started_again_it_still_takes_out_at_once_what_is_to_be_gone(
    live: Live, deed: Callable[[Live], None], left: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what it computes for the answers' sake waits for the rest."""
    monkeypatch.setattr("service.live.updater.STEADY_SECONDS", 3600.0)
    publish(live.releases, SHOP, 0)
    live.start()
    live.post("item-30", EventType.PURCHASE)
    live.wait(live.post("item-31", EventType.PURCHASE))
    live.stop()
    made = Watched()
    live.start(made, restarts=1)
    live.wait(live.post("item-33", user="v"))
    deed(live)
    wait_until(lambda: len(made.starts) == 2)
    live.seen(lambda: live.drifts("item-30", "item-31") == pytest.approx(left))
    assert made.went_on == [True, False]


def test_the_rest_is_reckoned_from_the_start_of_the_process(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that lived long and opens its store anew was killed by nobody."""
    monkeypatch.setattr("service.live.updater.STEADY_SECONDS", 1.0)
    monkeypatch.setattr("service.live.updater.PATIENCE", 0)
    publish(live.releases, SHOP, 0)
    live.start()
    live.wait(live.post("item-30"))
    live.stop()
    made = Watched()
    live.start(made, restarts=5)
    live.wait(live.post("item-30"))
    assert made.recomputed.wait(20)
    again = threading.Event()
    rounds = Updater._round

    def fails_once(updater: Updater, *arguments: object) -> bool:
        if not again.is_set():
            again.set()
            made.recomputed.clear()
            raise StoreConflict("another process is writing")
        return rounds(updater, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Updater, "_round", fails_once)
    assert again.wait(20)
    began = time.monotonic()
    live.wait(live.post("item-30"))
    assert made.recomputed.wait(20)
    assert time.monotonic() - began < 5
    assert made.went_on == [True, True]


@pytest.mark.parametrize(
    ("changed", "goes_on"),
    [
        ({"update": {"caps": OFF | {"user_item": 1}}}, False),
        ({"update": {"freeze": ["item-31"]}}, False),
        ({"selection": {"max_user_events": 1}}, False),
        ({"update": {"poll_seconds": 0.01}}, True),
    ],
)
def test_rows_that_other_settings_made_are_not_gone_on_with(
    live: Live, changed: dict[str, dict[str, object]], goes_on: bool
) -> None:
    publish(live.releases, SHOP, 0)
    live.start()
    for _ in range(3):
        last = live.post("item-30")
    live.wait(last)
    live.stop()
    flags = changed | {"update": FLAGS["update"] | changed.get("update", {})}
    live.settings = load_settings(live.settings.home, flags)
    made = Watched()
    live.start(made)
    live.wait(live.post("item-33"))
    assert made.went_on[0] is goes_on


def test_with_too_many_events_since_everything_is_computed(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.live.left_rows.MOST_EVENTS", 3)
    publish(live.releases, SHOP, 0)
    live.start()
    live.wait(live.post("item-30"))
    live.stop()
    for _ in range(4):
        last = live.post("item-30")
    catching_up = Updater(live.settings, live.releases, None, ToyTexts())  # into the graph alone
    stopping = threading.Event()
    thread = threading.Thread(target=catching_up.run, args=(stopping,))
    thread.start()
    wait_until(lambda: live.store.applied_seq() == last)
    stopping.set()
    thread.join()
    made = Watched()
    live.start(made)
    live.wait(last)
    assert made.went_on == [False]
    assert live.drift("item-30") == pytest.approx(5)


def test_what_cannot_be_gone_on_with_is_told_and_everything_computed(
    live: Live, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    publish(live.releases, SHOP, 0)
    live.start()
    live.wait(live.post("item-30"))
    live.stop()

    def make(model: ServedModel, start: MirrorStart) -> ToyMirror:
        if start.handed_out:
            raise ValueError("rows of a larger catalogue")
        return ToyMirror(model, start)

    live.start(make)
    live.wait(live.post("item-30"))
    assert live.drift("item-30") == pytest.approx(2)
    assert folding.logger.name in {record.name for record in caplog.records}
    assert "cannot be gone on with" in caplog.text
    np.testing.assert_array_equal(live.vector("item-31"), SHOP.vectors[31])


def test_a_full_disk_is_not_taken_for_damaged_rows(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried again; computing everything would need the same disk, and more time and memory."""
    publish(live.releases, SHOP, 0)
    live.start()
    live.wait(live.post("item-30"))
    live.stop()
    prepare, full = SegmentWriter.prepare, [1]

    def fails(writer: SegmentWriter, record: FreshRecord) -> PreparedSegment:
        if full:
            full.pop()
            raise OSError(errno.ENOSPC, "the disk is full")
        return prepare(writer, record)

    monkeypatch.setattr(SegmentWriter, "prepare", fails)
    made = Watched()
    live.start(made)
    live.wait(live.post("item-30"))
    assert not full
    assert made.went_on == [True, True]
    assert live.drift("item-30") == pytest.approx(2)
