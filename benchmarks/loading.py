"""How fast a table of a million rows is loaded: rows per second into log and graph, against bare SQLite.

Baseline of the same run: the same rows written by `INSERT` into one SQLite table without index, in one
transaction per batch, both files on the same disk.
"""

import argparse
import random
import tempfile
import time
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


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_orders(root / "orders.csv", rows)
        (root / "mapping.toml").write_text(MAPPING, "utf-8")
        floor = bare_insert_seconds(root / "bare.db", rows)
        started = time.perf_counter()
        report = load(
            root / "orders.csv",
            load_settings(root / "home"),
            format_name="table",
            mapping=root / "mapping.toml",
        )
        seconds = time.perf_counter() - started
    assert report.events.accepted == rows, report.to_json()
    print(f"load: {rows:,} rows in {seconds:.1f} s = {rows / seconds:,.0f} rows/s")
    print(f"bare SQLite insert: {rows / floor:,.0f} rows/s; ratio {seconds / floor:.1f}")


if __name__ == "__main__":
    main()
