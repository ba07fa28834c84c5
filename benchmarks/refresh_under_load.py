"""What a refresh costs those who ask and send meanwhile, and what its release knows when it takes over.

Run from the project's root, on a home with a release (it is copied, the copy is written to):
`python -m benchmarks.refresh_under_load --home DIR [--events 100] [--reads 20]`. Baseline: the same
requests in the half minute before the refresh begins.
"""

import argparse
import json
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

import httpx

from benchmarks.measurement import machine
from service.home import Home
from service.releases.manifest import read_manifest
from service.settings import load_settings
from service.stores import closing_both, open_log, open_store

BATCH = 5
"""Events of one request."""
IDLE_SECONDS = 30.0


@dataclass
class Traffic:
    """Shoppers and readers against a server, and what they were told."""

    address: str
    items: list[str]
    events: float
    reads: float
    reads_seconds: list[float] = field(default_factory=list)
    told: list[tuple[str, int]] = field(default_factory=list)
    """(`model_version`, `events_through`) of each answer."""
    accepted: dict[str, int] = field(default_factory=dict)
    """Sequence number by event id."""
    failed: int = 0
    _stopping: threading.Event = field(default_factory=threading.Event)

    def start(self) -> list[threading.Thread]:
        """Begin both."""
        paces = ((self._send, self.events / BATCH), (self._ask, self.reads))
        threads = [threading.Thread(target=self._pace, args=pace) for pace in paces]
        for thread in threads:
            thread.start()
        return threads

    def stop(self) -> None:
        """Let both end."""
        self._stopping.set()

    def _pace(self, turn: Callable[[httpx.Client], None], per_second: float) -> None:
        with httpx.Client(base_url=self.address, timeout=60) as client:
            due = time.perf_counter()
            while not self._stopping.is_set():
                try:
                    turn(client)
                except httpx.TransportError:
                    self.failed += 1
                due += 1 / per_second
                self._stopping.wait(max(0.0, due - time.perf_counter()))

    def _send(self, client: httpx.Client) -> None:
        sent = [
            {
                "event_id": f"load-{len(self.accepted) + number}",
                "user_id": f"shopper-{random.randrange(5000)}",
                "item_id": random.choice(self.items),
                "event_type": "view_item",
            }
            for number in range(BATCH)
        ]
        answer = client.post("/v1/events", json={"events": sent})
        self.failed += answer.status_code != 200
        for row in answer.json()["results"]:
            self.accepted[row["event_id"]] = row["sequence"]

    def _ask(self, client: httpx.Client) -> None:
        began = time.perf_counter()
        answer = client.get(f"/v1/items/{random.choice(self.items)}/similar")
        self.reads_seconds.append(time.perf_counter() - began)
        self.failed += answer.status_code != 200
        self.told.append((answer.json()["model_version"], answer.json()["events_through"]))


def main() -> None:
    """Serve a copy of the home, refresh it under load, print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=Path(".ilk"))
    parser.add_argument("--events", type=float, default=100.0, help="a second")
    parser.add_argument("--reads", type=float, default=20.0, help="a second")
    arguments = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory(prefix="ilk-refresh-under-load-") as folder:
        home = Home(Path(folder) / "home")
        shutil.copytree(arguments.home, home.root)
        shutil.rmtree(home.fresh, ignore_errors=True)
        ilk = [str(Path(sys.executable).with_name("ilk")), "--home", str(home.root)]
        log = Path(folder) / "serve.log"
        with log.open("wb") as out:
            server = subprocess.Popen([*ilk, "serve", "--port", "0"], stdout=out, stderr=out)
        try:
            while not (found := re.search(r"serving\s+(http://\S+)", log.read_text("utf-8"))):
                time.sleep(0.2)
            time.sleep(10)  # the updater reads the graph
            measure(home, ilk, Traffic(found[1], _living(home), arguments.events, arguments.reads))
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=60)


def measure(home: Home, ilk: list[str], traffic: Traffic) -> None:
    """Print the figures."""
    threads = traffic.start()
    time.sleep(IDLE_SECONDS)
    before, began, sent = len(traffic.reads_seconds), time.perf_counter(), len(traffic.accepted)
    done = subprocess.run([*ilk, "refresh", "--json", "-"], capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    if not done.stdout:
        traffic.stop()
        raise SystemExit(done.stderr)
    outcome = json.loads(done.stdout)
    during = len(traffic.accepted) - sent
    new = outcome["release"]
    waited = time.perf_counter()
    while outcome["published"] and traffic.told[-1][0] != new and time.perf_counter() < waited + 120:
        time.sleep(0.05)
    switched = time.perf_counter() - waited
    time.sleep(10)
    traffic.stop()
    for thread in threads:
        thread.join()
    learned = read_manifest(home.releases / new).events_through
    through = [through for model, through in traffic.told if model == new]
    log = open_log(home)
    with closing_both(log):
        kept = {row["event_id"]: row["seq"] for batch in log.batches(0) for row in batch.to_dicts()}
    old = [through for model, through in traffic.told if model != new]
    print(
        f"the old release's last answer counted {old[-1] - learned:,} events that the new one did not learn"
    )
    lost = sum(kept.get(event) != seq for event, seq in traffic.accepted.items())
    print(f"refresh: {seconds:.0f} s, {outcome['reason']}; {during:,} events came meanwhile")
    print(f"{len(traffic.accepted):,} events accepted, {lost} lost; {traffic.failed} requests failed")
    print(f"new release learned from {learned:,} events; answers {switched:.1f} s after its publication")
    if through:
        print(f"its first answer counts {through[0] - learned:,} events more than it learned from")
    for name, some in (("before", traffic.reads_seconds[:before]), ("since", traffic.reads_seconds[before:])):
        cuts = [cut * 1e3 for cut in quantiles(some, n=100)]
        print(f"similar {name:<8} p50 {cuts[49]:.0f} ms, p95 {cuts[94]:.0f}, p99 {cuts[98]:.0f}")


def _living(home: Home) -> list[str]:
    store = open_store(load_settings(home.root), home)
    with closing_both(store):
        return [str(item_id) for item_id in store.items()["item_id"]]


if __name__ == "__main__":
    main()
