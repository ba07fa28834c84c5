"""Work that takes only what the others leave."""

import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from threadpoolctl import threadpool_limits

logger = logging.getLogger(__name__)

NICENESS = 10

Result = TypeVar("Result")


def give_way() -> None:
    """Let all threads of this process, and those they start, have the smaller share of a busy processor.

    Numerical libraries start threads while they are imported, and niceness is each thread's own on Linux."""
    for thread in _threads():
        try:
            os.setpriority(os.PRIO_PROCESS, thread, NICENESS)
        except OSError as error:  # it has ended, or a sandbox forbids it
            logger.info("a thread keeps its priority: %s", error.strerror)


def when_idle(work: Callable[[], Result]) -> Result:
    """Work in a thread that gives up the processor at once whenever anybody else wants it (Linux's
    SCHED_IDLE; elsewhere as it is): a nice process keeps one for some milliseconds while a request waits.

    Linear algebra is done in the one thread meanwhile: threads that its library started earlier would not be
    idle. Not for what holds a lock that others wait for: it may get no processor for long. That is why it is
    not the whole process; and there is no way back for a thread without privileges."""

    def run() -> Result:
        if hasattr(os, "SCHED_IDLE"):
            try:
                os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
            except OSError as error:
                logger.info("a thread keeps its priority: %s", error.strerror)
        with threadpool_limits(1, "blas"):
            return work()

    with ThreadPoolExecutor(1, "idle") as pool:
        return pool.submit(run).result()


def _threads() -> list[int]:
    try:
        return [int(thread.name) for thread in Path("/proc/self/task").iterdir()]
    except OSError:  # another system
        return [0]
