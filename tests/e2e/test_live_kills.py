"""kill -9 of updater and API workers under load: no accepted event lost or doubled, every answer whole."""

import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from graph.sqlite_log import SqliteLog
from service.home import Home
from service.live.updater_status import read_updater
from service.releases.store import ReleaseStore
from service.stores import closing_both, open_store
from tests.e2e.live_load import LiveLoad
from tests.e2e.test_serving import Server
from tests.service.conftest import trial_settings

ROUNDS = int(os.environ.get("ILK_KILL_ROUNDS", "10"))
"""How often a process is killed; 200 and more: by hand."""
SECONDS = 120.0
ITEMS = [f"S{number:04}" for number in range(20)]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600 + 10 * ROUNDS)]


def until(reached: Callable[[], bool], what: str) -> float:
    """Seconds that it took."""
    started = time.monotonic()
    while not reached():
        assert time.monotonic() < started + SECONDS, what
        time.sleep(0.05)
    return time.monotonic() - started


def children(pid: int) -> list[int]:
    """Python processes that the server started, without multiprocessing's own helper."""
    found = []
    for process in psutil.Process(pid).children():
        with suppress(psutil.Error):  # gone meanwhile
            if any("spawn_main" in word for word in process.cmdline()):
                found.append(process.pid)
    return found


def visible(server: Server, sequence: int) -> bool:
    try:
        answer = server.client.get(
            "/v1/items/S0000/similar", params={"min_sequence": sequence, "timeout_ms": 1000}
        )
    except Exception:  # whichever worker was asked is gone; another one is asked next
        return False
    return answer.status_code == 200


@pytest.fixture
def home(small_home: Path, tmp_path: Path) -> Home:
    shutil.copytree(small_home, tmp_path / "home")
    return Home(tmp_path / "home")


def test_no_kill_loses_or_doubles_an_event(home: Home) -> None:
    server = Server(home.root, "--workers", "2")
    before = server.client.get("/v1/status").json()
    load = LiveLoad(str(server.client.base_url), ITEMS).start()
    rng, recoveries = random.Random(7), []
    try:
        until(lambda: load.last() > 0 and visible(server, load.last()), "never visible")
        for number in range(ROUNDS):
            time.sleep(rng.uniform(0.05, 0.6))
            status = read_updater(home.fresh)
            family = children(server.process.pid)
            updater = [status.pid] if status is not None and status.pid in family else []
            workers = [pid for pid in family if pid not in updater]
            victims = updater if number % 2 == 0 else workers
            if not victims:  # it is being started again; whoever else runs is killed instead
                victims = family
            os.kill(rng.choice(victims), signal.SIGKILL)
            sent = load.last() + 1
            until(lambda sent=sent: load.last() >= sent, "no event is accepted")  # type: ignore[misc]
            recoveries.append(until(lambda sent=sent: visible(server, sent), "not visible"))  # type: ignore[misc]
    finally:
        load.stop()
        last = load.last()
        settled = until(lambda: visible(server, last), "the last event is not visible")
        assert server.stop() == 0
    assert len(recoveries) == ROUNDS
    recoveries.sort()
    print(  # noqa: T201
        f"{len(recoveries)} kills, {len(load.acknowledged)} events, {load.answers} answers, "
        f"{load.broken} lost connections, recovery median {recoveries[len(recoveries) // 2]:.2f} s, "
        f"longest {recoveries[-1]:.2f} s, settled in {settled:.2f} s"
    )
    assert not load.malformed
    assert not load.refused
    _ledger(home, load, before["sequence"], before["events"])


def _ledger(home: Home, load: LiveLoad, sequence: int, edges: int) -> None:
    """Every acknowledged event is in log and graph once, under the number that was told; nothing else is."""
    log, store = SqliteLog(home.event_log), open_store(trial_settings(home.root), home)
    with closing_both(log, store):
        logged = log.read(sequence)
        assert dict(zip(logged["event_id"], logged["seq"], strict=True)) == load.acknowledged
        assert logged["event_id"].is_unique().all()
        assert store.applied_seq() == log.last_seq()
        assert store.stats().events == edges + len(load.acknowledged)


def test_rollback_and_switch_under_load_fail_no_request(home: Home) -> None:
    server = Server(home.root, "--workers", "2")
    releases = ReleaseStore(home.releases)
    first = releases.current_version()
    assert first is not None
    load = LiveLoad(str(server.client.base_url), ITEMS).start()
    try:
        until(lambda: load.last() > 0 and visible(server, load.last()), "never visible")
        copy = releases.open(first).manifest
        second = _second(releases, first)
        for version in (first, second, first):
            releases.rollback(version)
            seen: set[str] = set()

            def switched(version: str = version, seen: set[str] = seen) -> bool:
                answer = server.client.get("/v1/items/S0001/similar").json()
                seen.add(answer["model_version"])
                return bool(answer["model_version"] == version)

            until(lambda: all(switched() for _ in range(8)), "not switched")
            sent = load.last()
            until(lambda sent=sent: visible(server, sent), "not visible after the switch")  # type: ignore[misc]
            assert seen <= {first, second}
        assert copy.version == first
    finally:
        load.stop()
        assert server.stop() == 0
    assert not load.malformed
    assert not load.refused
    assert not load.broken


def _second(releases: ReleaseStore, version: str) -> str:
    """Another release, made from the parts of one."""
    from service.releases.writer import ReleaseDraft

    opened = releases.open(version)
    draft = ReleaseDraft(
        model=opened.model,
        index=opened.index,  # type: ignore[arg-type]
        items=opened.items.table,
        encoder_fingerprint=opened.manifest.encoder_fingerprint,
        seed=1,
        events_through=opened.manifest.events_through,
    )
    second = releases.write(draft)
    releases.publish(second)
    return second
