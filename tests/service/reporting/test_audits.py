"""What the audits of a refresh count, on events whose faults are known."""

import json
from pathlib import Path

import numpy as np

from service.home import Home
from service.reporting.abuse_audit import audit_abuse
from service.reporting.cleaning import cleaning_counts
from service.reporting.graph_audit import _in_circles
from service.reporting.history import append_history, history_path, read_history

DAY = 86_400_000_000


def test_a_machine_is_told_from_shoppers() -> None:
    rng = np.random.default_rng(0)
    user, item = rng.integers(0, 300, 3000), rng.integers(0, 50, 3000)
    at = rng.integers(0, 90 * DAY, 3000)
    calm = audit_abuse(user, item, at, [f"i{n}" for n in range(52)])
    assert (calm.fast_users, calm.heavy_users) == (0, 0)
    assert (calm.items_by_one_user_count, calm.items_in_one_hour_count) == (0, 0)
    robot = np.full(80, 300)  # 80 events on one item within a minute
    crowd = np.arange(40)  # forty people at the same item within an hour
    found = audit_abuse(
        np.r_[user, robot, crowd],
        np.r_[item, np.full(80, 50), np.full(40, 51)],
        np.r_[at, DAY + np.arange(80) * 1000, 2 * DAY + np.arange(40) * 60_000_000],
        [f"i{n}" for n in range(52)],
    )
    assert (found.fast_users, found.fastest_minute) == (1, 80)
    assert found.heavy_users == 1
    assert found.heavy_share == round(80 / 3120, 4)
    assert found.items_by_one_user == ["i50"]
    assert found.items_in_one_hour == ["i50", "i51"]
    assert "300" not in json.dumps(found.to_json())


def test_no_events_no_abuse() -> None:
    nothing = np.empty(0, np.int64)
    assert audit_abuse(nothing, nothing, nothing, ["a"]).fastest_minute == 0


def test_categories_in_a_circle() -> None:
    #                   0   1  2  3  4  5
    parent = np.array([-1, 0, 1, 5, 3, 4])
    assert _in_circles(parent).tolist() == [False, False, False, True, True, True]
    chain = np.arange(-1, 999)
    assert not _in_circles(chain).any()
    assert not _in_circles(np.empty(0, np.int64)).any()


def test_history_survives_a_torn_line(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert read_history(home) == []
    append_history(home, {"release": "a"})
    with history_path(home).open("a") as out:
        out.write('{"release": "b", "sta')
    append_history(home, {"release": "c"})
    assert [record["release"] for record in read_history(home)] == ["a", "c"]
    assert [record["release"] for record in read_history(home, newest=1)] == ["c"]


def test_cleaning_adds_up_over_loads(tmp_path: Path) -> None:
    assert cleaning_counts(tmp_path / "none") == []
    rows = [("rejected", "bad_json", 1), ("repaired", "time_zone", 5), ("rejected", "bad_json", 2)]
    for number, (outcome, reason, count) in enumerate(rows):
        line = {"file": "f", "line": 1, "rows": count, "reason": reason, "outcome": outcome, "excerpt": "x"}
        (tmp_path / f"{number}.jsonl").write_text(json.dumps(line) + "\n", "utf-8")
    assert cleaning_counts(tmp_path) == [
        {"outcome": "repaired", "reason": "time_zone", "rows": 5},
        {"outcome": "rejected", "reason": "bad_json", "rows": 3},
    ]
