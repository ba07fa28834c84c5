"""What new users do while a crowd is there: it waits until enough of them agree on an item or on two that
follow each other, or the user takes a step that others took before, or has done so much that he is no
passer-by."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from gnn.live.familiar_steps import FamiliarSteps, items_of, pair_keys, steps
from gnn.live.live_batch import LiveEvents, Revision
from gnn.shop_arrays import IntArray

AGREEING = 8
"""More different new users than this have to come to an item ..."""
AGREEING_ON_PAIR = 4
"""... or look at the same two items one after the other ..."""
DEVIATIONS = 5.0
"""... and more than this many standard deviations above what chance gives (Poisson): an item the mean of all
items that still wait, for users who do anything at all spread evenly; a pair what two items get together
whose users have nothing to do with each other."""
ACTIVE = 20
"""Waiting events after which a user's count, wherever they are: shops whose new users stay do not wait for
agreement; a crowd of such users is bounded by the limits for each user and item."""
MOST = 100_000
"""Events that are kept waiting, whenever items and pairs are looked at; of more, the oldest wait for the next
full refresh."""
STEP = 20
"""After so many arriving events, items and pairs of these are looked at; all others with a crowd's block."""


@dataclass(frozen=True)
class Probation:
    """Immutable. Memory: 38 bytes a waiting event, 37 a new user."""

    events: LiveEvents
    """What waits, and as voices for others' items what counts by a familiar step, in the order of the log."""
    counts: npt.NDArray[np.bool_]
    """Which of them count already."""
    passed: IntArray
    """Items that wait no longer, ascending."""
    active: IntArray
    """Users who wait no longer, ascending."""
    pairs: IntArray
    """Keys of pairs of items that wait no longer, ascending."""
    familiar: FamiliarSteps
    """Steps that do not wait: a crowd that keeps to them repeats what the shop knows."""
    last: LiveEvents
    """Each new user's last event, counted or not: where his next step comes from."""
    mean: float | None = None
    """Different users of an item that waits, when all were looked at last; `None`: not yet."""
    users: int = 0
    """Different users then."""

    @classmethod
    def none(cls, familiar: FamiliarSteps) -> Self:
        """Nothing waits."""
        nothing = np.zeros(0, np.int64)
        none = LiveEvents.none()
        return cls(none, np.zeros(0, np.bool_), nothing, nothing, nothing, familiar, none)

    def waiting(self) -> IntArray:
        """Sequence numbers of what does not count."""
        return self.events.sequence[~self.counts]

    def joined_by(self, events: LiveEvents, left: IntArray | None = None) -> tuple[Self, Revision]:
        """(these wait as well, but for items that passed, active users and familiar steps; what has to wait
        of these, and what waits no longer because of such a step). left: which of these do not count as it
        is, by sequence number; only where nothing waits yet."""
        again = np.isin(self.last.user, events.user)
        came = self.last.only(np.flatnonzero(again)).joined(events)
        last = self.last.only(np.flatnonzero(~again)).joined(_last_of_each(came))
        before, after = steps(came.user, came.item)
        known = self.familiar.hold(pair_keys(came.item[before], came.item[after]))
        stepped = came.sequence[np.union1d(before[known], after[known])]
        free = np.isin(events.item, self.passed) | np.isin(events.user, self.active)
        both = self.events.joined(events.only(np.flatnonzero(~free)))
        counts = np.isin(both.sequence, stepped)
        held = len(self.events)
        waited = np.isin(both.sequence, [] if left is None else left)
        waited[:held] = ~self.counts
        counts[:held] |= self.counts
        ready, waits = np.flatnonzero(counts & waited), np.flatnonzero(~counts & ~waited)
        revised = Revision(
            both.sequence[np.concatenate([ready, waits])],
            np.concatenate([both.weight[ready], np.zeros(len(waits), np.float32)]),
        )
        return replace(self, events=both, counts=counts, last=last), revised

    def examined(self, n_items: int, *, whole: bool) -> tuple[Self, Revision]:
        """(what goes on waiting, what counts from now on). n_items: items that somebody engaged with at the
        release. whole: everything; else what is of the items of the newest events."""
        whole |= self.mean is None
        looked = self._newest(n_items if whole else None)
        assert looked.mean is not None
        events = looked.events
        places = np.arange(len(events))
        if not whole:
            places = np.flatnonzero(np.isin(events.item, events.item[-STEP:]))
        user, item = events.user[places], events.item[places]
        users = _different_users(item, user)
        passing = np.flatnonzero(users > np.maximum(AGREEING, _unlikely(np.array([looked.mean]))))
        agreeing, pairs = _agreeing(user, item, users / max(looked.users, 1) ** 0.5, looked.pairs)
        active = np.flatnonzero(np.bincount(user) >= ACTIVE)
        ready = np.zeros(len(events), np.bool_)
        ready[places] = np.isin(item, passing) | np.isin(user, active) | agreeing
        waiting = replace(
            looked,
            events=events.only(np.flatnonzero(~ready)),
            counts=looked.counts[~ready],
            passed=np.union1d(looked.passed, passing),
            active=np.union1d(looked.active, active),
            pairs=np.union1d(looked.pairs, pairs),
        )
        ready &= ~looked.counts
        return waiting, Revision(events.sequence[ready], events.weight[ready])

    def _newest(self, n_items: int | None) -> Self:
        """Without what is too old to be kept. Not wherever events join: what a step reaches would depend on
        how they are batched. n_items: count also what chance is measured by, of so many items."""
        kept = slice(-MOST, None)
        events, mean, users = self.events.only(kept), self.mean, self.users
        if n_items is not None:
            each = _different_users(events.item, events.user)
            mean = float(each.sum()) / max(n_items - len(self.passed), 1)
            users = len(np.unique(events.user))
        last = self.last.only(kept)
        return replace(self, events=events, counts=self.counts[kept], last=last, mean=mean, users=users)


def _last_of_each(events: LiveEvents) -> LiveEvents:
    """Every user's last event, in the order of the log."""
    _, from_end = np.unique(events.user[::-1], return_index=True)
    return events.only(np.sort(len(events) - 1 - from_end))


def _agreeing(
    user: IntArray, item: IntArray, share: npt.NDArray[np.float64], known: IntArray
) -> tuple[npt.NDArray[np.bool_], IntArray]:
    """(which events are of pairs that enough users agree on, or `known` ones; keys of these pairs).

    share: of each item, such that those of two multiplied are the users whom they have in common by chance.
    """
    before, after = steps(user, item)
    keys, place = np.unique(pair_keys(item[before], item[after]), return_inverse=True)
    agree = _different_users(place, user[before])
    low, high = items_of(keys)
    by_chance = share[low] * share[high]
    found = (agree > np.maximum(AGREEING_ON_PAIR, _unlikely(by_chance))) | np.isin(keys, known)
    agreeing = np.zeros(len(user), np.bool_)
    agreeing[before[found[place]]] = agreeing[after[found[place]]] = True
    return agreeing, keys[found]


def _different_users(item: IntArray, user: IntArray) -> IntArray:
    """Different users of each item, up to the highest one."""
    width = int(user.max(initial=0)) + 1
    return np.bincount(np.unique(item * width + user) // width)


def _unlikely(mean: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """What a count of that mean does not exceed by chance."""
    return mean + DEVIATIONS * np.sqrt(mean)
