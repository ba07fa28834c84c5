"""Recall of the served index, main + fresh + tombstones, against an exact search at every moment of a stream.

    python -m benchmarks.recall --seconds 600

A writer replaces, inserts and removes rows without a pause; rebuilds run beside it, as in an API worker.
Every sample takes the view that is served at that moment and compares its answers with all rows alive then.
"""

import argparse
import json
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.measurement import machine
from index import LiveIndex, RebuildLimits, build_index

K = 10
Floats = npt.NDArray[np.float32]


class Stream:
    """A catalogue that changes, and the index that follows it."""

    def __init__(self, items: int, dim: int, kind: str, limits: RebuildLimits) -> None:
        self._rng = np.random.default_rng(0)
        self._centres = self._rng.normal(size=(max(items // 50, 1), dim)).astype(np.float32)
        self.rows = self._vectors(items)
        self.alive = np.ones(items, np.bool_)
        self._kind = kind
        self.lock = threading.Lock()
        self.index = LiveIndex(self._built(self.rows), self._built, limits=limits)
        self.rebuilds = self.changes = 0

    def _built(self, matrix: Floats) -> Any:
        return build_index(self._kind, matrix)

    def _vectors(self, n: int) -> Floats:
        """Unit rows around centres: what an embedding of a shop looks like, unlike rows without clusters."""
        near = self._centres[self._rng.integers(0, len(self._centres), n)]
        rows = near + 0.6 * self._rng.normal(size=near.shape).astype(np.float32)
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)

    def step(self, changed: int) -> None:
        """Most rows move by about their own length, a few arrive and a few go.

        Fold-ins move rows far less. After some minutes nothing is left of the clusters, and a graph is
        hardest to walk where rows lie anywhere.
        """
        new, gone = max(changed // 20, 1), max(changed // 20, 1)
        with self.lock:
            n = len(self.rows)
            some = np.unique(self._rng.integers(0, n, changed))
            some = some[self.alive[some]]
            moved = self.rows[some] + 0.1 * self._rng.normal(size=(len(some), self.rows.shape[1]))
            moved /= np.linalg.norm(moved, axis=1, keepdims=True)
            self.rows[some] = moved
            added = self._vectors(new)
            self.rows = np.concatenate([self.rows, added])
            self.alive = np.append(self.alive, np.ones(new, np.bool_))
            dead = np.unique(self._rng.integers(0, n, gone))
            self.alive[dead] = False
            rows = np.concatenate([some, np.arange(n, n + new)])
            self.index.upsert(rows, self.rows[rows])
            self.index.remove(dead)
        self.changes += len(rows) + len(dead)

    def rebuild(self) -> None:
        """As the index asks for it; changes go on meanwhile."""
        with self.lock:
            matrix, alive, since = self.rows.copy(), self.alive.copy(), self.index.version
        self.index.rebuild(matrix, since, alive)
        self.rebuilds += 1

    def recall(self, queries: int) -> tuple[float, int]:
        """(share of the exact best K that the served view finds, dead rows that it returned)."""
        with self.lock:
            view, matrix, alive = self.index.view(), self.rows.copy(), self.alive.copy()
        asked = matrix[np.random.default_rng(self.changes).choice(np.flatnonzero(alive), queries)]
        found, _ = view.search(asked, K)
        scores = asked @ matrix.T
        scores[:, ~alive] = -np.inf
        best = np.argpartition(-scores, K, axis=1)[:, :K]
        hits = sum(len(np.intersect1d(a, b)) for a, b in zip(found, best, strict=True))
        return hits / best.size, int((~alive[found[found >= 0]]).sum())


def watched(stream: Stream, seconds: float, every: float, changed: int, queries: int) -> list[dict[str, Any]]:
    """Samples of a stream of so many seconds."""
    over = threading.Event()

    def write() -> None:
        while not over.wait(0.05):
            stream.step(changed)

    def build() -> None:
        while not over.wait(0.2):
            if stream.index.needs_rebuild():
                stream.rebuild()

    threads = [threading.Thread(target=work) for work in (write, build)]
    for thread in threads:
        thread.start()
    samples: list[dict[str, Any]] = []
    started = time.monotonic()
    try:
        while time.monotonic() - started < seconds:
            recall, dead = stream.recall(queries)
            view = stream.index.view()
            at = round(time.monotonic() - started, 1)
            sizes = {"fresh": len(view.fresh.rows), "tombstones": view.tombstones}
            samples.append({"at": at, "recall": recall, "dead": dead, **sizes, "rebuilds": stream.rebuilds})
            time.sleep(every)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    return samples


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--every", type=float, default=2.0, help="seconds between samples")
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--kind", default="hnsw", help="index: flat, hnsw")
    parser.add_argument("--changed", type=int, default=50, help="rows that one step of the stream moves")
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--json", type=Path, help="where to keep the figures")
    wanted = parser.parse_args()
    print(machine())
    stream = Stream(wanted.items, wanted.dim, wanted.kind, RebuildLimits(fresh_rows=5_000))
    samples = watched(stream, wanted.seconds, wanted.every, wanted.changed, wanted.queries)
    recalls = np.array([sample["recall"] for sample in samples])
    found = {
        "samples": len(samples),
        "least_recall": float(recalls.min()),
        "mean_recall": float(recalls.mean()),
        "dead_rows_returned": sum(sample["dead"] for sample in samples),
        "changes": stream.changes,
        "rebuilds": stream.rebuilds,
        "most_fresh_rows": max(sample["fresh"] for sample in samples),
        "most_tombstones": max(sample["tombstones"] for sample in samples),
    }
    print(json.dumps(found, indent=1))
    if wanted.json:
        settings = {name: value for name, value in vars(wanted).items() if name != "json"}
        figures = {"machine": machine(), "settings": settings, **found, "sampled": samples}
        wanted.json.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
