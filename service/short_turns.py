"""How threads of one process take turns."""

import sys

SECONDS = 0.001


def take_short_turns() -> None:
    """Hand the interpreter over after 1 ms instead of Python's 5 where another thread waits for it.

    A request and a fold-in give it up dozens of times, when a library computes without it; while a thread
    beside them works, each time cost them up to 5 ms until they had it back.
    """
    sys.setswitchinterval(SECONDS)
