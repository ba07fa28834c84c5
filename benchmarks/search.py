"""How fast is a search, what does HNSW miss, and what do the live tiers cost?

Baseline: the exact index in NumPy, one query at a time. Run from the project's root:
`python -m benchmarks.search [--rows 100000] [--dim 384] [--queries 200]`.
"""

import argparse
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.measurement import HEADER, Timing, machine, row, timed
from index import ExactIndex, Ids, LiveIndex, Scores, VectorIndex, build_index

K = 10
Matrix = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


def main() -> None:
    """Print one line per index and situation."""
    arguments = _arguments()
    matrix, queries = _clustered(arguments.rows, arguments.dim, arguments.queries)
    print(machine())
    print(f"{arguments.rows} rows of {arguments.dim}, k = {K}, one query per call\n{HEADER}")
    exact = ExactIndex(matrix)
    baseline = _timed(exact, queries)
    print(row("exact (NumPy)", baseline, baseline))
    truth = exact.search(queries, K)[0]
    indexes: dict[str, VectorIndex] = {}
    for kind in ("flat", "hnsw", "half", "sq8"):
        begin = time.perf_counter()
        indexes[kind] = build_index(kind, matrix)
        note = f"recall {_recall(indexes[kind].search(queries, K)[0], truth):.4f}, "
        note += f"{_bytes(indexes[kind]) / 2**20:,.1f} MiB, "
        note += f"built in {time.perf_counter() - begin:.1f} s"
        print(row(kind, _timed(indexes[kind], queries), baseline, note))
    for share in (0.9, 0.3, 0.05, 0.001):
        allowed = np.random.default_rng(1).random(arguments.rows) < share
        wanted = exact.search(queries, K, allowed)[0]
        for kind, index in indexes.items():
            note = f"recall {_recall(index.search(queries, K, allowed)[0], wanted):.4f}"
            print(row(f"{kind}, {share:.1%} allowed", _timed(index, queries, allowed), baseline, note))
    _print_live(indexes, matrix, queries, baseline)


def _print_live(indexes: dict[str, VectorIndex], matrix: Matrix, queries: Matrix, baseline: Timing) -> None:
    """Search and change an index with full tiers: 10,000 fresh rows, as many tombstones."""
    fresh = np.arange(0, len(matrix), max(1, len(matrix) // 10_000))
    for kind, index in indexes.items():
        live = LiveIndex(index, partial(build_index, kind))
        live.upsert(fresh, matrix[fresh])
        print(row(f"live {kind}, {len(fresh):,} fresh", _timed(live, queries), baseline))
        change = timed(partial(_upsert, live, matrix), len(queries))
        print(row(f"live {kind}, upsert of one row", change, baseline))


def _upsert(live: LiveIndex, matrix: Matrix, turn: int) -> None:
    live.upsert(np.array([turn]), matrix[[turn]])


def _timed(index: VectorIndex | LiveIndex, queries: Matrix, allowed: Mask | None = None) -> Timing:
    def call(turn: int) -> tuple[Ids, Scores]:
        return index.search(queries[[turn]], K, allowed)

    return timed(call, len(queries))


def _bytes(index: VectorIndex) -> int:
    """Of its snapshot; in memory it takes as much."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index"
        index.save(path)
        return path.stat().st_size


def _recall(found: Ids, truth: Ids) -> float:
    hits = sum(len(set(ours) & set(theirs)) for ours, theirs in zip(found, truth, strict=True))
    return hits / truth.size


def _clustered(rows: int, dim: int, queries: int) -> tuple[Matrix, Matrix]:
    """Unit vectors around one centre per hundred rows, and queries from the same clusters."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((max(1, rows // 100), dim), dtype=np.float32)
    points = rng.standard_normal((rows + queries, dim), dtype=np.float32)
    points += centres[rng.integers(0, len(centres), rows + queries)]
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return points[:rows], points[rows:]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--queries", type=int, default=200)
    arguments = parser.parse_args()
    if min(arguments.rows, arguments.dim, arguments.queries) < 1:
        parser.error("--rows, --dim and --queries must be at least 1")
    return arguments


if __name__ == "__main__":
    main()
