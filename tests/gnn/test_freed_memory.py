"""Threads of a process share few places of memory: in a process of its own, for the limit stays."""

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
