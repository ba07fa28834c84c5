"""What a full refresh of a made-up shop costs as it grows: seconds of each stage and peak memory per size,
fitted exponent of the seconds, by the clock and of the processor.

Every size is made and measured in processes of its own: the peak is the refresh's (loading included).
Baseline of the same run: item-kNN fitted on the same events.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import numpy as np
from rich.console import Console

from benchmarks.measurement import machine
from gnn.baselines import ItemKnn
from service.demo.sample_shop import SampleShop
from service.home import Home
from service.intake.load import load
from service.nightly.refresh import refresh
from service.reporter import Reporter, peak_memory_bytes
from service.settings import Settings, load_settings
from service.shop_snapshot import take_snapshot
from service.stores import closing_both, open_store

SIZES = (500, 2_000, 8_000)

Result = TypeVar("Result")


def make_shop(users: int, folder: Path) -> None:
    """Write the shop's files."""
    SampleShop(users=users, variants=max(3, users // 100)).write(folder / "shop")


def measured(users: int, folder: Path) -> tuple[int, float, float, float]:
    """(edges, seconds of load and refresh, the same of the processor, seconds of item-kNN)."""
    settings = load_settings(folder / "home", {"encoder": {"model": "hashing:128"}})
    started, spent = time.perf_counter(), time.process_time()
    load(folder / "shop", settings)
    print(f"{users:,} shoppers\n  load {time.perf_counter() - started:.1f} s", flush=True)
    stages = refresh(settings, Reporter(Console(quiet=True))).stages
    seconds, processor = time.perf_counter() - started, time.process_time() - spent
    print("  " + ", ".join(f"{stage['name']} {stage['seconds']} s" for stage in stages))
    print(f"  {next(stage['parts'] for stage in stages if stage['name'] == 'train')}")
    peak = peak_memory_bytes() / 2**20
    edges, floor = baseline(settings)
    print(
        f"{edges:>10,} edges {seconds:>8.1f} s, {processor:.1f} s of the processor  "
        f"{seconds / floor:>8.0f} x item-kNN  peak {peak:,.0f} MiB",
        flush=True,
    )
    return edges, seconds, processor, floor


def baseline(settings: Settings) -> tuple[int, float]:
    """(edges, seconds of item-kNN on them)."""
    store = open_store(settings, Home(settings.home))
    with closing_both(store):
        shop = take_snapshot(store).arrays(None)
    started = time.perf_counter()
    ItemKnn().fit(shop, seed=0)
    return shop.n_events, time.perf_counter() - started


def in_a_process(call: Callable[[int, Path], Result], users: int, folder: Path) -> Result:
    """Its result, from a new process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(call, users, folder).result()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, nargs="+", default=list(SIZES))
    print(machine())
    rows = []
    for users in parser.parse_args().users:
        with tempfile.TemporaryDirectory() as folder:
            in_a_process(make_shop, users, Path(folder))
            rows.append(in_a_process(measured, users, Path(folder)))
    if len(rows) > 1:
        logs = np.log(np.array(rows, np.float64)).T
        clock, processor = (float(np.polyfit(logs[0], logs[column], 1)[0]) for column in (1, 2))
        print(f"seconds grow as edges^{clock:.2f}, those of the processor as edges^{processor:.2f}")


if __name__ == "__main__":
    main()
