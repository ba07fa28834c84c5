"""The alert rules and the dashboard name metrics that the service has; the alerts fire."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.api.metrics import Metrics
from service.nightly.schedule_state import JobState

FOLDER = Path(__file__).parents[2] / "deploy/prometheus"
RULES: list[dict[str, Any]] = yaml.safe_load((FOLDER / "ilk-alerts.yml").read_text("utf-8"))["groups"][0][
    "rules"
]


DASHBOARD: dict[str, Any] = json.loads((FOLDER.parent / "grafana/ilk-dashboard.json").read_text("utf-8"))


def metrics_that_exist() -> set[str]:
    metrics = Metrics()
    metrics.home.show_schedule({"refresh": JobState()})
    return set(re.findall(r"^# TYPE (\w+)", metrics.render().decode(), re.M))


def named_in(expressions: Iterable[str]) -> set[str]:
    return {name for told in expressions for name in re.findall(r"\bilk_\w+", told)}


def test_every_metric_that_is_named_exists() -> None:
    named = named_in(rule["expr"] for rule in RULES)
    assert {"ilk_lag_seconds", "ilk_http_errors_total"} <= named <= metrics_that_exist()


def test_the_dashboard_shows_metrics_that_exist() -> None:
    targets = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    named = {name.removesuffix("_bucket") for name in named_in(targets)}
    assert {"ilk_lag_seconds", "ilk_updater_figures"} <= named <= metrics_that_exist()
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_every_alert_has_a_test() -> None:
    tested = set(re.findall(r'alertname="(\w+)"', (FOLDER / "ilk-alerts.test.yml").read_text("utf-8")))
    assert tested == {rule["alert"] for rule in RULES}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="NO promtool: apt-get install prometheus")
def test_the_alerts_fire() -> None:
    command = ["promtool", "test", "rules", "ilk-alerts.test.yml"]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
