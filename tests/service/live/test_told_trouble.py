"""The updater's trouble in the log: at its beginning, change, every few minutes and at its end."""

import logging

import pytest

from service.live.told_trouble import AGAIN_SECONDS, ToldTrouble


def test_a_trouble_is_told_when_it_begins_changes_lasts_and_ends(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    told = ToldTrouble(logging.getLogger("service.live.updater"))

    def lines(trouble: str | None) -> list[str]:
        caplog.clear()
        told.end() if trouble is None else told.meet(trouble)
        return [record.getMessage() for record in caplog.records]

    assert lines(None) == []
    assert lines("away") == ["the answers are behind the event log: away; trying again"]
    now[0] += 1
    assert lines("away") == []
    assert lines("full") == ["the answers are behind the event log: full; trying again (met 3 times in 1 s)"]
    now[0] += AGAIN_SECONDS - 1
    assert lines("full") == []
    now[0] += 1
    assert lines("full") == [
        "the answers are behind the event log: full; trying again (met 5 times in 301 s)"
    ]
    assert lines("full") == []
    assert lines(None) == ["the trouble is over after 301 s, met 6 times; last: full"]
    assert lines(None) == []
    assert lines("full") == ["the answers are behind the event log: full; trying again"]
