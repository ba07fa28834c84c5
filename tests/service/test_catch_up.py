"""The log into the graph, while others append to it."""

from pathlib import Path

import polars as pl
import pytest

from graph.event_type import EventType
from graph.interaction import Interaction
from graph.log import EventLog
from graph.memory_store import MemoryGraphStore
from graph.sqlite_log import SqliteLog
from graph.store import ApplyResult
from service.catch_up import catch_up
from service.errors import GraphAhead


def append(log: EventLog, number: int) -> int:
    event = Interaction(f"e{number}", "anna", f"item-{number}", EventType.VIEW_ITEM, 1_700_000_000_000_000)
    return log.append(Interaction.to_frame([event])).last_seq


class BusyShop(MemoryGraphStore):
    """A graph during whose every write another event comes."""

    def __init__(self, log: EventLog) -> None:
        super().__init__()
        self.log = log
        self.writes = 0

    def apply(self, events: pl.DataFrame, upto_seq: int) -> ApplyResult:
        self.writes += 1
        assert self.writes < 20, "never comes to an end"
        append(self.log, 1_000 + self.writes)
        return super().apply(events, upto_seq)


def test_it_ends_although_events_keep_coming(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "events.db")
    store = BusyShop(log)
    target = [append(log, number) for number in range(3)][-1]
    catch_up(log, store)
    assert target <= store.applied_seq() <= log.last_seq()
    assert store.writes == 1
    assert len(catch_up(log, store)) >= 1  # what came meanwhile is next
    log.close()


def test_a_graph_of_another_home_is_told_before_events_vanish(tmp_path: Path) -> None:
    """Numbers that the graph takes for known would be given out again, and their events never enter it."""
    ours, others = SqliteLog(tmp_path / "ours.db"), SqliteLog(tmp_path / "others.db")
    store = MemoryGraphStore()
    for number in range(3):
        append(others, number)
    catch_up(others, store)
    append(ours, 7)
    with pytest.raises(GraphAhead, match=r"up to number 3, .* ends at 1: they do not belong together"):
        catch_up(ours, store)
    assert store.applied_seq() == 3
