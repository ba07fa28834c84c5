"""The night: a refresh that the server starts by itself, with a model that is worse; serving goes on."""

import json
import time
from pathlib import Path

import pytest

from service.home import Home
from service.nightly.schedule_state import schedule_path
from service.reporting.history import read_history
from tests.e2e.conftest import Run
from tests.e2e.test_serving import Server
from tests.service.conftest import SMALL_SHOP

pytestmark = pytest.mark.slow

SABOTAGE = {
    "ILK_MODEL__OPTIONS": json.dumps(
        {"use_paths": False, "use_embedding": False, "use_trend": False, "learn_mix": False}
    ),
    "ILK_GATE__MAX_DROP": "0",
    "ILK_SCHEDULE__REFRESH": "03:30",
    "ILK_SCHEDULE__TIMEZONE": "Asia/Ho_Chi_Minh",
}


def test_a_worse_model_is_rejected_and_told_while_serving_goes_on(ilk: Run, tmp_path: Path) -> None:
    SMALL_SHOP.write(tmp_path / "shop")
    home = Home(tmp_path / "home")
    for command in (("load", tmp_path / "shop"), ("refresh",)):
        done = ilk("--home", home.root, *command)
        assert done.returncode == 0, done.stderr
    schedule_path(home).write_text(json.dumps({"refresh": {"next_run": 1_000_000_000.0}}), "utf-8")
    server = Server(home.root, environment=SABOTAGE)
    try:
        before = server.client.get("/v1/items/S0000/similar").json()
        answers = []

        def judged() -> bool:
            answers.append(server.client.get("/v1/items/S0000/similar"))
            return bool(server.client.get("/v1/status").json()["schedule"]["refresh"]["runs"] == 1)

        deadline = time.monotonic() + 180
        while not judged():
            assert time.monotonic() < deadline, server.log.read_text("utf-8")
            time.sleep(0.2)
        job = server.client.get("/v1/status").json()["schedule"]["refresh"]
        assert job["last_outcome"] == "rejected"
        assert "NDCG@10" in job["last_message"]
        assert {answer.status_code for answer in answers} == {200}
        assert {answer.json()["model_version"] for answer in answers} == {before["model_version"]}
        worse = read_history(home)[-1]
        assert worse["release"] != before["model_version"]
        page = server.client.get(f"/v1/releases/{worse['release']}/report").text
        assert ">Rejected<" in page
        metrics = server.client.get("/metrics").text
        assert 'ilk_schedule_failures{job="refresh"} 0.0' in metrics
        assert 'ilk_schedule_next_run_timestamp_seconds{job="refresh"}' in metrics
    finally:
        assert server.stop() == 0
