"""The gauges that say where this worker stands, kept true between two looks of Prometheus."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from starlette.concurrency import run_in_threadpool

from service.api.deps import ApiDeps
from service.api.waiting_events import counted_through
from service.releases.errors import NoRelease
from service.releases.holder import Serving

logger = logging.getLogger(__name__)

EVERY_SECONDS = 1.0


def show_worker(deps: ApiDeps) -> None:
    """Bring them up to date: what this worker serves, how many accepted events do not count in it, and for
    how long the oldest of them has waited."""
    serving, last, waited = _standing(deps)
    deps.metrics.show_serving(serving, last - (serving.events_through if serving else 0), waited)


def waited_seconds(deps: ApiDeps) -> float:
    """For how long the oldest event that does not count in this worker has waited (`WaitingEvents.look`)."""
    _, _, waited = _standing(deps)
    return waited


def _standing(deps: ApiDeps) -> tuple[Serving | None, int, float]:
    """What this worker serves, the newest event in the log, and how long the oldest uncounted one waited."""
    updater = deps.updater()
    try:
        serving = deps.holder.serving()
    except NoRelease:
        serving = None
    last = deps.last_sequence()
    return serving, last, deps.waiting.look(last, counted_through(serving, updater), updater)


@contextlib.asynccontextmanager
async def worker_gauges(deps: ApiDeps, seconds: float = EVERY_SECONDS) -> AsyncIterator[None]:
    """While the context lasts, bring them up to date every so many seconds.

    Prometheus reaches one worker at a time and gets the least or greatest of what all of them wrote last: a
    worker that wrote only when it was reached would show for minutes what is long past.
    """
    task = asyncio.create_task(_keep_showing(deps, seconds))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _keep_showing(deps: ApiDeps, seconds: float) -> None:
    failing = False
    while True:
        try:
            await run_in_threadpool(show_worker, deps)
            failing = False
        except Exception as error:  # the log may be out of reach for a while; requests say so themselves
            if not failing:
                logger.warning("this worker's gauges stay as they are: %s", error)
            failing = True
        await asyncio.sleep(seconds)
