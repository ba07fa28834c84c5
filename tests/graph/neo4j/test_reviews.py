"""Review texts stay in the event log unless the graph is told to keep them."""

from pathlib import Path

import pytest

from graph.sqlite_log import SqliteLog
from tests.graph.events import event, frame
from tests.graph.neo4j.conftest import Cypher
from tests.graph.neo4j.database import empty_store

pytestmark = pytest.mark.neo4j

EVENTS = (
    event("1", "anna", "hat", "review", at=5, rating=4.0, review_text="fine", helpful=6),
    event("2", "bob", "mug", "review", at=6, review_text="broken"),
    event("3", "anna", "mug", "review", at=7, rating=1.0),
    event("4", "cora", "hat", "review", at=8, review_text="mine"),
)


def test_texts_come_from_the_log_and_follow_erasure(tmp_path: Path, cypher: Cypher) -> None:
    log = SqliteLog(tmp_path / "log.sqlite")
    store = empty_store(keep_review_texts=False, log=log)
    store.ensure_schema()
    log.append(frame(*EVENTS))
    store.apply(log.read(0), 4)
    assert store.review_texts().rows() == [
        (1, 0, 4.0, 5, "fine", 6),
        (2, 1, None, 6, "broken", None),
        (4, 0, None, 8, "mine", None),
    ]
    assert store.review_texts(since=1)["seq"].to_list() == [2, 4]
    assert cypher("MATCH ()-[e]->() WHERE e.helpful IS NOT NULL RETURN e.helpful AS votes") == [{"votes": 6}]
    assert cypher("MATCH ()-[e]->() WHERE e.reviewText IS NOT NULL RETURN e") == []
    store.delete_item("mug")
    store.delete_user("cora")
    assert store.review_texts()["seq"].to_list() == [1]
    store.delete_item("hat")
    assert store.review_texts().is_empty()
    store.close()
    log.close()


def test_without_a_log_there_are_none_and_it_is_said(caplog: pytest.LogCaptureFixture) -> None:
    store = empty_store(keep_review_texts=False)
    store.ensure_schema()
    numbered = frame(*EVENTS).with_row_index("seq", 1).cast({"seq": int})
    store.apply(numbered, 4)
    assert store.review_texts().is_empty()
    assert "review texts" in caplog.text
    store.close()
