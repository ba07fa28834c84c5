"""Increments leave the processor to others, each thread of them."""

import subprocess
import sys

import pytest

PROGRAM = """
import os, threading
from service.increments.giving_way import NICENESS, give_way, when_idle
done = threading.Event()
before = threading.Thread(target=done.wait)
before.start()
give_way()
nice = [os.getpriority(os.PRIO_PROCESS, int(one)) for one in os.listdir("/proc/self/task")]
print(len(nice) > 1 and min(nice) >= NICENESS)
print(when_idle(lambda: os.sched_getscheduler(0)) == os.SCHED_IDLE)
print(os.sched_getscheduler(0) == os.SCHED_OTHER)
done.set()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="of Linux's scheduler")
def test_all_threads_are_nice_and_only_the_one_that_computes_is_idle() -> None:
    """In a process of its own: there is no way back."""
    told = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True)
    assert told.stdout.split() == ["True"] * 3


def test_what_fails_while_idle_is_raised() -> None:
    from service.increments.giving_way import when_idle

    with pytest.raises(ZeroDivisionError):
        when_idle(lambda: 1 / 0)
