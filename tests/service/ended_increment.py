"""Increments that end at once; in a module that is imported quickly."""

import sys
from multiprocessing.connection import Connection
from pathlib import Path


def quick(home: Path, _idle: bool, _over: Connection) -> None:
    """Note in the home that it began, and train nothing."""
    with (home / "began").open("a", encoding="utf-8") as out:
        out.write("x")


def failing(home: Path, idle: bool, over: Connection) -> None:
    """The same, and fail."""
    quick(home, idle, over)
    sys.exit(1)
