"""How fast a table of a million rows is loaded: rows per second into log and graph, against bare SQLite.

Baseline of the same run: the same rows written by `INSERT` into one SQLite table without index, in one
transaction per batch, both files on the same disk. `--data PATH` loads a shop's own files instead. Beside the
clock stands processor time, which other work on the machine does not change, and the process's peak memory.
"""

import argparse
import random
import resource
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import apsw

from benchmarks.measurement import machine
from service.intake.load import load
from service.settings import load_settings

MAPPING = """
[[tables]]
files = ["orders.csv"]
[tables.events]
user_id = "customer"
item_id = "sku"
timestamp = "when"
event_type = { constant = "purchase" }
quantity = "pieces"
"""


def write_orders(path: Path, rows: int) -> None:
    """A CSV of random orders: 50,000 customers, 20,000 articles, seconds apart."""
    rng = random.Random(0)
    with path.open("w", encoding="utf-8") as out:
        out.write("customer,sku,when,pieces\n")
        for row in range(rows):
            customer, sku = rng.randrange(50_000), int(20_000 * rng.random() ** 2)
            out.write(f"c{customer},sku-{sku},{1_600_000_000 + row},{1 + row % 3}\n")


def bare_insert_seconds(path: Path, rows: int) -> float:
    """The floor: bare rows into bare SQLite."""
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE orders (customer TEXT, sku TEXT, at INTEGER, pieces INTEGER)")
    started = time.perf_counter()
    for start in range(0, rows, 50_000):
        batch = (
            (f"c{row % 50_000}", f"sku-{row % 20_000}", row, 1)
            for row in range(start, min(rows, start + 50_000))
        )
        with connection:
            connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", batch)
    return time.perf_counter() - started


@dataclass(frozen=True)
class Loaded:
    """One load, measured."""

    rows: int
    seconds: float
    processor_seconds: float

    def line(self) -> str:
        """What it cost, with the peak memory of the process so far."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return (
            f"load: {self.rows:,} rows in {self.seconds:.1f} s = {self.rows / self.seconds:,.0f} rows/s; "
            f"processor {self.processor_seconds:.1f} s = {self.rows / self.processor_seconds:,.0f} rows/s; "
            f"peak {peak:,.0f} MiB"
        )


def measured(path: Path, home: Path, format_name: str = "auto", mapping: Path | None = None) -> Loaded:
    """Load into a fresh home. Raises `AssertionError` where a row is unaccounted for."""
    wall, processor = time.perf_counter(), time.process_time()
    report = load(path, load_settings(home), format_name=format_name, mapping=mapping)
    seconds, busy = time.perf_counter() - wall, time.process_time() - processor
    assert report.events.balanced, report.to_json()
    return Loaded(report.events.read, seconds, busy)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--data", type=Path)
    given = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        if given.data is not None:
            print(measured(given.data, root / "home").line())
            return
        write_orders(root / "orders.csv", given.rows)
        (root / "mapping.toml").write_text(MAPPING, "utf-8")
        loaded = measured(root / "orders.csv", root / "home", "table", root / "mapping.toml")
        print(loaded.line(), flush=True)
        floor = bare_insert_seconds(root / "bare.db", given.rows)
    print(f"bare SQLite insert: {given.rows / floor:,.0f} rows/s; ratio {loaded.seconds / floor:.1f}")


if __name__ == "__main__":
    main()
