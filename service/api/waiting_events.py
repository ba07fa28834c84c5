"""For how long accepted events have waited to count: reckoned by whoever answers, not by the updater."""

import threading
import time
from collections import deque

from service.live.updater_status import UpdaterStatus
from service.releases.holder import Serving

MOST_SIGHTINGS = 2048
"""Half an hour of looks while nothing counts; then they are thinned out. An even number."""


def counted_through(serving: Serving | None, updater: UpdaterStatus | None) -> int:
    """Newest event that counts as far as it can: in this worker's answers where they follow events, in the
    graph where they change with a refresh only (`update.policy = "off"`) or there is no release yet."""
    if updater is not None and (updater.release is None or serving is None):
        return updater.reached
    return 0 if serving is None else serving.events_through


class WaitingEvents:
    """Remembers when it saw which events come into the log, for those that do not count yet.

    The log does not say when an event was accepted (`at` is the shop's time, years ago after a load). Usable
    from several threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: deque[tuple[float, int]] = deque()
        """(monotonic time, newest event then), both ascending."""

    def look(self, last: int, counted: int, updater: UpdaterStatus | None = None) -> float:
        """Seconds that the oldest event not counted has been in the log, as far as anybody knows; 0.0: every
        event counts. To be called every second or so: that is how exact it is.

        last: newest event in the log. counted: newest one that counts. updater: what it told last, which may
        be long ago: it knows of events that waited before this process began.
        """
        now = time.monotonic()
        with self._lock:
            while self._seen and self._seen[0][1] <= counted:
                self._seen.popleft()
            if last <= counted:
                self._seen.clear()  # a log that was restored to an earlier state ends before what was seen
                return 0.0
            if not self._seen or self._seen[-1][1] < last:
                self._seen.append((now, last))
                self._thin_out()
            seen = now - self._seen[0][0]
        return max(seen, _told(counted, updater))

    def _thin_out(self) -> None:
        """Of each two looks keep the time of the first with the events of both."""
        if len(self._seen) >= MOST_SIGHTINGS:
            seen = list(self._seen)
            pairs = zip(seen[::2], seen[1::2], strict=True)
            self._seen = deque((first, last) for (first, _), (_, last) in pairs)


def _told(counted: int, updater: UpdaterStatus | None) -> float:
    """What the updater's last word says of the oldest waiting event; 0.0: nothing, for all that it knew of
    counts by now."""
    if updater is None or updater.sequence <= counted:
        return 0.0
    return updater.lag_seconds + max(0.0, time.time() - updater.at)
