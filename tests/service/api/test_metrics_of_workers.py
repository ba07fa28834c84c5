"""What `/metrics` says when several workers wrote into it, each at its time."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.api.worker_gauges import EVERY_SECONDS

WORKER = """
import sys
import time
from collections.abc import Callable
from service.api.metrics import Metrics
from service.nightly.schedule_state import JobState
from service.reporting.gate_standing import GateStanding
metrics = Metrics()
rejections, next_run, lag = sys.argv[1:]
metrics.home.show_gate(GateStanding(int(rejections), 0, None))
metrics.home.show_schedule({"refresh": JobState(next_run=float(next_run))})
metrics.show_serving(None, int(lag), float(lag) / 2)
sys.stdout.write(metrics.render().decode())
sys.stdout.flush()
sys.stdin.read()
"""


@pytest.fixture
def figures(tmp_path: Path) -> dict[str, float]:
    """As a second worker renders them, while a first one that wrote before it still lives."""
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}

    def worker(*figures: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", WORKER, *figures],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    with worker("3", "900", "70") as first:
        assert first.stdout is not None
        assert first.stdout.readline()  # it has written
        with worker("0", "100", "5") as second:
            rendered, _ = second.communicate()
        first.communicate()
    lines = (line.rsplit(" ", 1) for line in rendered.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in lines}


def test_the_newest_word_about_the_home_counts(figures: dict[str, float]) -> None:
    assert figures['ilk_gate_rejections{kind="refresh"}'] == 0
    assert figures['ilk_schedule_next_run_timestamp_seconds{job="refresh"}'] == 100


def test_the_slowest_worker_counts_where_each_has_its_own(figures: dict[str, float]) -> None:
    assert figures["ilk_lag_events"] == 70
    assert figures["ilk_lag_seconds"] == 35


def test_a_worker_keeps_its_gauges_true_without_being_looked_at(make_api: Callable[..., Any]) -> None:
    asked: list[float] = []

    def last_sequence() -> int:
        asked.append(time.monotonic())
        return 7

    with make_api(last_sequence=last_sequence):
        deadline = time.monotonic() + 10 * EVERY_SECONDS
        while len(asked) < 2:
            assert time.monotonic() < deadline, "nobody brings them up to date"
            time.sleep(0.05)
