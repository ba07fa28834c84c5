"""An increment that gets no processor without a share of its own; in a module that is imported quickly."""

import time
from pathlib import Path


def starved(home: Path, idle: bool) -> None:
    """Note in the home how it began, and sleep where it is to be idle."""
    with (home / "began").open("a", encoding="utf-8") as out:
        out.write("idle " if idle else "own")
    if idle:
        time.sleep(600)
