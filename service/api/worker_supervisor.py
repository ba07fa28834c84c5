"""Keeps the API workers running: looks at all of them in every round and waits for none."""

import logging
import time
from collections.abc import Callable
from socket import socket

from prometheus_client.multiprocess import mark_process_dead
from uvicorn.config import STARTUP_FAILURE, Config
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

from service.child_process import fresh_interpreter

logger = logging.getLogger(__name__)


class WorkerSupervisor(Multiprocess):
    """uvicorn's own waits for a worker's sign of life before it looks at the next one: while one starts, or
    was killed in that moment, nobody replaced the others for `timeout_worker_healthcheck` seconds."""

    def __init__(self, config: Config, sockets: list[socket], ending: Callable[[], None]) -> None:
        """ending: called once it was asked to end, before the workers are."""
        super().__init__(config, sockets)
        self._ending = ending
        self._asked: dict[Process, float] = {}
        """Workers that owe a sign of life, since when (monotonic)."""
        self._serving: set[Process] = set()
        """Workers that have begun to answer requests."""
        self.failed = False
        """Whether it ended because workers cannot start."""

    def init_processes(self) -> None:
        """Start the workers."""
        with fresh_interpreter():
            super().init_processes()

    def terminate_all(self) -> None:
        """End the workers in order."""
        self._ending()
        super().terminate_all()

    def keep_subprocess_alive(self) -> None:
        """Replace every worker that is gone, or that owes a sign of life for too long. Where one cannot start
        for a reason that stays and no other one answers, all ends."""
        for place, process in enumerate(self.processes):
            if self.should_exit.is_set():
                return
            if self._lives(process):
                continue
            process.kill()
            process.join()
            self._asked.pop(process, None)
            self._serving.discard(process)
            mark_process_dead(process.pid)  # type: ignore[no-untyped-call]  # else its gauges count for ever
            if process.exitcode == STARTUP_FAILURE and not self._serving:  # further ones would fail likewise
                self.failed = True
                logger.error("a worker failed to start; the server ends")
                self.should_exit.set()
                return
            logger.error("a worker ended with code %s; starting another one", process.exitcode)
            self.processes[place] = Process(self.config, self.sockets)
            with fresh_interpreter():
                self.processes[place].start()

    def _lives(self, process: Process) -> bool:
        """Ask for a sign of life, or look whether the one that was asked for has come."""
        if not process.process.is_alive():
            return False
        now = time.monotonic()
        try:
            if process not in self._asked:
                process.parent_conn.send(b"ping")
                self._asked[process] = now
            elif process.parent_conn.poll(0):
                if process.parent_conn.recv() is True:
                    self._serving.add(process)
                del self._asked[process]
        except (OSError, EOFError):
            return False
        return now - self._asked.get(process, now) <= self.config.timeout_worker_healthcheck
