"""Log to answers, in one process: what the updater publishes and what a holder serves."""

import time
from collections.abc import Iterator

import numpy as np
import pytest

from gnn.served_model import ServedModel
from graph.errors import StoreConflict
from graph.event_type import EventType
from graph.item import Item
from graph.sqlite_store import SqliteGraphStore
from graph.store import EdgeBlock
from service.answering.shop_lookup import StoreLookup
from service.answering.similar_items import SimilarItemsService
from service.change_log import ChangeKind
from service.item_reviews import recorded
from service.live.fresh_segments import HEAL_NAME, segment_files
from service.live.mirror import MirrorStart
from service.live.updater_status import read_updater
from service.releases.holder import ReleaseHolder
from service.settings import ReviewSettings, load_settings
from tests.service.live_home import FLAGS, SHOP, Live
from tests.service.live_toys import STEP, ToyMirror
from tests.service.release_toys import ToyShop, publish
from tests.service.releases.test_release_holder import wait_until
from tests.service.watched_mirrors import HeldReadings


def test_an_event_moves_the_served_vectors_and_every_answer_says_so(live: Live) -> None:
    version = publish(live.releases, SHOP, 0)
    live.start()
    service = SimilarItemsService(live.holder.serving, StoreLookup(live.store))
    live.seen(lambda: live.holder.serving().number > 0)
    before = service.similar("plain")
    live.wait(live.post("plain"))
    after = service.similar("plain")
    assert live.drift("plain") == pytest.approx(1)
    assert (after.model_version, after.events_through) == (version, 1)
    assert after.index_version > before.index_version
    assert [row.score for row in after.results] != [row.score for row in before.results]
    release = live.holder.serving().release
    everything, _ = release.index.search(release.model.item_vectors()[:1], 40)
    exact = np.argsort(-release.model.item_vectors() @ release.model.item_vectors()[0], kind="stable")
    np.testing.assert_array_equal(everything[0], exact)


def test_what_was_logged_before_the_start_counts_and_late_holders_agree(live: Live) -> None:
    publish(live.releases, SHOP, 0)
    for _ in range(5):
        live.post("item-30")
    live.start()
    live.wait(5)
    last = live.post("item-31")
    live.wait(last)
    late = ReleaseHolder(live.releases, fresh=live.home.fresh)
    late.poll()
    assert late.serving().events_through == last
    np.testing.assert_array_equal(
        late.serving().release.model.item_vectors(), live.holder.serving().release.model.item_vectors()
    )
    live.stop()
    last = live.post("item-31")
    live.start()
    live.wait(last)
    assert live.drifts("item-30", "item-31") == pytest.approx([5, 2])


def test_items_that_arrive_are_among_others_neighbours(live: Live) -> None:
    publish(live.releases, SHOP, 0)
    live.start()
    live.seen(lambda: live.holder.serving().number > 0)
    live.store.upsert_items(Item.to_frame([Item("new", title="like 3")]))
    live.changes.note(ChangeKind.PUT, ["new"])
    service = SimilarItemsService(live.holder.serving, StoreLookup(live.store))
    own = float(SHOP.vectors[3] @ SHOP.vectors[3])

    def found() -> dict[str, float]:
        return {row.item_id: row.score for row in service.similar(SHOP.ids[3], 40).results}

    live.seen(lambda: found().get("new") == pytest.approx(own))
    assert service.similar("new", 40).results[0].score >= own - 1e-4
    last = live.post("from an event alone")
    live.wait(last)
    assert live.holder.serving().release.items.index_of("from an event alone") == 41
    live.store.delete_item("new")
    live.changes.note(ChangeKind.DELETED, ["new"])
    live.seen(lambda: live.holder.serving().release.items.index_of("new") is None)
    assert "new" not in found()


def test_refunds_and_events_taken_out_stop_counting(live: Live) -> None:
    publish(live.releases, SHOP, 0)
    live.start()
    live.post("item-30", EventType.PURCHASE)
    live.wait(live.post("item-31", EventType.PURCHASE))
    live.wait(live.post("item-30", EventType.REFUND))
    assert live.drifts("item-30", "item-31") == pytest.approx([0, 1])
    first = live.post("item-32")
    live.wait(live.post("item-33"))
    live.changes.unfold(first, first, "poison")
    live.seen(lambda: live.drift("item-32") == pytest.approx(0))
    assert live.drift("item-33") == pytest.approx(1)
    assert live.holder.serving().events_through == first + 1
    live.changes.fold_again(first, first)
    live.seen(lambda: live.drift("item-32") == pytest.approx(1))


def test_a_switch_waits_until_newer_events_are_in_and_never_goes_back_in_time(live: Live) -> None:
    first = publish(live.releases, SHOP, 0)
    live.start()
    last = live.post("item-30")
    live.wait(last)
    second = publish(live.releases, ToyShop(seed=5), 0)
    through = []
    while live.holder.serving().release.version == first:
        live.holder.poll()
        through.append(live.holder.serving().events_through)
        time.sleep(0.001)
    assert min(through) >= last
    moved = live.vector("item-30") - ToyShop(seed=5).vectors[30]
    assert float(moved.mean() / STEP) == pytest.approx(1)
    assert live.releases.rollback() == first
    live.seen(lambda: live.holder.serving().release.version == first)
    assert live.holder.serving().events_through >= last
    assert live.drift("item-30") == pytest.approx(1)
    live.seen(lambda: second not in {path.name for path in live.home.fresh.iterdir()})


def test_events_count_once_while_another_release_of_the_same_events_is_followed(live: Live) -> None:
    """They go to the old one until the new one's rows could be read; none is left out or taken twice."""
    first = publish(live.releases, SHOP, 0)
    live.start()
    last = live.post("item-30")
    live.wait(last)
    publish(live.releases, ToyShop(seed=5), 0)
    through = [last]
    while live.holder.serving().release.version == first:
        last = live.post("item-30")
        deadline = time.monotonic() + 0.5
        while live.holder.serving().events_through < last and time.monotonic() < deadline:
            live.holder.poll(wait=False)
            time.sleep(0.001)
        through.append(live.holder.serving().events_through)
    live.wait(last)
    assert through == sorted(through)
    moved = live.vector("item-30") - ToyShop(seed=5).vectors[30]
    assert float(moved.mean() / STEP) == pytest.approx(last)


def test_without_an_updater_a_switch_comes_late_but_comes(live: Live) -> None:
    publish(live.releases, SHOP, 0)
    live.start()
    live.wait(live.post("item-30"))
    live.stop()
    hasty = ReleaseHolder(live.releases, fresh=live.home.fresh, switch_seconds=0.05)
    hasty.poll()
    second = publish(live.releases, SHOP, 0)
    wait_until(lambda: (hasty.poll(), hasty.serving().release.version == second)[1])
    assert hasty.serving().events_through == 0


def test_events_count_while_everything_is_read_anew(live: Live) -> None:
    """What a deletion leaves behind is told by a reading; it is held up here until an event was answered."""
    publish(live.releases, SHOP, 0)
    readings = HeldReadings()
    live.start(readings)
    live.wait(live.post("item-30"))
    live.wait(live.post("item-31"))
    live.store.delete_item("item-31")
    live.changes.note(ChangeKind.DELETED, ["item-31"])
    wait_until(lambda: readings.begun == 2)
    live.wait(last := live.post("item-30"))
    assert live.drift("item-30") == pytest.approx(2)
    number = live.holder.serving().number
    readings.may_end.set()
    live.seen(
        lambda: (told := read_updater(live.home.fresh)) is not None and told.figures.get("reloads") == 1
    )
    live.seen(lambda: live.holder.serving().number > number)
    assert live.holder.serving().events_through == last
    assert live.drift("item-30") == pytest.approx(2)


def test_a_damaged_record_is_replaced_on_request(live: Live) -> None:
    publish(live.releases, SHOP, 0)
    live.start()
    live.wait(live.post("item-30"))
    live.wait(live.post("item-30"))
    folder = live.home.fresh / live.holder.serving().release.version
    (number, path), *_ = segment_files(folder).items()
    with path.open("r+b") as out:
        out.seek(path.stat().st_size - 10)
        out.write(b"xxxxxxxxxx")
    late = ReleaseHolder(live.releases, fresh=live.home.fresh)
    wait_until(lambda: (late.poll(), max(segment_files(folder), default=0) > number)[1])
    wait_until(lambda: (late.poll(), late.serving().events_through == 2)[1])
    wait_until(lambda: not (live.home.fresh / HEAL_NAME).exists())


def test_the_updater_tells_how_it_stands(live: Live) -> None:
    publish(live.releases, SHOP, 0)
    live.start()
    last = live.post("item-30")
    wait_until(lambda: (told := read_updater(live.home.fresh)) is not None and told.reached == last)
    told = read_updater(live.home.fresh)
    assert told is not None
    assert told.alive
    assert told.release == live.releases.current_version()
    assert told.lag_seconds == 0
    assert told.figures["damped_events"] == 0


def test_that_events_count_is_told_at_once(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever starts updaters again knows from it that this one had worked."""
    monkeypatch.setattr("service.live.updater.STATUS_SECONDS", 3600.0)
    publish(live.releases, SHOP, 0)
    last = live.post("item-30")
    live.start()
    wait_until(lambda: (told := read_updater(live.home.fresh)) is not None and told.reached == last)


def test_a_store_that_fails_for_a_moment_costs_no_reading(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mirror goes on from where it was, whatever the failed round was about."""
    publish(live.releases, SHOP, 0)
    made = 0

    def make(model: ServedModel, start: MirrorStart) -> ToyMirror:
        nonlocal made
        made += 1
        return ToyMirror(model, start)

    live.start(make)
    live.wait(live.post("item-30"))
    export, failing = SqliteGraphStore.export, [1, 1]

    def fails(store: SqliteGraphStore, *arguments: int) -> Iterator[EdgeBlock]:
        if failing:
            failing.pop()
            raise StoreConflict("another process is writing")
        return export(store, *arguments)

    monkeypatch.setattr(SqliteGraphStore, "export", fails)
    live.wait(live.post("item-30"))
    assert not failing
    assert live.drift("item-30") == pytest.approx(2)
    assert made == 1


def test_a_store_that_is_down_delays_events_and_loses_none(
    live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    """Events are accepted by the log meanwhile, the status says why they wait, and it recovers by itself."""
    publish(live.releases, SHOP, 0)
    live.start()
    live.wait(live.post("item-30"))
    live.stop()
    graph, away = live.home.graph, live.home.root / "away"
    live.store.close()
    away.mkdir()
    for path in graph.parent.glob(f"{graph.name}*"):
        path.rename(away / path.name)
    graph.mkdir()  # what cannot be opened as a file
    live.start()
    last = [live.post("item-30") for _ in range(3)][-1]
    wait_until(lambda: (told := read_updater(live.home.fresh)) is not None and told.trouble is not None)
    told = read_updater(live.home.fresh)
    assert told is not None
    assert told.trouble is not None
    assert "cannot be opened" in told.trouble
    assert told.cause == "the graph store is out of reach"
    assert told.carried
    assert (told.reached, told.release) == (1, live.releases.current_version())
    live.holder.poll()
    assert live.holder.serving().events_through < last
    graph.rmdir()
    for path in away.iterdir():
        path.rename(graph.parent / path.name)
    live.wait(last)
    assert live.drift("item-30") == pytest.approx(4)
    wait_until(lambda: (told := read_updater(live.home.fresh)) is not None and told.trouble is None)
    told = read_updater(live.home.fresh)
    assert told is not None
    assert not told.carried
    lines = [one.getMessage() for one in caplog.records if one.name == "service.live.updater"]
    assert [line.startswith("the answers are behind the event log") for line in lines] == [True, False]
    assert lines[1].startswith("the trouble is over after")


def test_a_review_changes_the_text_of_its_item_until_its_writer_is_erased(live: Live) -> None:
    told_by = recorded(ReviewSettings(share=0.3))  # the settings of now say that reviews count nothing
    live.releases.publish(live.releases.write(SHOP.draft(0, config=told_by)))
    live.start()
    live.seen(lambda: live.holder.serving().number > 0)
    live.wait(live.post("item-30", EventType.REVIEW, "writer", "like 7"))
    told = SHOP.vectors[7] + STEP
    live.seen(lambda: np.allclose(live.vector("item-30"), told))
    live.stop()
    live.start()  # what was written before the start counts as well
    live.wait(live.post("item-31"))
    live.seen(lambda: np.allclose(live.vector("item-30"), told))
    live.log.erase_user("writer")
    live.store.delete_user("writer")
    live.changes.note(ChangeKind.RELOAD)
    live.seen(lambda: np.allclose(live.vector("item-30"), SHOP.vectors[30]))


def test_reviews_that_are_no_part_of_the_releases_texts_change_none(live: Live) -> None:
    reviews = {"encoder": {"reviews": {"share": 0.3}}}  # for the next refresh, behind its gate
    live.settings = load_settings(live.settings.home, {**FLAGS, **reviews})
    publish(live.releases, SHOP, 0)
    live.start()
    live.wait(live.post("item-30", EventType.REVIEW, "writer", "like 7"))
    live.wait(live.post("item-31"))
    assert live.drifts("item-30", "item-31") == pytest.approx([1, 1])
