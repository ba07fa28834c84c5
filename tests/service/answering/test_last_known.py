"""A store that is away when it is opened or while it is asked: one looks whether it is back."""

import threading
import time

import pytest

from graph.errors import SchemaMismatch, StoreUnavailable
from graph.store import StoreHealth
from service.answering.last_known import LastKnownShop
from service.store_standing import StoreStanding
from tests.service.moving_store import MovingStore


@pytest.fixture
def store() -> MovingStore:
    return MovingStore()


def test_a_store_that_is_away_at_the_start_is_opened_before_anybody_asks_it(store: MovingStore) -> None:
    store.away = True
    shop = LastKnownShop(store, lambda: pytest.fail("nobody asks"), lambda _: set(), retry_seconds=0.02)
    shop.open()
    with pytest.raises(StoreUnavailable, match="out of reach"):
        shop.reached()
    assert store.ensured == 0
    store.away = False
    until_reached(shop)
    assert store.ensured == 1
    shop.close()


def test_a_store_whose_schema_others_make_meanwhile_is_asked_again(
    store: MovingStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.conflicts = 3
    shop = LastKnownShop(store, lambda: pytest.fail("nobody asks"), lambda _: set(), retry_seconds=0.02)
    shop.open()
    with pytest.raises(StoreUnavailable, match="out of reach"):
        shop.reached()
    until_reached(shop)
    assert (store.conflicts, store.ensured) == (0, 1)
    assert "not used" not in caplog.text, "it is ours"
    shop.close()


def test_the_end_does_not_wait_for_a_store_that_is_being_opened(
    store: MovingStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Neo4j's schema is tried for two minutes."""
    asked, answered = threading.Event(), threading.Event()

    def opened_at_last() -> None:
        asked.set()
        answered.wait(30)
        raise ValueError("closed meanwhile")

    monkeypatch.setattr("service.answering.last_known.CLOSE_SECONDS", 0.1)
    store.away = True
    shop = LastKnownShop(store, lambda: pytest.fail("nobody asks"), lambda _: set(), retry_seconds=0.01)
    shop.open()
    monkeypatch.setattr(store, "ensure_schema", opened_at_last)
    assert asked.wait(10)
    begun = time.monotonic()
    shop.close()
    assert time.monotonic() - begun < 10
    answered.set()
    watch = shop._watch
    assert watch is not None
    watch.join(10)
    assert not watch.is_alive()
    assert "failed" not in caplog.text


def test_a_store_that_turns_out_to_be_anothers_is_not_used(
    store: MovingStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.away, store.others = True, True
    shop = LastKnownShop(store, lambda: pytest.fail("nobody asks"), lambda _: set(), retry_seconds=0.01)
    shop.open()
    store.away = False
    deadline = time.monotonic() + 10
    while "another home's" not in caplog.text:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.1)
    with pytest.raises(StoreUnavailable):
        shop.reached()
    assert caplog.text.count("another home's") == 1
    store.others = False
    until_reached(shop)
    shop.close()
    store.others = True
    with pytest.raises(SchemaMismatch):
        LastKnownShop(store, lambda: pytest.fail("nobody asks"), lambda _: set()).open()


class Halved(MovingStore):
    """Tells its counts and then nothing; or nothing at all."""

    looked = 0

    def health(self) -> StoreHealth:
        self.looked += 1
        return StoreHealth(False, "memory", "1", "bolt://127.0.0.1:1 does not answer")


@pytest.mark.parametrize(("away", "looked"), [(False, 1), (True, 0)])
def test_a_store_that_goes_away_between_two_questions_is_away(away: bool, looked: int) -> None:
    store = Halved()
    store.away = away
    shop = LastKnownShop(store, lambda: pytest.fail("nobody asks"), lambda _: set(), retry_seconds=60.0)
    standing = StoreStanding(store, shop.asking, "memory").look()
    assert store.looked == looked, "it is not asked again where it has just not answered"
    assert standing.health == StoreHealth(False, "memory", "", "the graph store is out of reach")
    assert standing.stats is None
    with pytest.raises(StoreUnavailable):
        shop.reached()
    shop.close()


def until_reached(shop: LastKnownShop) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            return shop.reached()
        except StoreUnavailable:
            assert time.monotonic() < deadline, "nobody looked whether the store is back"
            time.sleep(0.01)
