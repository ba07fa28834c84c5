"""Memory of a process that serves for days: each in a process of its own, for what is set there stays."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import ctypes, sys, threading
from gnn.freed_memory import keep_few_arenas
if sys.argv[1] == "few" and not keep_few_arenas():
    print("none")
    sys.exit()
done = threading.Event()
def work():
    held = [bytes(500) for _ in range(1000)]
    done.wait(10)
threads = [threading.Thread(target=work) for _ in range(12)]
for thread in threads:
    thread.start()
library = ctypes.CDLL(None)
library.fopen.restype = ctypes.c_void_p
out = ctypes.c_void_p(library.fopen(sys.argv[2].encode(), b"w"))
library.malloc_info(0, out)
library.fclose(out)
done.set()
print(open(sys.argv[2]).read().count("<heap "))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="of glibc")
def test_threads_share_places_of_memory(tmp_path: Path) -> None:
    places = {}
    for limit in ("few", "many"):
        told = subprocess.run(
            [sys.executable, "-c", PROGRAM, limit, f"{tmp_path}/{limit}.xml"],
            check=True,
            capture_output=True,
            text=True,
            timeout=120,
        )
        if told.stdout.strip() == "none":
            pytest.skip("another C library")
        places[limit] = int(told.stdout)
    assert places["few"] < places["many"]


SETTLING = """
import gc, weakref
from gnn.freed_memory import settle
class Node:
    pass
def cycle():
    one, other = Node(), Node()
    one.other, other.other = other, one
    return weakref.ref(one)
before = cycle()
kept = [[number] for number in range(100_000)]
settle()
after = cycle()
gc.collect()
print(before() is None, after() is None, gc.get_freeze_count() > 100_000, len(gc.get_objects()) < 10_000)
"""


def test_a_settled_process_looks_for_cycles_among_what_came_since_only() -> None:
    told = subprocess.run([sys.executable, "-c", SETTLING], check=True, capture_output=True, text=True)
    assert told.stdout.split() == ["True"] * 4
