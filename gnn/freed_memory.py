"""Memory that was freed goes back to the system before much is asked for at once."""

import ctypes
import gc
import sys


def give_back_freed_memory() -> None:
    """Ask the C library for it (`malloc_trim`); nothing happens where it has no such call.

    glibc keeps the pages of freed blocks up to 32 MB for later ones. After thousands of batches these are
    some hundred megabytes in pieces that a large array cannot use, and both would count.
    """
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
