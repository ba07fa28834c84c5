"""kill -9 of updater and API workers under load: no accepted event lost or doubled, every answer whole.

With either store: the tests marked `neo4j` use the server that the environment names.
"""

import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from graph.sqlite_log import SqliteLog
from graph.store import EdgeBlock
from service.home import Home
from service.live.updater_status import read_updater
from service.releases.store import ReleaseStore
from service.settings import load_settings
from service.stores import closing_both, open_store
from tests.e2e.conftest import Run
from tests.e2e.live_load import LiveLoad
from tests.e2e.test_serving import Server
from tests.graph.neo4j.database import address, wipe
from tests.service.conftest import TRIAL_FLAGS

ROUNDS = int(os.environ.get("ILK_KILL_ROUNDS", "10"))
"""How often a process is killed; 200 and more, with Neo4j 30 and more: by hand."""
SECONDS = 120.0
VICTIMS = ("updater", "worker", "one of them")
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


@dataclass(frozen=True)
class Shop:
    """A served shop: its home, and where its graph is."""

    home: Home
    graph: dict[str, Any] = field(default_factory=dict)
    """Settings of `graph`; none: SQLite in the home."""

    def serve(self) -> Server:
        """With two API workers."""
        where = {f"ILK_GRAPH__{name.upper()}": value for name, value in self.graph.items()}
        return Server(self.home.root, "--workers", "2", environment=where)


@pytest.fixture(params=["sqlite", pytest.param("neo4j", marks=pytest.mark.neo4j)])
def shop(request: pytest.FixtureRequest, ilk: Run, tmp_path: Path) -> Shop:
    home = Home(tmp_path / "home")
    if request.param == "sqlite":
        shutil.copytree(request.getfixturevalue("small_home"), home.root)
        return Shop(home, {"url": "sqlite"})
    to = address()
    wipe(to)
    made = Shop(home, {"url": to.url, "user": to.user, "password": to.password, "database": to.database})
    where = {f"ILK_GRAPH__{name.upper()}": value for name, value in made.graph.items()}
    for command in (("load", request.getfixturevalue("small_shop")), ("refresh",)):
        done = ilk("--home", home.root, *command, environment=where)
        assert done.returncode == 0, done.stderr
    return made


@dataclass(frozen=True)
class Kill:
    """One of them, and what it cost."""

    victim: str
    """`updater`, `worker`, or `one of them` while no updater had told its process."""
    accepted: float
    """Seconds until an event that was sent afterwards was accepted."""
    counted: float
    """Seconds from there until it counted in an answer."""

    @property
    def recovery(self) -> float:
        return self.accepted + self.counted


def told(kills: list[Kill]) -> str:
    """Recovery by victim."""
    lines = []
    for victim in VICTIMS:
        took = sorted(one.recovery for one in kills if one.victim == victim)
        if took:
            lines.append(
                f"{len(took)} of {victim}: counted again after {took[len(took) // 2]:.2f} s (median), "
                f"longest {took[-1]:.2f} s"
            )
    return "\n".join(lines)


def test_no_kill_loses_or_doubles_an_event(shop: Shop) -> None:
    server = shop.serve()
    before = server.client.get("/v1/status").json()
    load = LiveLoad(str(server.client.base_url), ITEMS).start()
    rng = random.Random(7)
    kills: list[Kill] = []
    try:
        until(lambda: load.last() > 0 and visible(server, load.last()), "never visible")
        for number in range(ROUNDS):
            time.sleep(rng.uniform(0.05, 0.6))
            status = read_updater(shop.home.fresh)
            family = children(server.process.pid)
            updater = [status.pid] if status is not None and status.pid in family else []
            workers = [pid for pid in family if pid not in updater]
            victims = updater if number % 2 == 0 else workers
            if not victims:  # it is being started again; whoever else runs is killed instead
                victims = family
            victim = rng.choice(victims)
            os.kill(victim, signal.SIGKILL)
            sent = load.last() + 1
            accepted = until(lambda sent=sent: load.last() >= sent, "no event is accepted")  # type: ignore[misc]
            counted = until(lambda sent=sent: visible(server, sent), "not visible")  # type: ignore[misc]
            # without a known updater it may be a new one that has told nothing yet
            named = VICTIMS[2] if not updater else VICTIMS[int(victim not in updater)]
            kills.append(Kill(named, accepted, counted))
    finally:
        load.stop()
        last = load.last()
        settled = until(lambda: visible(server, last), "the last event is not visible")
        assert server.stop() == 0
    assert len(kills) == ROUNDS
    print(  # noqa: T201
        f"{len(load.acknowledged)} events, {load.answers} answers, {load.broken} lost connections, "
        f"settled in {settled:.2f} s\n{told(kills)}"
    )
    assert not load.malformed
    assert not load.refused
    _ledger(shop, load, before["sequence"], before["events"])


def _ledger(shop: Shop, load: LiveLoad, sequence: int, edges: int) -> None:
    """Every acknowledged event is in log and graph once, under the number that was told; nothing else is."""
    settings = load_settings(shop.home.root, {**TRIAL_FLAGS, "graph": shop.graph})
    log, store = SqliteLog(shop.home.event_log), open_store(settings, shop.home)
    with closing_both(log, store):
        logged = log.read(sequence)
        assert dict(zip(logged["event_id"], logged["seq"], strict=True)) == load.acknowledged
        assert logged["event_id"].is_unique().all()
        assert store.applied_seq() == log.last_seq()
        new = EdgeBlock.joined(list(store.export(sequence)))
        assert sorted(new.seq.tolist()) == sorted(load.acknowledged.values())
        assert store.stats().events == edges + len(load.acknowledged)


def test_rollback_and_switch_under_load_fail_no_request(shop: Shop) -> None:
    server = shop.serve()
    releases = ReleaseStore(shop.home.releases)
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
