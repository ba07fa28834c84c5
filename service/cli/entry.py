"""Where `ilk` begins: nothing heavy is imported here, so that Ctrl-C is quiet from the first moment on."""

import os
import signal
import threading
from collections.abc import Callable, Sequence
from types import FrameType


def main(argv: Sequence[str] | None = None) -> None:
    """Run `ilk`. Exit code 0: fine; 1: it failed; 2: the caller's mistake; 130: Ctrl-C."""
    begun = _interrupts_end_at_once()
    from service.cli.command import main as run_main

    begun()
    run_main(argv)


def _interrupts_end_at_once() -> Callable[[], None]:
    """While libraries are imported there is nothing to finish, and a traceback would tell nobody anything:
    Ctrl-C ends the process, until what is returned is called. From then on it is as ever.

    The handler is set once: libraries (polars) put theirs before it when they are imported.
    """
    importing = threading.Event()
    importing.set()

    def interrupted(number: int, frame: FrameType | None) -> None:
        if importing.is_set():
            os._exit(128 + number)
        signal.default_int_handler(number, frame)

    main_thread = threading.current_thread() is threading.main_thread()
    if main_thread and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupted)  # else whoever started us wants it ignored, or otherwise
    return importing.clear
