"""Processes beside the one that serves: started so that Ctrl-C in a terminal, which reaches every process of
it, is left to the one that ends them in order."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker

ENDED_IN_ORDER = frozenset({0, -signal.SIGTERM})
"""Exit codes of a process that was asked to end: by SIGTERM, which it obeys (0), or which came before it
could (it still imports its libraries). Whoever sends it to all processes at once sends it to us as well."""
ASKED_SECONDS = 2.0
"""So long after such an end it may turn out that everything is being ended."""


@contextmanager
def fresh_interpreter() -> Iterator[None]:
    """Start processes within the block: Ctrl-C waits in them until they let it in.

    Without this, Ctrl-C while they import their libraries prints what they were importing.
    """
    # a folder `service/` in the current directory must not shadow ours
    os.environ["PYTHONSAFEPATH"] = "1"
    resource_tracker.ensure_running()  # else the first start does it, and lets the signal in again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # a new process inherits the mask
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def let_interrupts_in() -> None:
    """In the child: handle Ctrl-C from now on, one that waits included."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def leave_interrupts_to_parent() -> None:
    """In the child: Ctrl-C does nothing, not even one that waits."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    let_interrupts_in()
