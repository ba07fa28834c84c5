"""Timing that can be compared: what ran, on what, and against which baseline of the same run."""

import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Timing:
    """Seconds of one call, over several."""

    median: float
    p95: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Timing":
        """From single measurements."""
        ordered = sorted(seconds)
        return cls(statistics.median(ordered), ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))])


def timed(
    call: Callable[[int], object], repeats: int, clock: Callable[[], float] = time.perf_counter
) -> Timing:
    """Time `call(0) .. call(repeats - 1)`, after one call that is not counted."""
    call(0)
    seconds = []
    for turn in range(repeats):
        begin = clock()
        call(turn)
        seconds.append(clock() - begin)
    return Timing.of(seconds)


def machine() -> str:
    """Processor, cores, threads allowed, Python, and the commit that is measured."""
    root = Path(__file__).resolve().parent.parent
    commit = subprocess.run(
        ["git", "-C", str(root), "describe", "--always", "--dirty"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    threads = os.environ.get("OMP_NUM_THREADS", "all")
    return (
        f"machine: {_processor()}, {os.cpu_count()} cores, {threads} threads, "
        f"Python {platform.python_version()}; commit: {commit or 'unknown'}"
    )


def row(name: str, timing: Timing, baseline: Timing, note: str = "") -> str:
    """One line of a table: median, p95, how many times as fast as the baseline."""
    ratio = baseline.median / timing.median
    times = f"{timing.median * 1e3:>11.3f} ms{timing.p95 * 1e3:>11.3f} ms"
    return f"{name:<34}{times}{ratio:>9.2f} x  {note}".rstrip()


HEADER = f"{'':<34}{'median':>14}{'p95':>14}{'speed':>11}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
