"""How long after `POST /v1/events` do the served neighbours show an event, and what does it cost readers?

Baseline: the same requests while nothing is written. Run from the project's root, on a home with a release
(it is copied, the copy is written to): `python -m benchmarks.freshness --home DIR [--seconds 300]
[--events 100] [--reads 20] [--workers 1]`.

Visible means more than that a number went up: co-views of a pair are planted (`--planters` shoppers look at
A, then at B) and the time is taken until B stands in A's top 10; and when the stream has been quiet for 5 s,
the answers are compared with those of a model computed anew from the store with the release's weights: once
with the events that the influence caps let through, which must be the same, once with all of them. What must
not grow without bound, memory, files and events that do not count yet, is shown for each tenth of the stream.
"""

import argparse
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import httpx

from benchmarks.live_stream import (
    PLANT_SECONDS,
    Growth,
    Measured,
    Planter,
    Reader,
    Watcher,
    Worker,
    Writer,
    footprint,
    run,
)
from benchmarks.measurement import machine
from benchmarks.recomputed_answers import against_recomputation
from service.home import Home
from service.settings import load_settings
from service.stores import closing_both, open_store


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
    run([Reader(address, items, idle, arguments.reads)], min(30.0, arguments.seconds))
    before = footprint(home, server.pid)
    growth = Growth(address, items, loaded, home, server.pid)
    workers: list[Worker] = [
        Reader(address, items, loaded, arguments.reads),
        Writer(address, items, loaded, arguments.events, _shoppers(home)),
        Watcher(address, items, loaded),
        Planter(address, items, loaded, arguments.planters),
        growth,
    ]
    run(workers, arguments.seconds)
    time.sleep(5.0)
    after = footprint(home, server.pid)
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
    print("\n".join(growth.table()))
    print("\n".join(against_recomputation(home, address, items)))


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
