"""Publishes one release after the other until it is killed, over and over.

Arguments: a folder, then seconds. For each number of seconds a fresh process writes to a folder of its own
below the given one and is killed so long after its first publication; what it last told goes to standard
output. The processes are forked: importing takes far longer than publishing.
"""

import os
import signal
import sys
import time
from pathlib import Path

from tests.service.release_toys import ToyShop, publish, toy_store


def publish_for_ever(root: Path, told: int) -> None:
    store = toy_store(root)
    for through in range(1, 10_000):
        publish(store, ToyShop(n=200), through)
        os.write(told, f"{through}\n".encode())


def kill_one(root: Path, seconds: float) -> int:
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        publish_for_ever(root, tell)
        os._exit(1)
    os.close(tell)
    with os.fdopen(told) as lines:
        first = lines.readline()
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return int([first, *lines][-1])


if __name__ == "__main__":
    for number, wait in enumerate(sys.argv[2:]):
        sys.stdout.write(f"{kill_one(Path(sys.argv[1]) / str(number), float(wait))}\n")
