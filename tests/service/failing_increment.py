"""An increment that fails; in a module that is imported quickly."""

import sys
from multiprocessing.connection import Connection
from pathlib import Path


def failing(home: Path, idle: bool, over: Connection) -> None:
    """Note in the home that it began, and fail."""
    with (home / "began").open("a", encoding="utf-8") as out:
        out.write("x")
    sys.exit(1)
