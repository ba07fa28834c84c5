"""Writers that run in processes of their own, to be killed, raced and starved by the tests."""

import multiprocessing
import resource
import signal
from pathlib import Path

from graph.errors import GraphError
from graph.interaction import Interaction
from graph.sqlite_log import SqliteLog
from graph.sqlite_store import SqliteGraphStore
from tests.graph.events import event, frame, sequenced

PROCESSES = multiprocessing.get_context("forkserver")
# the server imports once what every child needs
PROCESSES.set_forkserver_preload(["pytest", "tests.graph.crash_writers"])

BATCH = 200


def batch(number: int) -> list[Interaction]:
    """Events of one batch; the same ones for the same number."""
    start = number * BATCH
    kinds = ("view_item", "purchase", "purchase", "refund")
    return [
        event(f"e{n}", f"u{n % 17}", f"i{n % 13}", kinds[(n // 221) % 4], at=n, review_text=f"text {n}")
        for n in range(start, start + BATCH)
    ]


def append_until_killed(path: Path, acknowledged: Path) -> None:
    """Append batch after batch; write each number down once its append has returned."""
    log = SqliteLog(path)
    with acknowledged.open("a") as notes:
        number = log.last_seq() // BATCH
        while True:
            log.append(frame(*batch(number)))
            notes.write(f"{number}\n")
            notes.flush()
            number += 1


def apply_until_killed(path: Path, acknowledged: Path) -> None:
    """Apply batch after batch; write each number down once its apply has returned."""
    store = SqliteGraphStore(path)
    store.ensure_schema()
    with acknowledged.open("a") as notes:
        number = store.applied_seq() // BATCH
        while True:
            store.apply(sequenced(*batch(number), first=number * BATCH + 1), (number + 1) * BATCH)
            notes.write(f"{number}\n")
            notes.flush()
            number += 1


def append_shared_ids(path: Path, name: str) -> int:
    """Append 30 frames; half of each frame's ids are everybody's. Returns how many were accepted."""
    log = SqliteLog(path)
    accepted = 0
    for number in range(30):
        ours = [event(f"{name}-{number}-{n}", name) for n in range(5)]
        shared = [event(f"shared-{number}-{n}", name) for n in range(5)]
        accepted += int(log.append(frame(*ours, *shared)).accepted.sum())
    log.close()
    return accepted


def append_on_a_full_disk(path: Path) -> str:
    """Append until no file may grow any further. Returns the error."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    log = SqliteLog(path)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
    for number in range(1, 100):
        try:
            log.append(frame(*batch(number)))
        except GraphError as error:
            return f"{type(error).__name__}: {error}"
    return "nothing happened"
