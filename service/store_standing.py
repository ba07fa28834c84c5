"""What a graph store holds, and what it held when it last answered."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from graph.errors import StoreUnavailable
from graph.store import GraphStore, StoreHealth, StoreStats


@dataclass(frozen=True)
class Standing:
    """A look at a store."""

    health: StoreHealth
    stats: StoreStats | None = None
    """None: not seen yet."""
    counted_at: float | None = None
    """Unix time of `stats`; None where there are none."""


class StoreStanding:
    """Asks a store, and remembers what it answered for the time when it is out of reach."""

    def __init__(
        self,
        store: GraphStore,
        asking: Callable[[], AbstractContextManager[None]] = nullcontext,
        backend: str = "",
    ) -> None:
        """backend: of a store that was never reached. asking: around each question
        (`LastKnownShop.asking`); raises `StoreUnavailable` at once while the store is known to be away."""
        self._store = store
        self._asking = asking
        self._last = Standing(StoreHealth(False, backend, "", "never asked"))

    def look(self) -> Standing:
        """As it is now, else as it was last, with a health that is not `ok` and says why."""
        try:
            with self._asking():
                seen = Standing(
                    stats=self._store.stats(), health=self._store.health(), counted_at=time.time()
                )
                if not seen.health.ok:  # it went away between the two
                    raise StoreUnavailable(seen.health.detail)  # noqa: TRY301 - what `asking` makes of it
        except StoreUnavailable as error:
            last = self._last
            away = StoreHealth(False, last.health.backend, last.health.version, str(error))
            seen = Standing(away, last.stats, last.counted_at)
        self._last = seen
        return seen
