"""For how long events wait: as looks at the log and at what counts tell."""

import time
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from service.api import waiting_events
from service.api.waiting_events import MOST_SIGHTINGS, WaitingEvents, counted_through
from service.live.updater_status import UpdaterStatus
from service.releases.holder import Serving

UPDATER = UpdaterStatus(applied_sequence=7, visible_sequence=5, release="r")
SERVING = cast("Serving", SimpleNamespace(events_through=6))


class Clock:
    """Time that stands still until it is told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(waiting_events, "time", made)
    return made


def test_the_oldest_event_that_does_not_count_is_reckoned(clock: Clock) -> None:
    waiting, told = WaitingEvents(), []
    for last, counted in ((3, 3), (5, 3), (9, 3), (9, 4), (9, 5), (12, 9), (12, 12), (13, 12)):
        told.append(waiting.look(last, counted))
        clock.now += 1
    assert told == [0, 0, 1, 2, 2, 0, 0, 0]


def test_an_updater_that_stands_still_makes_the_lag_no_smaller(clock: Clock) -> None:
    waiting = WaitingEvents()
    for second in range(3 * MOST_SIGHTINGS):
        assert waiting.look(second + 1, 0) == second
        clock.now += 1
    assert len(waiting._seen) <= MOST_SIGHTINGS
    late = 2 * MOST_SIGHTINGS  # where two looks were put together, an event is reckoned older, never younger
    assert MOST_SIGHTINGS <= waiting.look(4 * MOST_SIGHTINGS, late) <= MOST_SIGHTINGS + 4
    assert waiting.look(4 * MOST_SIGHTINGS, 4 * MOST_SIGHTINGS) == 0


def test_a_log_that_goes_back_is_begun_anew(clock: Clock) -> None:
    waiting = WaitingEvents()
    waiting.look(9, 5)
    clock.now += 10
    assert waiting.look(5, 5) == 0
    assert waiting.look(7, 5) == 0


@pytest.mark.parametrize(
    ("sequence", "at", "expected"),
    [
        (9, 940.0, 62.0),  # it knew of them, told that they waited for 2 s, and has told nothing for a minute
        (4, 940.0, 0.0),  # all that it knew of counts: what waits came later
        (9, 1000.0, 2.0),
        (9, 2000.0, 2.0),  # the clock was set back
    ],
)
def test_what_the_updater_told_last_is_remembered(
    clock: Clock, sequence: int, at: float, expected: float
) -> None:
    updater = replace(UPDATER, sequence=sequence, at=at, lag_seconds=2.0)
    assert WaitingEvents().look(9, 4, updater) == expected


@pytest.mark.parametrize(
    ("serving", "updater", "expected"),
    [
        (SERVING, UPDATER, 6),  # what this worker's answers count, whatever the updater has handed out
        (SERVING, replace(UPDATER, release=None), 7),  # answers change with a refresh: the graph counts
        (None, UPDATER, 5),
        (SERVING, None, 6),
        (None, None, 0),
    ],
)
def test_what_counts_is_what_can(
    serving: Serving | None, updater: UpdaterStatus | None, expected: int
) -> None:
    assert counted_through(serving, updater) == expected


def test_a_look_costs_next_to_nothing() -> None:
    waiting, begun = WaitingEvents(), time.process_time()
    for last in range(10_000):
        waiting.look(last, 0)
    assert time.process_time() - begun < 1.0  # some microseconds each
