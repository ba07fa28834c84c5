"""One reason told once: what holds for hours is no news every few seconds."""

import time

AGAIN_SECONDS = 3600.0
"""After so long it is told again, for those who read only the log's newest part."""


class ToldReason:
    """Which reason was told last, and when."""

    def __init__(self) -> None:
        self._told: str | None = None
        self._again = 0.0

    def is_news(self, reason: str) -> bool:
        """Whether to tell it: another one than last, or that one an hour ago. Whoever asks tells it then."""
        now = time.monotonic()
        if reason == self._told and now < self._again:
            return False
        self._told, self._again = reason, now + AGAIN_SECONDS
        return True

    def is_over(self) -> None:
        """It holds no more: when it comes back it is news."""
        self._told = None
