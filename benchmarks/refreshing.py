"""What a full refresh of a made-up shop costs as it grows: seconds of each stage and peak memory per size,
fitted exponent of the seconds.

Baseline of the same run: item-kNN fitted on the same events.
"""

import argparse
import tempfile
import time
from pathlib import Path

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


def measured(users: int, folder: Path) -> tuple[int, float, float]:
    """(edges, seconds of a refresh without encoding, seconds of item-kNN)."""
    SampleShop(users=users, variants=max(3, users // 100)).write(folder / "shop")
    settings = load_settings(folder / "home", {"encoder": {"model": "hashing:128"}})
    load(folder / "shop", settings)
    started = time.perf_counter()
    stages = refresh(settings, Reporter(Console(quiet=True))).stages
    seconds = time.perf_counter() - started
    print("  " + ", ".join(f"{stage['name']} {stage['seconds']} s" for stage in stages))
    print(f"  {next(stage['parts'] for stage in stages if stage['name'] == 'train')}")
    return baseline_seconds(settings, seconds)


def baseline_seconds(settings: Settings, seconds: float) -> tuple[int, float, float]:
    """Add the baseline's time on the same edges."""
    store = open_store(settings, Home(settings.home))
    with closing_both(store):
        shop = take_snapshot(store).arrays(None)
    started = time.perf_counter()
    ItemKnn().fit(shop, seed=0)
    return shop.n_events, seconds, time.perf_counter() - started


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, nargs="+", default=list(SIZES))
    print(machine())
    rows = []
    for users in parser.parse_args().users:
        with tempfile.TemporaryDirectory() as folder:
            edges, seconds, floor = measured(users, Path(folder))
        rows.append((edges, seconds))
        peak = peak_memory_bytes() / 2**20
        print(
            f"{edges:>10,} edges {seconds:>8.1f} s  {seconds / floor:>8.0f} x item-kNN  peak {peak:,.0f} MiB"
        )
    if len(rows) > 1:
        edges_log, seconds_log = np.log(np.array(rows, np.float64)).T
        slope = float(np.polyfit(edges_log, seconds_log, 1)[0])
        print(f"seconds grow as edges^{slope:.2f}")


if __name__ == "__main__":
    main()
