"""What an updater that goes on from left rows computes anew, and when."""

import threading
import time
from collections.abc import Callable

import pytest

from graph.errors import StoreConflict
from graph.event_type import EventType
from service.live.updater import Updater
from service.settings import load_settings
from tests.service.live_deeds import a_deletion, an_erasure, events_taken_out
from tests.service.live_home import FLAGS, SHOP, Live
from tests.service.release_toys import publish
from tests.service.releases.test_release_holder import wait_until
from tests.service.watched_mirrors import Watched


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
