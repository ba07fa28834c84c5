"""Waiting until an event counts in the answers."""

import anyio
from starlette.concurrency import run_in_threadpool

from service.api.deps import ApiDeps
from service.api.problems import Problem

_LOOK_SECONDS = 0.02


async def wait_for_sequence(deps: ApiDeps, min_sequence: int, timeout_ms: int) -> None:
    """Return once events up to `min_sequence` count in the answers.

    Raises `Problem` (503 after the timeout; 409 at once where no event has that number), `NoRelease`.
    """
    holder = deps.holder
    if holder.serving().events_through < min_sequence:
        last = await run_in_threadpool(deps.last_sequence)
        if last < min_sequence:
            detail = f"no event has the sequence number {min_sequence} yet; the newest has {last}"
            raise Problem(409, "no-such-sequence", detail, sequence=last)
    with anyio.move_on_after(timeout_ms / 1000):
        while holder.serving().events_through < min_sequence:
            await anyio.sleep(_LOOK_SECONDS)
        return
    through = holder.serving().events_through
    if through < min_sequence:
        raise Problem(
            503,
            "not-that-fresh",
            f"events up to {through} count in the answers, not yet up to {min_sequence}; try again later",
            headers={"Retry-After": "1"},
            events_through=through,
        )
