"""Increments leave the processor to others, each thread of them."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import os, threading
import numpy
from threadpoolctl import threadpool_info
from service.increments.giving_way import NICENESS, give_way, when_idle
done = threading.Event()
before = threading.Thread(target=done.wait)
before.start()
give_way()
nice = [os.getpriority(os.PRIO_PROCESS, int(one)) for one in os.listdir("/proc/self/task")]
print(len(nice) > 1 and min(nice) >= NICENESS)
print(when_idle(lambda: os.sched_getscheduler(0)) == os.SCHED_IDLE)
print(os.sched_getscheduler(0) == os.SCHED_OTHER)
threads = lambda: [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]
print(max(threads()) == 2 and max(when_idle(threads)) == 1)
done.set()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="of Linux's scheduler")
def test_all_threads_are_nice_and_only_the_one_that_computes_is_idle() -> None:
    """In a process of its own: there is no way back."""
    environment = os.environ | {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}
    command = [sys.executable, "-c", PROGRAM]
    told = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    assert told.stdout.split() == ["True"] * 4


def test_what_fails_while_idle_is_raised() -> None:
    from service.increments.giving_way import when_idle

    with pytest.raises(ZeroDivisionError):
        when_idle(lambda: 1 / 0)
