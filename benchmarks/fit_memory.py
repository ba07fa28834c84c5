"""Memory of a fit, stage by stage: the highest that the process held above what it held with the shop read.

    python -m benchmarks.fit_memory DATA_DIR/uci-online-retail-2 [--epochs 1] [--newest 300000]

One line a stage: MiB, bytes an event, processor seconds. What lies in the result is told beside it, bytes an
event and an item. Libraries are warmed by a small fit first, whose pages are not counted; the shop's own
arrays (`ShopArrays`: 33 bytes an event) are there before as well. Linux alone: it reads and resets the peak
of its own process in /proc.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console

from benchmarks.measurement import machine
from gnn import IlkConfig
from gnn.fitting import Fit, fit_with
from gnn.freed_memory import give_back_freed_memory
from gnn.shop_arrays import ShopArrays
from service.evaluating.evaluation import EvaluateRequest, read_shop
from service.reporter import Reporter
from service.settings import load_settings

MIB = 2**20


class StagePeaks:
    """Progress of a fit (`gnn.fitting.FitProgress`) that measures the memory of each stage."""

    def __init__(self, n_events: int) -> None:
        self._events, self._stage = n_events, "begin"
        self._start, self._worked = _told("VmRSS"), time.process_time()
        self.highest = 0
        _reset_peak()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Tell of what was until now and begin anew."""
        peak, now = _told("VmHWM") - self._start, _told("VmRSS") - self._start
        self.highest = max(self.highest, peak)
        worked = time.process_time()
        print(
            f"| {self._stage} | {peak / MIB:,.0f} | {peak / self._events:.0f} | {now / MIB:,.0f} "
            f"| {worked - self._worked:.1f} |",
            flush=True,
        )
        self._stage, self._worked = f"{stage}, {done} of {total}", worked
        _reset_peak()


def _told(name: str) -> int:
    """A figure of /proc/self/status, bytes."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) * 1024


def _reset_peak() -> None:
    """VmHWM begins anew at what is held now."""
    Path("/proc/self/clear_refs").write_text("5", "ascii")


def small_shop(text_dim: int) -> ShopArrays:
    """3,000 random events, with which everything is loaded and made once."""
    rng, n = np.random.default_rng(0), 3_000
    return ShopArrays(
        n_users=200,
        n_items=150,
        user=rng.integers(0, 200, n),
        item=rng.integers(0, 150, n),
        at=np.arange(n) * 10**6,
        weight=np.ones(n, np.float32),
        relation=np.zeros(n, np.int8),
        text=rng.normal(size=(150, text_dim)).astype(np.float32),
    )


def in_result(fit: Fit, n_events: int) -> None:
    """Tell what the fit leaves behind."""
    signals = fit.model.signals
    matrices = {**signals.paths.matrices, "regression": signals.regression}
    for name, matrix in matrices.items():
        if matrix is not None and matrix.nnz:
            held = 8 * matrix.nnz  # a float32 and an int32 each
            print(f"{name}: {held / n_events:.0f} bytes an event, {held / signals.n_items:,.0f} an item")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--epochs", type=int, default=1, help="of the embeddings, a pass")
    parser.add_argument("--newest", type=int, help="so many of the newest events alone")
    parser.add_argument("--home", type=Path, help="whose cache of text vectors is used")
    given = parser.parse_args()
    config = IlkConfig()
    epochs = replace(config.training, min_epochs=given.epochs, max_epochs=given.epochs)
    config = replace(config, training=epochs)
    reporter = Reporter(Console(stderr=True))
    shop = read_shop(EvaluateRequest(given.data), load_settings(given.home), reporter).shop
    if shop.text is not None and not shop.text.any():
        shop = replace(shop, text=None, whole_text=None)  # no item has a text
    if given.newest is not None:
        shop = shop.events(max(0, shop.n_events - given.newest), shop.n_events)
    fit_with(config, small_shop(64 if shop.text is None else shop.text.shape[1]), 0)
    give_back_freed_memory(cycles=True)
    print(f"{given.data.name}: {shop.n_events:,} events, {shop.n_items:,} items; {machine()}")
    print(f"held before, the shop among it: {_told('VmRSS') / MIB:,.0f} MiB\n")
    print("| stage | MiB at most | bytes an event | MiB after | processor seconds |\n|---|---|---|---|---|")
    peaks = StagePeaks(shop.n_events)
    fit = fit_with(config, shop, 0, peaks)
    peaks("end", 1, 1)
    print(f"\nhighest: {peaks.highest / MIB:,.0f} MiB, {peaks.highest / shop.n_events:.0f} bytes an event")
    in_result(fit, shop.n_events)


if __name__ == "__main__":
    main()
