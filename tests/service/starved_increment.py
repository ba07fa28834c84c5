"""An increment that gets no processor without a share of its own; in a module that is imported quickly."""

import time
from multiprocessing.connection import Connection
from pathlib import Path


def starved(home: Path, idle: bool, over: Connection) -> None:
    """Note in the home how it began, and sleep where it is to be idle."""
    with (home / "began").open("a", encoding="utf-8") as out:
        out.write("idle " if idle else "own")
    if idle:
        time.sleep(600)


def publishing(home: Path, idle: bool, over: Connection) -> None:
    """Say that nothing more is idle, and go on for two seconds that cost no processor."""
    over.send_bytes(b".")
    with (home / "began").open("a", encoding="utf-8") as out:
        out.write("idle " if idle else "own ")
    time.sleep(2)
    with (home / "began").open("a", encoding="utf-8") as out:
        out.write("whole")
