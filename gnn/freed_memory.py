"""Memory that was freed goes back to the system."""

import ctypes
import gc
import logging
from collections.abc import Callable
from functools import cache

logger = logging.getLogger(__name__)

_M_ARENA_MAX = -8
"""Of glibc's malloc.h."""


def give_back_freed_memory(*, cycles: bool = False) -> None:
    """Return what the C library keeps of freed blocks (`malloc_trim`); nothing where it cannot. Takes some
    ten milliseconds.

    glibc keeps the pages of freed blocks up to 32 MB for later ones, and in every thread's arena: after
    thousands of batches these are some hundred megabytes in pieces that a large array cannot use, and both
    count; after computing everything for 130,000 events the updater held 260 MiB (measured).

    cycles: collect objects that refer to each other first; other threads wait for that.
    """
    if cycles:
        gc.collect()
    trim = _trim()
    if trim is not None:
        trim(0)


def settle() -> None:
    """Look for cycles once, then never again at what is there now: for a process whose libraries are loaded
    and which goes on for days. Memory that the objects own is freed as before.

    Whenever a quarter more objects have come, Python looks at all of them and holds everybody up meanwhile:
    90 to 105 ms of processor time in an API worker, 55 to 60 in the updater (measured); afterwards only at
    what came since."""
    gc.collect()
    gc.freeze()


def keep_few_arenas() -> bool:
    """Let threads of this process take memory from the same two places; whether the C library can. Where some
    have others already, these are shared out.

    glibc gives up to 8 threads a core a place of their own each, and what one frees another does not use: an
    API worker that followed 3,000 events held 1,000 MiB, 560 MiB with two (of both 210 MiB are files that
    processes share), at the same latencies (measured)."""
    try:
        return bool(ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2))
    except (AttributeError, OSError, TypeError):  # another C library
        return False


@cache
def _trim() -> Callable[[int], int] | None:
    try:
        trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # another C library
        logger.info("freed memory is kept: this C library has no malloc_trim")
        return None
    return trim
