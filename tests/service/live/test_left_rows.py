"""An updater that goes on from what the one before it has left, and when it must not."""

import errno
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gnn.served_model import ServedModel
from graph.event_type import EventType
from service.live import folding
from service.live.fresh_record import FreshRecord
from service.live.fresh_segments import PreparedSegment, SegmentWriter
from service.live.mirror import MirrorStart
from service.live.updater import Updater
from service.settings import load_settings
from tests.service.live_deeds import (
    a_damaged_file,
    a_deletion,
    a_refund,
    an_erasure,
    an_event,
    an_item,
    another_release,
    events_taken_out,
    nothing,
)
from tests.service.live_home import FLAGS, OFF, SHOP, Live, ToyTexts
from tests.service.live_toys import ToyMirror
from tests.service.release_toys import publish
from tests.service.releases.test_release_holder import wait_until
from tests.service.watched_mirrors import Watched


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
