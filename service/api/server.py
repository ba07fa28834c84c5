"""Run the application with uvicorn: one process, or several that share the port."""

import errno
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.config import STARTUP_FAILURE

from gnn.freed_memory import keep_few_arenas
from graph.errors import GraphError, NeedsMending, RetryableStoreError
from service.api.keys import ApiKeys, check_binding
from service.api.metrics import MULTIPROCESS_VARIABLE
from service.api.metrics_folder import metrics_folder
from service.api.worker_supervisor import WorkerSupervisor
from service.child_process import let_interrupts_in
from service.errors import CallerMistake, ServiceError
from service.machine_refusals import refusal_of
from service.short_turns import take_short_turns

logger = logging.getLogger(__name__)

FAILED_SECONDS = 1.0
"""How long a worker that cannot start puts off its end, and with it the start of the next one."""

NOT_STARTED = "the server could not start; the log above says why"

AppFactory = Callable[[], ASGIApp]
"""Makes the application in each process. With several workers it is sent to them: a function of a module or
a `functools.partial` of one."""


class PortInUse(ServiceError):
    """Another program listens on the port."""


@dataclass(frozen=True)
class ServerOptions:
    """How to run."""

    workers: int = 1
    grace_seconds: int = 10
    """How long requests under way may take to end after SIGTERM or Ctrl-C."""
    start_seconds: int = 120
    """A worker that does not answer its parent for so long is replaced. It cannot while it imports its
    libraries: some seconds on a quiet machine, many more on a busy one."""


def bind(host: str, port: int, keys: ApiKeys) -> socket.socket:
    """Take the port; `address_of` tells which one it became where `port` is 0.

    Raises `CallerMistake` (no such address, or one beyond this machine without keys), `PortInUse`.
    """
    check_binding(host, keys)
    plain = host.strip("[]")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            plain, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError:
        raise CallerMistake(f"there is no address {host!r} on this machine; try --host 127.0.0.1") from None
    taken = socket.socket(family, kind, protocol)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind(address)
        taken.listen(2048)  # at once, so that a second server fails on bind and not later
    except OSError as error:
        taken.close()
        raise PortInUse(
            f"cannot listen on {host}:{port} ({error.strerror}); stop what listens there, or choose another "
            "--port (0: any free)"
        ) from None
    taken.set_inheritable(True)
    return taken


def address_of(listening: socket.socket) -> str:
    """`http://host:port` of a bound socket."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run_server(
    factory: AppFactory,
    listening: socket.socket,
    options: ServerOptions | None = None,
    ending: Callable[[], None] = lambda: None,
) -> None:
    """Serve until SIGTERM or Ctrl-C, then finish the requests under way.

    ending: called when the signal has come, before requests under way are finished.
    Raises `ServiceError` where the application cannot start.
    """
    options = options or ServerOptions()
    take_short_turns()
    keep_few_arenas()
    if options.workers == 1:
        _run_one(factory, listening, options, ending)
    else:
        _run_many(factory, listening, options, ending)


class _Server(uvicorn.Server):
    """Tells when a signal asks it to end."""

    def __init__(self, config: uvicorn.Config, ending: Callable[[], None]) -> None:
        super().__init__(config)
        self._ending = ending

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """As uvicorn's, which stops accepting requests."""
        first = not self.should_exit
        super().handle_exit(sig, frame)
        if first:  # once: a second signal may come while this one is handled
            self._ending()


def _run_one(
    factory: AppFactory, listening: socket.socket, options: ServerOptions, ending: Callable[[], None]
) -> None:
    server = _Server(_config(factory, options), ending)
    with _signals_end_quietly():
        server.run(sockets=[listening])
    if not server.started:
        raise ServiceError(NOT_STARTED)


@contextmanager
def _signals_end_quietly() -> Iterator[None]:
    """uvicorn ends in order on a signal and then raises it again, which would cut off whatever the caller
    still has to clean up; here that second signal does nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run_many(
    factory: AppFactory, listening: socket.socket, options: ServerOptions, ending: Callable[[], None]
) -> None:
    with metrics_folder() as folder:
        os.environ[MULTIPROCESS_VARIABLE] = str(folder)
        try:
            config = _config(WorkerFactory(factory, os.getpid()), options)
            supervisor = WorkerSupervisor(config, [listening], ending)
            supervisor.run()
        finally:
            del os.environ[MULTIPROCESS_VARIABLE]
            listening.close()
    if supervisor.failed:
        raise ServiceError(NOT_STARTED)


@dataclass(frozen=True)
class WorkerFactory:
    """Makes a worker's application; the worker ends when the process that started it is gone."""

    factory: AppFactory
    parent: int

    def __call__(self) -> ASGIApp:
        """Make the application. Ends the worker where that fails: with `STARTUP_FAILURE` where a setting is
        broken or the store or the log refuses us (another's, a wrong password, a file that we may not open
        or that is damaged, too many open files), as further workers would fail likewise."""
        let_interrupts_in()  # uvicorn handles them by now
        take_short_turns()
        keep_few_arenas()
        threading.Thread(target=self._watch, name="parent-watch", daemon=True).start()
        try:
            return self.factory()
        except (GraphError, ServiceError) as error:
            logger.error("the worker cannot start: %s", error)  # noqa: TRY400 - one line says it
            time.sleep(FAILED_SECONDS)
            passes = isinstance(error, RetryableStoreError) and not isinstance(error, NeedsMending)
            raise SystemExit(1 if passes else STARTUP_FAILURE) from None
        except OSError as error:
            if error.errno != errno.EMFILE:
                raise
            logger.error("the worker cannot start: %s", refusal_of(error))  # noqa: TRY400 - one line says it
            time.sleep(FAILED_SECONDS)
            raise SystemExit(STARTUP_FAILURE) from None  # further workers have the same limit

    def _watch(self) -> None:
        while os.getppid() == self.parent:
            time.sleep(1.0)
        os.kill(os.getpid(), signal.SIGTERM)


def _config(factory: Callable[..., Any], options: ServerOptions) -> uvicorn.Config:
    return uvicorn.Config(
        factory,
        factory=True,
        workers=options.workers,
        log_config=None,  # whoever starts the server configures logging
        access_log=False,  # its lines would hold paths, and paths hold users' ids
        server_header=False,
        date_header=True,
        timeout_graceful_shutdown=options.grace_seconds,
        timeout_worker_healthcheck=options.start_seconds,
        lifespan="on",
        proxy_headers=False,
    )
