"""The alert rules name metrics that the service has, and fire."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.api.metrics import Metrics
from service.schedule_state import JobState

FOLDER = Path(__file__).parents[2] / "deploy/prometheus"
RULES: list[dict[str, Any]] = yaml.safe_load((FOLDER / "ilk-alerts.yml").read_text("utf-8"))["groups"][0][
    "rules"
]


def test_every_metric_that_is_named_exists() -> None:
    metrics = Metrics()
    metrics.show_schedule({"refresh": JobState()})
    known = set(re.findall(r"^# TYPE (\w+)", metrics.render().decode(), re.M))
    named = {name for rule in RULES for name in re.findall(r"\bilk_\w+", rule["expr"])}
    assert {"ilk_lag_seconds", "ilk_http_errors_total"} <= named <= known


def test_every_alert_has_a_test() -> None:
    tested = set(re.findall(r'alertname="(\w+)"', (FOLDER / "ilk-alerts.test.yml").read_text("utf-8")))
    assert tested == {rule["alert"] for rule in RULES}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="NO promtool: apt-get install prometheus")
def test_the_alerts_fire() -> None:
    command = ["promtool", "test", "rules", "ilk-alerts.test.yml"]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
