"""A trouble that is met every second, told when it begins, changes, lasts and ends."""

import logging
import time

AGAIN_SECONDS = 300.0
"""While the same trouble lasts it is told again after so long, with how often it was met."""


class ToldTrouble:
    """What of the updater's trouble stands in the log: one that lasts an hour is no line a second."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._trouble: str | None = None
        self._began = self._again = 0.0
        self._met = 0

    def meet(self, trouble: str) -> None:
        """It was met once more: told where it is another one than last, or was told `AGAIN_SECONDS` ago."""
        now = time.monotonic()
        if self._trouble is None:
            self._began, self._met = now, 0
        self._met += 1
        if trouble == self._trouble and now < self._again:
            return
        before = f" (met {self._met} times in {now - self._began:.0f} s)" if self._met > 1 else ""
        self._logger.warning("the answers are behind the event log: %s; trying again%s", trouble, before)
        self._trouble, self._again = trouble, now + AGAIN_SECONDS

    def end(self) -> None:
        """Work goes on: told once, where there was trouble."""
        if self._trouble is None:
            return
        lasted = time.monotonic() - self._began
        self._logger.warning(
            "the trouble is over after %.0f s, met %d times; last: %s", lasted, self._met, self._trouble
        )
        self._trouble = None
