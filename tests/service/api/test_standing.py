"""What the API tells of the live path, and what it refuses when that is too far behind."""

import os
import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from service.api import ApiLimits
from service.api.schemas import HealthShape, ReleasesShape
from service.change_log import UnfoldedRange
from service.live.updater_status import UpdaterStatus, write_status


def standing(applied: int, pid: int | None = None) -> UpdaterStatus:
    return UpdaterStatus(
        pid=os.getpid() if pid is None else pid,
        at=time.time(),
        applied_sequence=applied,
        visible_sequence=applied,
        release="r000001-abcdef",
        lag_seconds=1.5,
        figures={"damped_user": 3, "fold_seconds": 0.02},
    )


def test_events_are_refused_while_too_many_wait(make_api: Callable[..., Any]) -> None:
    reached = [2]
    limits = ApiLimits(lag_events=3)
    event = {"user_id": "u", "item_id": "i"}
    with make_api(updater=lambda: standing(reached[0]), limits=limits) as api:
        for number in range(4):
            body = {"events": [event | {"event_id": f"n{number}"}]}
            assert api.client.post("/v1/events", json=body).status_code == 200
        refused = api.client.post("/v1/events", json={"events": [event | {"event_id": "late"}]})
        assert refused.status_code == 429
        assert refused.json()["type"] == "urn:ilk:problem:too-far-behind"
        assert int(refused.headers["retry-after"]) > 0
        assert api.log.last_seq() == 6
        reached[0] = 6
        accepted = api.client.post("/v1/events", json={"events": [event | {"event_id": "late"}]})
        assert accepted.json()["results"][0]["status"] == "accepted"


def test_a_dead_updater_is_visible_and_answers_go_on(make_api: Callable[..., Any]) -> None:
    alive = [True]
    with make_api(updater=lambda: standing(2, None if alive[0] else 2**22 + 1)) as api:
        for up in (True, False):
            alive[0] = up
            ready = api.get("/health/ready")
            HealthShape.model_validate(ready)
            assert ready["updater"] == ("running" if up else "down")
            text = api.client.get("/metrics").text
            assert f"ilk_updater_up {float(up)}" in text
            assert 'ilk_updater_figures{name="damped_user"} 3.0' in text
            assert "ilk_lag_seconds 0.0" in text
            assert api.get("/v1/items/plain/similar")["results"]


def test_the_lag_grows_while_the_updater_stands_still(make_api: Callable[..., Any]) -> None:
    event = {"user_id": "u", "item_id": "i"}
    frozen = standing(2)
    with make_api(updater=lambda: frozen) as api:
        assert lag_seconds(api) == 0
        assert api.client.post("/v1/events", json={"events": [event]}).status_code == 200
        before = lag_seconds(api)
        time.sleep(0.05)
        assert lag_seconds(api) - before >= 0.05


def test_the_lag_of_a_dead_updater_outlives_the_server(make_api: Callable[..., Any]) -> None:
    """What it told last goes on being true of those of its events that do not count."""
    left = replace(standing(2, 2**22 + 1), sequence=4, lag_seconds=5.0, at=time.time() - 60)
    with make_api(updater=lambda: left) as api:
        assert lag_seconds(api) == 0  # the log was restored to before those events
        event = {"user_id": "u", "item_id": "i"}
        assert api.client.post("/v1/events", json={"events": [event]}).status_code == 200
        assert 65 <= lag_seconds(api) < 100


def test_the_status_tells_the_same_lag(make_api: Callable[..., Any], tmp_path: Path) -> None:
    """What the updater told last is that nothing waits; it stands still since."""
    frozen = replace(standing(2), lag_seconds=0.0, at=time.time() - 60)
    write_status(tmp_path / "live", frozen)
    with make_api(updater=lambda: frozen) as api:
        assert api.get("/v1/status")["updater"]["lag_seconds"] == 0
        event = {"user_id": "u", "item_id": "i"}
        assert api.client.post("/v1/events", json={"events": [event]}).status_code == 200
        told = [lag_seconds(api)]
        time.sleep(0.05)
        updater = api.get("/v1/status")["updater"]
        told += [updater["lag_seconds"], lag_seconds(api)]
        assert told[0] + 0.05 <= told[1] <= told[2]
        assert updater["visible_sequence"] == 2


def lag_seconds(api: Any) -> float:
    (told,) = re.findall(r"^ilk_lag_seconds (\S+)$", api.client.get("/metrics").text, re.M)
    return float(told)


def test_events_taken_out_are_shown_with_the_reason(make_api: Callable[..., Any]) -> None:
    taken = UnfoldedRange(3, 9, "worse on the newest events", "2026-01-01T00:00:00+00:00")
    with make_api(unfolded=lambda: [taken]) as api:
        listed = api.get("/v1/releases")
        ReleasesShape.model_validate(listed)
        assert listed["unfolded"][0]["reason"] == "worse on the newest events"
        assert "ilk_unfolded_ranges 1.0" in api.client.get("/metrics").text


@pytest.mark.parametrize(("free", "told"), [(123, "123.0"), (None, "NaN")])
def test_free_space_is_a_metric(make_api: Callable[..., Any], free: int | None, told: str) -> None:
    with make_api(free_bytes=lambda: free) as api:
        assert f"ilk_home_free_bytes {told}" in api.client.get("/metrics").text


def test_every_source_has_its_lag(make_api: Callable[..., Any]) -> None:
    sources = [
        {"name": "erp", "lag_seconds": 40.5, "pending": 2, "failures": 0},
        {"name": "feed", "lag_seconds": None, "pending": None, "failures": 3},
    ]
    with make_api(sources=lambda: sources) as api:
        text = api.client.get("/metrics").text
    assert 'ilk_source_lag_seconds{source="erp"} 40.5' in text
    assert 'ilk_source_lag_seconds{source="feed"} NaN' in text
    assert 'ilk_source_pending_files{source="erp"} 2.0' in text
    assert 'ilk_source_failures{source="feed"} 3.0' in text
