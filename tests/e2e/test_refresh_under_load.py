"""A refresh while events stream in: nothing is lost, and the new release knows what came meanwhile."""

import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from service.home import Home
from service.releases.manifest import read_manifest
from service.stores import closing_both, open_log
from tests.e2e.conftest import Run
from tests.e2e.live_load import LiveLoad
from tests.e2e.test_live import until
from tests.e2e.test_serving import Server
from tests.graph.neo4j.database import address, wipe

SERVING = {"ILK_UPDATE__POLICY": "fold-in", "ILK_UPDATE__SWITCH_SECONDS": "120"}
"""No increment is to publish a release of its own, and a crowded machine may take its time to fold in."""
REFRESHING = {"ILK_GATE__MAX_DROP": "1", "ILK_MODEL__SEED": "7"}
"""Shoppers of the test look at random items: a gate that asks what shoppers like has a point."""


def refresh_under_load(ilk: Run, home: Home, where: Mapping[str, str]) -> None:
    """Serve, send, refresh, switch; then everything that was acknowledged is counted and answered with."""
    server = Server(home.root, "--workers", "2", environment={**SERVING, **where})
    load = LiveLoad(str(server.client.base_url), [f"S00{number:02}" for number in range(40)])
    try:
        until(lambda: server.client.get("/v1/status").json()["visible_sequence"])
        old = server.client.get("/v1/items/S0000/similar").json()["model_version"]
        load.start()
        until(lambda: len(load.acknowledged) >= 30)
        done = ilk("--home", home.root, "refresh", "--json", "-", environment={**REFRESHING, **where})
        assert done.returncode == 0, done.stderr
        new = json.loads(done.stdout)["release"]
        learned = read_manifest(home.releases / new).events_through
        assert load.last() > learned, "no event came while the refresh was at work"
        until(lambda: load.told[-1][0] == new)
        time.sleep(1.0)  # both workers have switched, and answered
        load.stop()
        last = load.last()
        answer = server.client.get(
            "/v1/items/S0001/similar", params={"min_sequence": last, "timeout_ms": 30_000}
        )
        assert answer.json()["model_version"] == new
        assert answer.json()["events_through"] >= last
    finally:
        load.stop()
        assert server.stop() == 0
    assert (load.broken, load.refused, load.malformed, load.backwards) == (0, [], [], 0)
    assert {model for model, _ in load.told} == {old, new}
    known_before = max(through for model, through in load.told if model == old)
    assert min(through for model, through in load.told if model == new) >= max(learned, known_before)
    log = open_log(home)
    with closing_both(log):
        kept = {row["event_id"]: row["seq"] for batch in log.batches(0) for row in batch.to_dicts()}
    assert load.acknowledged.items() <= kept.items()
    status = json.loads(ilk("--home", home.root, "status", "--json", "-", environment=where).stdout)
    assert status["applied_sequence"] == status["sequence"] == max(kept.values())
    assert status["events"] == len(kept)


@pytest.mark.slow
def test_events_that_come_during_a_refresh_are_in_the_first_answers_of_its_release(
    ilk: Run, small_home: Path, tmp_path: Path
) -> None:
    home = Home(tmp_path / "home")
    shutil.copytree(small_home, home.root)
    refresh_under_load(ilk, home, {})


@pytest.mark.neo4j
def test_the_same_with_the_graph_in_neo4j(ilk: Run, small_shop: Path, tmp_path: Path) -> None:
    to = address()
    wipe(to)
    where = {"ILK_GRAPH__URL": to.url, "ILK_GRAPH__USER": to.user, "ILK_GRAPH__PASSWORD": to.password}
    home = Home(tmp_path / "home")
    for command in (("load", small_shop), ("refresh",)):
        done = ilk("--home", home.root, *command, environment=where)
        assert done.returncode == 0, done.stderr
    refresh_under_load(ilk, home, where)
