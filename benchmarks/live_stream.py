"""The parts of a live stream against a server: who reads, who writes, who waits to see it, what grows."""

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from service.home import Home

BATCH = 5
"""Events of one request of the stream."""
PAUSE_BETWEEN_PLANTS = 5.0
PLANT_SECONDS = 30.0


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


class Worker:
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


class Reader(Worker):
    """Asks for similar items."""

    def turn(self) -> None:
        began = time.perf_counter()
        answer = self.client.get(f"/v1/items/{self.rng.choice(self.items)}/similar")
        self.measured.reads.append(time.perf_counter() - began)
        self.measured.check(answer)


class Writer(Worker):
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


class Watcher(Worker):
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


class Planter(Worker):
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


class Growth(Worker):
    """Once a second: what must not grow without bound."""

    def __init__(self, address: str, items: Sequence[str], measured: Measured, home: Home, pid: int) -> None:
        super().__init__(address, items, measured, 1.0)
        self.home, self.pid = home, pid
        self.rows: list[dict[str, float]] = []

    def turn(self) -> None:
        status = self.client.get("/v1/status")
        answer = self.client.get(f"/v1/items/{self.items[0]}/similar")
        if not (self.measured.check(status) and self.measured.check(answer)):
            return
        sent, counted = status.json()["sequence"], answer.json()["events_through"]
        sizes = {name: size / 2**20 for name, size in footprint(self.home, self.pid).items()}
        self.rows.append({"events that did not count": max(sent - counted, 0)} | sizes)

    def table(self) -> list[str]:
        """The largest value of each tenth of the stream."""
        tenths = [part for part in _tenths(self.rows) if part]
        names = self.rows[0] if self.rows else {}
        return [
            f"{name:<34}"
            + " ".join(f"{max(row[name] for row in part):>6.0f}" for part in tenths)
            + (" MiB" if "events that" not in name else "")
            + ", at most, in each tenth"
            for name in names
        ]


def _tenths(rows: Sequence[dict[str, float]]) -> list[Sequence[dict[str, float]]]:
    return [rows[len(rows) * n // 10 : len(rows) * (n + 1) // 10] for n in range(10)]


def _view(user: str, item: str, step: int = 0) -> dict[str, Any]:
    return {"user_id": user, "item_id": item, "event_type": "view_item", "timestamp": time.time() - 10 + step}


def run(workers: Sequence[Worker], seconds: float) -> None:
    """Let each work in a thread of its own for so long."""
    stopping = threading.Event()
    threads = [threading.Thread(target=worker.run, args=(stopping,)) for worker in workers]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    stopping.set()
    for thread in threads:
        thread.join()


def footprint(home: Home, pid: int) -> dict[str, int]:
    """Bytes, by what takes them; what processes share counts in each of them. pid: of the server."""
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return {
        "resident memory of all processes": sum(_resident(process) for process in family),
        "files of fresh rows": sum(_size(path) for path in _files(home.fresh)),
        "event log and graph": sum(_size(path) for path in home.root.glob("*.db*")),
    }


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:  # an increment's, which has ended
        return 0


def _files(folder: Path) -> list[Path]:
    return [Path(where) / name for where, _, names in os.walk(folder) for name in names]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # replaced meanwhile
        return 0
