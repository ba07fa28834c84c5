"""Waiting until an event counts in the answers."""

import anyio

from service.api.problems import Problem
from service.release_holder import ReleaseHolder

_LOOK_SECONDS = 0.02


async def wait_for_sequence(holder: ReleaseHolder, min_sequence: int, timeout_ms: int) -> None:
    """Return once events up to `min_sequence` count in the answers. Raises `Problem` 503 after the timeout,
    `NoRelease` while nothing serves."""
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
