"""What new users do while a crowd is there: it waits until enough of them agree on an item, or the user has
done so much that he is no passer-by."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from gnn.live.live_batch import LiveEvents, Revision
from gnn.shop_arrays import IntArray

AGREEING = 8
"""More different new users than this have to come to an item ..."""
DEVIATIONS = 5.0
"""... and more than this many standard deviations above the mean of all items that still wait: users who do
anything at all spread evenly, by chance a few more of them here than there (Poisson)."""
ACTIVE = 20
"""Waiting events after which a user's count, wherever they are: shops whose new users stay do not wait for
agreement; a crowd of such users is bounded by the limits for each user and item."""
MOST = 100_000
"""Events that are kept waiting; of more, the oldest wait for the next full refresh."""


@dataclass(frozen=True)
class Probation:
    """Immutable. Memory: 37 bytes a waiting event."""

    events: LiveEvents
    """What waits, in the order of the log."""
    passed: IntArray
    """Items that wait no longer, ascending."""
    active: IntArray
    """Users who wait no longer, ascending."""

    @classmethod
    def none(cls) -> Self:
        """Nothing waits."""
        return cls(LiveEvents.none(), np.zeros(0, np.int64), np.zeros(0, np.int64))

    def joined_by(self, events: LiveEvents) -> tuple[Self, Revision]:
        """(these wait as well, but for items that passed and active users; those of them that do)."""
        free = np.isin(events.item, self.passed) | np.isin(events.user, self.active)
        events = events.only(np.flatnonzero(~free))
        waiting = self.events.joined(events).only(slice(-MOST, None))
        return replace(self, events=waiting), Revision(events.sequence, np.zeros(len(events), np.float32))

    def examined(self, n_items: int) -> tuple[Self, Revision]:
        """(what goes on waiting, what counts from now on). n_items: items that somebody engaged with at the
        release."""
        user, item = self.events.user, self.events.item
        width = int(user.max(initial=0)) + 1
        users = np.bincount(np.unique(item * width + user) // width)  # different ones of each item
        mean = float(users.sum()) / max(n_items - len(self.passed), 1)
        enough = max(float(AGREEING), mean + DEVIATIONS * mean**0.5)
        passing = np.flatnonzero(users > enough)
        active = np.flatnonzero(np.bincount(user) >= ACTIVE)
        ready = np.isin(item, passing) | np.isin(user, active)
        waiting = type(self)(
            events=self.events.only(np.flatnonzero(~ready)),
            passed=np.union1d(self.passed, passing),
            active=np.union1d(self.active, active),
        )
        return waiting, Revision(self.events.sequence[ready], self.events.weight[ready])
