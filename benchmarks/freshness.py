"""How long after `POST /v1/events` do the served neighbours show an event, and what does it cost readers?

Baseline: the same requests while nothing is written. Run from the project's root, on a home with a release
(it is copied, the copy is written to): `python -m benchmarks.freshness --home DIR [--seconds 300]
[--events 100] [--reads 20] [--workers 1]`.

Visible means more than that a number went up: co-views of a pair are planted (`--planters` shoppers look at
A, then at B) and the time is taken until B stands in A's top 10; and when the stream has been quiet for 5 s,
the answers are compared with those of a model computed anew from the store with the release's weights: once
with the events that the influence caps let through, which must be the same, once with all of them.
"""

import argparse
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.measurement import machine
from gnn.objective import Objective
from index import build_index
from service.answering.similar_items import SimilarItemsService
from service.home import Home
from service.live.mirror import MirrorStart
from service.live.mirror_reading import LiveSources, read_mirror
from service.live.model import IlkMirror, make_mirror
from service.releases.holder import Serving
from service.releases.release import Release
from service.releases.store import ReleaseStore
from service.settings import load_settings
from service.shop_snapshot import take_snapshot
from service.stores import closing_both, open_changes, open_log, open_store

BATCH = 5
"""Events of one request of the stream."""
PAUSE_BETWEEN_PLANTS = 5.0
PLANT_SECONDS = 30.0
CHECKED_ITEMS = 50


@dataclass
class Measured:
    """Seconds, by what was waited for."""

    posts: list[float] = field(default_factory=list)
    visible: list[float] = field(default_factory=list)
    planted: list[float] = field(default_factory=list)
    reads: list[float] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)
    """Requests by what was answered instead of 200."""
    never_planted: int = 0
    """Planted pairs of which B was not in A's top 10 within `PLANT_SECONDS`."""
    sent: int = 0

    def check(self, answer: httpx.Response) -> bool:
        """Whether it is an answer; counts it where it is none."""
        if answer.status_code == 200:
            return True
        self.failed[f"{answer.status_code} {answer.json().get('type', '')} at {answer.url.path}"] += 1
        return False


def main() -> None:
    """Print latencies idle and loaded, times to visibility, growth, the check against a recomputation."""
    arguments = _arguments()
    print(machine())
    with tempfile.TemporaryDirectory(prefix="ilk-freshness-") as folder:
        home = Home(Path(folder) / "home")
        shutil.copytree(arguments.home, home.root)
        shutil.rmtree(home.fresh, ignore_errors=True)
        server, address = _start(home, arguments.workers)
        try:
            _measure(arguments, home, server, address)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=60)


def _measure(
    arguments: argparse.Namespace, home: Home, server: subprocess.Popen[bytes], address: str
) -> None:
    items = _living(home)
    _wait_for_updater(address, items[0])
    idle, loaded = Measured(), Measured()
    _run([_Reader(address, items, idle, arguments.reads)], min(30.0, arguments.seconds))
    before = _footprint(home, server.pid)
    workers: list[_Worker] = [
        _Reader(address, items, loaded, arguments.reads),
        _Writer(address, items, loaded, arguments.events, _shoppers(home)),
        _Watcher(address, items, loaded),
        _Planter(address, items, loaded, arguments.planters),
    ]
    _run(workers, arguments.seconds)
    time.sleep(5.0)
    after = _footprint(home, server.pid)
    print(
        f"{loaded.sent} events in {arguments.seconds:g} s beside {len(loaded.reads)} reads, "
        f"{loaded.failed.total()} of all requests failed"
    )
    for what, times in loaded.failed.most_common():
        print(f"  {times} x {what}")
    if loaded.never_planted:
        print(f"  {loaded.never_planted} planted pairs not in the top 10 within {PLANT_SECONDS:g} s")
    for name, seconds in (
        ("similar, idle", idle.reads),
        ("similar, under load", loaded.reads),
        ("POST -> durable", loaded.posts),
        ("POST -> counted in an answer", loaded.visible),
        ("POST -> B in A's top 10", loaded.planted),
    ):
        print(_line(name, seconds))
    for name, value in before.items():
        print(f"{name:<34}{value / 2**20:>10.1f} MiB -> {after[name] / 2**20:.1f} MiB")
    print("\n".join(_against_recomputation(home, address, items)))


class _Worker:
    """A thread's work until it is told to stop."""

    def __init__(self, address: str, items: Sequence[str], measured: Measured, per_second: float) -> None:
        self.client = httpx.Client(base_url=address, timeout=60)
        self.items, self.measured, self.pause = items, measured, 1.0 / per_second
        self.rng = random.Random(type(self).__name__)

    def turn(self) -> None:
        """Do it once."""
        raise NotImplementedError

    def run(self, stopping: threading.Event) -> None:
        """Keep the pace: a late turn is followed at once by the next."""
        due = time.perf_counter()
        while not stopping.is_set():
            self.turn()
            due += self.pause
            stopping.wait(max(0.0, due - time.perf_counter()))

    def post(self, events: list[dict[str, Any]]) -> int:
        """Send events; returns the last one's sequence number."""
        answer = self.client.post("/v1/events", json={"events": events})
        if not self.measured.check(answer):
            return 0
        self.measured.sent += len(events)
        return int(answer.json()["sequence"])


class _Reader(_Worker):
    def turn(self) -> None:
        began = time.perf_counter()
        answer = self.client.get(f"/v1/items/{self.rng.choice(self.items)}/similar")
        self.measured.reads.append(time.perf_counter() - began)
        self.measured.check(answer)


class _Writer(_Worker):
    """The stream, less the events of watcher and planter, which are few."""

    def __init__(
        self, address: str, items: Sequence[str], measured: Measured, events: float, shoppers: Sequence[str]
    ) -> None:
        """shoppers: who are known; new ones who all do something else are a crowd to the influence caps."""
        super().__init__(address, items, measured, events / BATCH)
        self.shoppers = shoppers

    def turn(self) -> None:
        began = time.perf_counter()
        self.post([_view(self.rng.choice(self.shoppers), self.rng.choice(self.items)) for _ in range(BATCH)])
        self.measured.posts.append(time.perf_counter() - began)


class _Watcher(_Worker):
    """Twice a second: one event, and a read that waits for it."""

    def __init__(self, address: str, items: Sequence[str], measured: Measured) -> None:
        super().__init__(address, items, measured, 2.0)

    def turn(self) -> None:
        item = self.rng.choice(self.items)
        began = time.perf_counter()
        wanted = {"min_sequence": self.post([_view("watcher", item)]), "timeout_ms": 30_000}
        answer = self.client.get(f"/v1/items/{item}/similar", params=wanted)
        if self.measured.check(answer):
            self.measured.visible.append(time.perf_counter() - began)


class _Planter(_Worker):
    """Co-views of a pair that had nothing to do with each other."""

    def __init__(self, address: str, items: Sequence[str], measured: Measured, planters: int) -> None:
        super().__init__(address, items, measured, 1.0 / PAUSE_BETWEEN_PLANTS)
        self.planters, self.round = planters, 0

    def turn(self) -> None:
        self.round += 1
        a, b = self.rng.sample(list(self.items), 2)
        began = time.perf_counter()
        self.post(
            [
                _view(f"planter-{self.round}-{number}", item, step)
                for number in range(self.planters)
                for step, item in enumerate((a, b))
            ]
        )
        while time.perf_counter() < began + PLANT_SECONDS:
            answer = self.client.get(f"/v1/items/{a}/similar", params={"objective": "next"})
            if self.measured.check(answer) and b in {row["item_id"] for row in answer.json()["results"]}:
                self.measured.planted.append(time.perf_counter() - began)
                return
        self.measured.never_planted += 1


def _view(user: str, item: str, step: int = 0) -> dict[str, Any]:
    return {"user_id": user, "item_id": item, "event_type": "view_item", "timestamp": time.time() - 10 + step}


def _run(workers: Sequence[_Worker], seconds: float) -> None:
    stopping = threading.Event()
    threads = [threading.Thread(target=worker.run, args=(stopping,)) for worker in workers]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    stopping.set()
    for thread in threads:
        thread.join()


def _line(name: str, seconds: Sequence[float]) -> str:
    if not seconds:
        return f"{name:<34}nothing measured"
    ordered = sorted(seconds)
    p95, p99 = (ordered[min(len(ordered) - 1, int(share * len(ordered)))] for share in (0.95, 0.99))
    median = statistics.median(ordered)
    return (
        f"{name:<34}{len(ordered):>7} times: p50 {median * 1e3:.0f} ms, p95 {p95 * 1e3:.0f} ms, "
        f"p99 {p99 * 1e3:.0f} ms, longest {ordered[-1] * 1e3:.0f} ms"
    )


def _start(home: Home, workers: int) -> tuple[subprocess.Popen[bytes], str]:
    log = home.root.parent / "serve.log"
    ilk = Path(sys.executable).with_name("ilk")
    command = [ilk, "--home", home.root, "serve", "--port", "0", "--workers", str(workers)]
    with log.open("wb") as out:
        server = subprocess.Popen([str(one) for one in command], stdout=out, stderr=out)
    while not (found := re.search(r"serving\s+(http://\S+)", log.read_text("utf-8"))):
        if server.poll() is not None:
            raise SystemExit(log.read_text("utf-8"))
        time.sleep(0.2)
    return server, found[1]


def _wait_for_updater(address: str, item: str) -> None:
    while True:
        try:
            answer = httpx.get(f"{address}/v1/items/{item}/similar", timeout=30).json()
            if answer["index_version"] != answer["model_version"]:
                return
        except (httpx.TransportError, KeyError, ValueError):
            pass
        time.sleep(0.3)


def _living(home: Home) -> list[str]:
    store = open_store(load_settings(home.root), home)
    with closing_both(store):
        return [str(item_id) for item_id in store.items()["item_id"]]


def _shoppers(home: Home) -> list[str]:
    store = open_store(load_settings(home.root), home)
    with closing_both(store):
        keys = store.node_keys("user")
    return [user_id for user_id, alive in zip(keys.ids, keys.alive, strict=True) if alive]


def _footprint(home: Home, pid: int) -> dict[str, int]:
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return {
        "resident memory of all processes": sum(process.memory_info().rss for process in family),
        "files of fresh rows": sum(path.stat().st_size for path in home.fresh.rglob("*") if path.is_file()),
        "event log and graph": sum(path.stat().st_size for path in home.root.glob("*.db*")),
    }


def _against_recomputation(home: Home, address: str, items: Sequence[str]) -> list[str]:
    """Served neighbours against those of signals computed anew from the store, with the release's weights."""
    settings = load_settings(home.root)
    chosen = random.Random(3).sample(list(items), min(CHECKED_ITEMS, len(items)))
    version, told = _served_by_one_release(address, chosen)
    release = ReleaseStore(home.releases).open(version)
    make = make_mirror(settings)
    assert make is not None
    log, store, changes = open_log(home), open_store(settings, home), open_changes(home)
    with closing_both(log, store, changes):
        reading = read_mirror(release, LiveSources(log, store, changes), make, settings)
        snapshot = take_snapshot(store)
    damped = {name: count for name, count in reading.mirror.figures().items() if name.startswith("damped")}
    uncapped = make(release.model, MirrorStart(snapshot.arrays(None), snapshot.edges.seq))
    lines = [
        f"5 s after the stream, {len(chosen)} items of {version} against full recomputation; damped: {damped}"
    ]
    for name, mirror in (("less damped events", reading.mirror), ("with damped events", uncapped)):
        assert isinstance(mirror, IlkMirror)
        mirror.propagate()
        service = _serving(release, mirror)
        same = scores = 0.0
        for item, served in told.items():
            wanted = {row.item_id: row.score for row in service.similar(item, 10, Objective.NEXT).results}
            common = served.keys() & wanted.keys()
            same += len(common) / max(len(wanted), 1)
            scores = max([scores, *(abs(served[one] - wanted[one]) for one in common)])
        lines.append(
            f"  {name}: {same / len(told):.1%} of its neighbours, scores differ by up to {scores:.4f}"
        )
    return lines


def _served_by_one_release(address: str, items: Sequence[str]) -> tuple[str, dict[str, dict[str, float]]]:
    """Neighbours for `next` with their scores, asked again from the start where another release took over."""
    while True:
        answers = {item: _answer(address, item) for item in items}
        if len(versions := {answer["model_version"] for answer in answers.values()}) == 1:
            return versions.pop(), {
                item: {row["item_id"]: row["score"] for row in answer["results"]}
                for item, answer in answers.items()
            }


def _answer(address: str, item: str) -> dict[str, Any]:
    answer = httpx.get(f"{address}/v1/items/{item}/similar", params={"objective": "next"}, timeout=30)
    return dict(answer.raise_for_status().json())


def _serving(release: Release, mirror: IlkMirror) -> SimilarItemsService:
    model = mirror.live.model
    anew = Serving(replace(release, model=model, index=build_index("auto", model.item_vectors())), 0.0)
    return SimilarItemsService(lambda: anew)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--home", type=Path, default=Path(".ilk"))
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--events", type=float, default=100.0, help="a second")
    parser.add_argument("--reads", type=float, default=20.0, help="a second")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--planters", type=int, default=20, help="shoppers of one planted pair")
    return parser.parse_args()


if __name__ == "__main__":
    main()
