"""A crowd: far more new users, beside the known ones who are there too, than the shop is used to."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import numpy.typing as npt

from gnn.live.live_batch import LiveEvents
from gnn.shop_arrays import IntArray, ShopArrays

BLOCK = 100
"""Whether a crowd is there is decided once for so many arriving events, before the first of them ..."""
BLOCKS = 10
"""... from the users of so many blocks before."""
TAIL = 0.1
"""Share of a release's events that tells how many new users are usual."""
ENOUGH = 2_000
"""A release of fewer events tells nothing, and its shop may grow as it likes."""


@dataclass(frozen=True)
class CrowdLimit:
    """How many new users are too many; counts are of a thousand events."""

    at_least: float
    """So many new users are no crowd ..."""
    users: float
    """... nor so many more for each known user who is there ..."""
    events: float
    """... nor where they do no more than so many events for each one of a known user."""

    @classmethod
    def of(cls, shop: ShopArrays, at_least: int, factor: float) -> Self:
        """factor: times the usual numbers of new users and of their events for each known one, from a shop's
        last events: its users from before these count as known. 0, or a shop with too few events: nothing is
        a crowd."""
        if not factor or shop.n_events < ENOUGH:
            return cls(np.inf, np.inf, np.inf)
        order = np.argsort(shop.at, kind="stable")
        start = int(len(order) * (1 - TAIL))
        known = np.zeros(shop.n_users, np.bool_)
        known[shop.user[order[:start]]] = True
        user = shop.user[order[start:]]
        usual = (window_counts(user, ~known[user]).sum(axis=2) + 1.0).astype(np.float64)
        users, events = factor * usual[:, 0] / usual[:, 1]
        return cls(float(at_least), float(users), float(events))

    def exceeded(self, counts: IntArray) -> npt.NDArray[np.bool_]:
        """counts: from `window_counts`, (2, 2, blocks); returns (blocks,)."""
        (new, known), (news_events, knowns_events) = counts
        many: npt.NDArray[np.bool_] = new > self.at_least + self.users * known
        loud: npt.NDArray[np.bool_] = news_events > self.events * knowns_events
        return np.logical_and(many, loud)


@dataclass
class CrowdWatch:
    """Follows events that keep within the other limits, in the order of the log: however they are batched,
    the same ones are found to come with a crowd. Memory: 50 kB."""

    limit: CrowdLimit
    recent: LiveEvents = field(default_factory=LiveEvents.none)
    """The last full blocks and the one that is being filled."""
    is_new: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    """Which of them are by new users."""

    def copy(self) -> "CrowdWatch":
        """An independent copy; arrays are replaced, never changed."""
        return CrowdWatch(self.limit, self.recent, self.is_new)

    def follow(self, events: LiveEvents, is_new: npt.NDArray[np.bool_]) -> "Followed":
        """More of them, (m,). Says for each whether it comes while a crowd is there."""
        if not np.isfinite(self.limit.at_least) or not len(events):
            return Followed(events, is_new, np.zeros(len(events), np.bool_), 0)
        before = len(self.recent)
        together, news = self.recent.joined(events), np.concatenate([self.is_new, is_new])
        crowded = np.append(False, self.limit.exceeded(window_counts(together.user, news)))
        kept = max(0, len(news) // BLOCK - BLOCKS) * BLOCK
        self.recent, self.is_new = together.only(slice(kept, None)), news[kept:]
        return Followed(together, news, crowded[np.arange(len(news)) // BLOCK], before)


@dataclass(frozen=True)
class Followed:
    """Events with those of the blocks before them."""

    events: LiveEvents
    """(n,)."""
    is_new: npt.NDArray[np.bool_]
    """By new users, (n,)."""
    crowded: npt.NDArray[np.bool_]
    """Come while a crowd is there, (n,); of those before `begin` not to be relied on."""
    begin: int
    """Where the events begin that are to be decided on."""

    def stretches(self, step: int) -> Iterator[tuple[int, int]]:
        """(begin, end) of what is decided in one go: `step` events (of which a block has a whole number)
        while a crowd is there, else all until then."""
        ends = np.arange((self.begin // step + 1) * step, len(self.events), step)
        ends = ends[self.crowded[ends] | self.crowded[ends - 1]]
        if self.begin < len(self.events):
            yield from zip([self.begin, *ends], [*ends, len(self.events)], strict=True)

    def new_users_events(self, begin: int, end: int) -> LiveEvents:
        """Those from `begin` to `end`."""
        return self.events.only(begin + np.flatnonzero(self.is_new[begin:end]))


def window_counts(user: IntArray, is_new: npt.NDArray[np.bool_]) -> IntArray:
    """Of the `BLOCKS` blocks up to each full block's end, before the first of which there was nobody:
    [[different new users, known users], [new users' events, known users' events]], (2, 2, blocks)."""
    blocks = len(user) // BLOCK
    user, is_new = user[: blocks * BLOCK], is_new[: blocks * BLOCK]
    block = np.arange(len(user)) // BLOCK
    order = np.argsort(user, kind="stable")  # each user's events in order of arrival
    last = np.full(len(user), -BLOCKS)  # block of the same user's event before
    last[order[1:]] = np.where(np.diff(user[order]) == 0, block[order[:-1]], -BLOCKS)
    # an event makes its user count in the windows that hold it but not the one before
    first = np.maximum(block, last + BLOCKS)
    return np.stack(
        [
            [_in_windows(begin[chosen], block[chosen] + BLOCKS, blocks) for chosen in (is_new, ~is_new)]
            for begin in (first, block)
        ]
    )


def _in_windows(begin: IntArray, end: IntArray, blocks: int) -> IntArray:
    """How many count from `begin` on and before `end`, by window, (blocks,)."""
    size = blocks + BLOCKS + 1
    counts: IntArray = np.cumsum(np.bincount(begin, minlength=size) - np.bincount(end, minlength=size))
    return counts[:blocks]
