"""kill -9 while writing: afterwards each batch is there wholly or not at all, and none that was acknowledged
is missing."""

import random
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from graph.sqlite_log import SqliteLog
from graph.sqlite_store import SqliteGraphStore
from tests.graph.crash_writers import BATCH, PROCESSES, append_until_killed, apply_until_killed, batch
from tests.graph.events import edges, frame, sequenced

ROUNDS = 10


def kill_somewhere(target: Callable[[Path, Path], None], path: Path, acknowledged: Path, seed: int) -> int:
    """Let the writer start and write, kill it at a random moment; how many batches it saw acknowledged."""
    before = acknowledged.stat().st_size if acknowledged.exists() else 0
    process = PROCESSES.Process(target=target, args=(path, acknowledged), daemon=True)
    process.start()
    deadline = time.monotonic() + 60
    while not acknowledged.exists() or acknowledged.stat().st_size == before:
        assert process.is_alive()
        assert time.monotonic() < deadline
        time.sleep(0.002)
    time.sleep(random.Random(seed).uniform(0, 0.05))
    process.kill()
    process.join()
    # the last line may be torn: its batch was acknowledged, its note not finished
    return len([line for line in acknowledged.read_text().splitlines(keepends=True) if line.endswith("\n")])


def test_the_log_survives(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    for seed in range(ROUNDS):
        count = kill_somewhere(append_until_killed, path, tmp_path / "notes", seed)
        log = SqliteLog(path)
        last = log.last_seq()
        assert last % BATCH == 0
        assert last // BATCH >= count
        log.close()
    log = SqliteLog(path)
    events = log.read(0, last)
    assert events["seq"].to_list() == list(range(1, last + 1))
    assert events["event_id"].to_list() == [f"e{n}" for n in range(last)]
    again = log.append(frame(*batch(0), *batch(last // BATCH - 1)))
    assert not again.accepted.any()
    log.close()


def test_the_graph_survives(tmp_path: Path) -> None:
    path = tmp_path / "graph.sqlite"
    for seed in range(ROUNDS):
        count = kill_somewhere(apply_until_killed, path, tmp_path / "notes", seed)
        store = SqliteGraphStore(path)
        applied = store.applied_seq()
        assert applied % BATCH == 0
        assert applied // BATCH >= count
        store.close()
    survivor, undisturbed = SqliteGraphStore(path), SqliteGraphStore(tmp_path / "undisturbed.sqlite")
    undisturbed.ensure_schema()
    events = [one for number in range(applied // BATCH) for one in batch(number)]
    undisturbed.apply(sequenced(*events), applied)
    assert survivor.stats() == undisturbed.stats()
    assert survivor.review_texts().equals(undisturbed.review_texts())
    np.testing.assert_equal(edges(survivor), edges(undisturbed))
    assert (edges(survivor)["weight"] == 0).any()
    survivor.close()
    undisturbed.close()
