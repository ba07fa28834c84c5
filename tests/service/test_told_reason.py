"""A reason is told when it is news."""

import pytest

from service.told_reason import AGAIN_SECONDS, ToldReason


def test_a_reason_is_told_once_and_again_when_it_changes_comes_back_or_is_an_hour_old(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    reason = ToldReason()
    assert [reason.is_news(one) for one in ("a", "a", "b", "b", "a")] == [True, False, True, False, True]
    reason.is_over()
    assert reason.is_news("a")
    now[0] += AGAIN_SECONDS - 1
    assert not reason.is_news("a")
    now[0] += 1
    assert reason.is_news("a")
    assert not reason.is_news("a")
