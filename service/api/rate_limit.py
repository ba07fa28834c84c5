"""How often each key may ask, in one worker."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class _Bucket:
    tokens: float
    filled_at: float


class RateLimit:
    """A token bucket per name: bursts of up to a minute's worth, then evenly."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def wait(self, name: str, per_minute: int) -> int | None:
        """None: go on; else whole seconds after which the next request may come. per_minute: 0: no limit.

        Called from the event loop only, so it needs no lock.
        """
        if per_minute <= 0:
            return None
        now = self._clock()
        bucket = self._buckets.setdefault(name, _Bucket(float(per_minute), now))
        per_second = per_minute / 60
        bucket.tokens = min(float(per_minute), bucket.tokens + (now - bucket.filled_at) * per_second)
        bucket.filled_at = now
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return None
        return max(1, math.ceil((1 - bucket.tokens) / per_second))
