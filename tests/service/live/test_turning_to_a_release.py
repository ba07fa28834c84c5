"""Another release begins to serve while what the updater knows has to be read anew."""

import threading
import time
from collections.abc import Callable

import pytest

from gnn.served_model import ServedModel
from graph.event_type import EventType
from service.change_log import ChangeKind
from service.live.fresh_segments import segment_files
from service.live.updater_status import read_updater
from service.releases.holder import ReleaseHolder
from tests.service.live_home import SHOP, Live
from tests.service.live_toys import STEP, ToyMirror, ToyRecomputation
from tests.service.release_toys import ToyShop, publish
from tests.service.releases.test_release_holder import wait_until
from tests.service.watched_mirrors import HeldReadings

OTHER = ToyShop(seed=5)


def refunded(live: Live) -> None:
    live.post("item-30", EventType.REFUND)


def deleted(live: Live) -> None:
    live.store.delete_item("item-33")
    live.changes.note(ChangeKind.DELETED, ["item-33"])


def other_release(live: Live) -> str:
    """Let another release be the current one, and wait until the way to it has begun."""
    live.post("item-30", EventType.PURCHASE)
    live.wait(live.post("item-31", EventType.PURCHASE))
    second = publish(live.releases, OTHER, 0)
    wait_until(lambda: bool(segment_files(live.home.fresh / second)))
    assert followed(live) != second
    return second


def followed(live: Live) -> str | None:
    told = read_updater(live.home.fresh)
    return None if told is None else told.release


def drift(live: Live, item: str) -> float:
    """Steps that an item moved from where the other release has it."""
    return float(((live.vector(item) - OTHER.vectors[SHOP.ids.index(item)]) / STEP).mean())


def served_until(live: Live, second: str) -> None:
    """Until the other release serves with everything in it; never with less than before."""
    through = [live.holder.serving().events_through]

    def reached() -> bool:
        live.holder.poll(wait=False)
        serving = live.holder.serving()
        through.append(serving.events_through)
        return serving.release.version == second and serving.events_through == live.log.last_seq()

    wait_until(reached)
    assert through == sorted(through)
    wait_until(lambda: followed(live) == second)
    wait_until(lambda: {path.name for path in live.home.fresh.iterdir() if path.is_dir()} == {second})


@pytest.mark.parametrize("what", [refunded, deleted])
def test_what_asks_for_a_reading_on_the_way_to_a_release_does_not_keep_the_updater_from_it(
    live: Live, what: Callable[[Live], None]
) -> None:
    publish(live.releases, SHOP, 0)
    live.start()
    second = other_release(live)
    what(live)
    live.post("item-34")
    served_until(live, second)
    expected = [0 if what is refunded else 1, 1, 1]
    assert [drift(live, item) for item in ("item-30", "item-31", "item-34")] == pytest.approx(expected)
    live.wait(live.post("item-34"))
    assert drift(live, "item-34") == pytest.approx(2)
    assert (live.holder.serving().release.items.index_of("item-33") is None) == (what is deleted)


def test_a_reading_that_ends_after_the_way_to_a_release_is_one_for_that_release(live: Live) -> None:
    publish(live.releases, SHOP, 0)
    readings = HeldReadings()
    live.start(readings)
    second = other_release(live)
    refunded(live)
    wait_until(lambda: readings.begun == 2)
    time.sleep(1.5)  # longer than the way takes
    readings.may_end.set()
    live.post("item-34")
    served_until(live, second)
    assert [drift(live, item) for item in ("item-30", "item-34")] == pytest.approx([0, 1])
    assert readings.begun == 2


def test_one_index_version_is_one_state_of_the_answers(live: Live) -> None:
    """To a worker, too, that took the release before there was a file of its rows."""
    publish(live.releases, SHOP, 0)
    may_follow = threading.Event()

    class Held(ToyMirror):
        def succession(self, model: ServedModel, through: int) -> ToyRecomputation | None:
            assert may_follow.wait(20)
            return super().succession(model, through)

    live.start(Held)
    live.wait(live.post("item-30"))
    second = publish(live.releases, OTHER, 0)
    young = ReleaseHolder(live.releases, fresh=live.home.fresh)
    young.poll()
    assert young.serving().index_version == second, "no rows yet"
    may_follow.set()
    states: dict[str, set[tuple[int, float]]] = {}

    def settled() -> bool:
        serving = young.serving()
        state = serving.events_through, float(serving.release.model.item_vectors()[30].mean())
        states.setdefault(serving.index_version, set()).add(state)
        young.poll(wait=False)
        return followed(live) == second and serving.number >= 2

    wait_until(settled)
    assert {version: len(seen) for version, seen in states.items()} == dict.fromkeys(states, 1)
    assert f"{second}.1" in states, "what is revealed before"
