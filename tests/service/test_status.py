"""`ilk status` says so where graph and event log do not belong together."""

from pathlib import Path

from graph.event_type import EventType
from graph.interaction import Interaction
from graph.memory_store import MemoryGraphStore
from graph.sqlite_log import SqliteLog
from service.catch_up import catch_up
from service.releases.store import ReleaseStore
from service.status import status_of


def test_a_graph_that_is_ahead_of_the_log_is_a_problem(tmp_path: Path) -> None:
    whole, cut = SqliteLog(tmp_path / "whole.db"), SqliteLog(tmp_path / "cut.db")
    store, releases = MemoryGraphStore(), ReleaseStore(tmp_path / "releases")
    for number in range(3):
        event = Interaction(f"e{number}", "anna", "hat", EventType.VIEW_ITEM, at=1_700_000_000_000_000)
        whole.append(Interaction.to_frame([event]))
    catch_up(whole, store)
    assert status_of(whole, store, releases)["problem"] is None
    told = status_of(cut, store, releases)
    assert (told["sequence"], told["applied_sequence"]) == (0, 3)
    assert "do not belong together" in told["problem"]
    assert "use an empty database" in told["problem"]
    whole.close()
    cut.close()
