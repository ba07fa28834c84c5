"""Influence caps: how far one user or a crowd of new users moves an item before a full refresh judges it."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gnn.live.crowd import BLOCK, BLOCKS, CrowdLimit, CrowdWatch
from gnn.live.familiar_steps import FamiliarSteps
from gnn.live.live_batch import LiveEvents, Revision
from gnn.live.probation import STEP, Probation
from gnn.shop_arrays import IntArray, ShopArrays


@dataclass(frozen=True)
class InfluenceCaps:
    """Limits per window of accepted events. What goes beyond is kept in the log and counts in the next full
    refresh; until then it is left out of the answers. 0 turns a limit off."""

    window: int = 10_000
    """Events let through after which all counts start anew, in the order of the log, so that a replay decides
    the same. Damped ones do not count: else a flood would open the next window for itself. 0: never anew."""
    user_item: int = 3
    """Events of one user with one item: a shopper who comes back is heard, a script is not."""
    user: int = 50
    """Events of one user, as a floor ..."""
    user_factor: float = 1.0
    """... or this many times what the busiest hundredth of the release's users did in all, whichever is more:
    one who buys everything would pair everything with everything."""
    new_users_item: int = 30
    """Events on one item by users who were not there at the release, as a floor ..."""
    new_users_share: float = 0.1
    """... or this share of the events the item had then, whichever is more: a crowd that does one thing. With
    .5, 2,000 new users cost ml-100k 3 % of NDCG@10 of `next`."""
    crowd_users: int = 50
    """Users who were not there at the release: so many within a thousand events are no crowd, whatever is
    usual (`gnn.live.crowd`) ..."""
    crowd_factor: float = 2.0
    """... nor are this many times as many users and events for each of a known user as in the release's last
    tenth. Beyond it, what new users do counts where more of them come to one item than by chance and where
    they take familiar steps, and waits elsewhere: no other limit tells a crowd that does anything at all from
    growth. 0: none is ever seen."""


class Admission(NamedTuple):
    """What was decided on some events."""

    admitted: npt.NDArray[np.bool_]
    """Which of them count, (m,)."""
    damped: dict[str, int]
    """How many do not, by reason; less than none where more ceased than began to wait."""
    revised: Revision
    """Earlier events that have to wait now, or wait no longer."""


@dataclass
class InfluenceLedger:
    """What was let through in the current window. Memory: 16 bytes an event of the window, 8 an item,
    1 a user, 8 a familiar step, and what `waiting` and `crowd` take."""

    caps: InfluenceCaps
    known: npt.NDArray[np.bool_]
    """Which users have an event at the release, (n_users,); later numbers are new."""
    usual: npt.NDArray[np.float64]
    """Events of each item at the release, (n_items,)."""
    busiest: float
    """Events of a user whom one in a hundred exceeds, at the release."""
    crowd: CrowdWatch
    familiar: FamiliarSteps = field(default_factory=FamiliarSteps.none)
    """What users did one after the other at the release."""
    waiting: Probation | None = None
    """While a crowd is there."""
    left: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    """What still waited when the last crowd was over, of the events that wait again if one comes back soon;
    sequence numbers, at most `BLOCK` * `BLOCKS`."""
    seen: int = 0
    """Events let through in the current window."""
    user: list[IntArray] = field(default_factory=list)
    item: list[IntArray] = field(default_factory=list)

    @classmethod
    def of(cls, caps: InfluenceCaps, shop: ShopArrays) -> "InfluenceLedger":
        """At the start, from all events of a release."""
        histories = np.bincount(shop.user, minlength=1)
        return cls(
            caps=caps,
            known=histories > 0,
            usual=np.bincount(shop.item, minlength=shop.n_items).astype(np.float64),
            busiest=float(np.quantile(histories[histories > 0], 0.99)) if shop.n_events else 0.0,
            crowd=CrowdWatch(CrowdLimit.of(shop, caps.crowd_users, caps.crowd_factor)),
            familiar=FamiliarSteps.of(shop) if caps.crowd_factor else FamiliarSteps.none(),
        )

    def copy(self) -> "InfluenceLedger":
        """An independent copy."""
        return InfluenceLedger(
            self.caps,
            self.known,
            self.usual,
            self.busiest,
            self.crowd.copy(),
            self.familiar,
            self.waiting,
            self.left,
            self.seen,
            list(self.user),
            list(self.item),
        )

    def may_count(self) -> IntArray:
        """Sequence numbers of events that do not count and may later, without a full refresh."""
        return self.left if self.waiting is None else self.waiting.waiting()

    def admit(self, events: LiveEvents) -> Admission:
        """Decide on events as they come. A reason's limit counts what the reasons before it let through; what
        new users do then waits while a crowd is there (`gnn.live.probation`)."""
        admitted, damped = self._admit_all(events.user, events.item)
        places = np.flatnonzero(admitted)
        changes = self._make_wait(events.only(places))
        if changes:
            more = sum(int(np.where(change.weight > 0, -1, 1).sum()) for change in changes)
            damped |= {"damped_crowd": more} if more else {}
        revised = Revision.joined(changes).latest()
        here, found = revised.places_in(events.sequence[places])
        admitted[places[here]] = revised.weight[found] > 0
        return Admission(admitted, damped, revised.less(events.sequence[places]))

    def _make_wait(self, events: LiveEvents) -> list[Revision]:
        """What has to wait (weight 0) and what waits no longer, of these events and of earlier ones, in turn.
        Where a crowd comes, the events that made it wait too."""
        followed = self.crowd.follow(events, self._is_new(events.user))
        changes: list[Revision] = []
        for begin, end in followed.stretches(STEP):
            before = max(0, begin - BLOCK * BLOCKS)
            if not followed.crowded[begin]:
                if self.waiting is not None:
                    left, recent = self.waiting.waiting(), followed.events.sequence[before:begin]
                    self.waiting, self.left = None, left[np.isin(left, recent)]
                continue
            if self.waiting is None:
                come = followed.new_users_events(before, end)
                self.waiting, waiting = Probation.none(self.familiar).joined_by(come, self.left)
            else:
                self.waiting, waiting = self.waiting.joined_by(followed.new_users_events(begin, end))
            changes.append(waiting)
            if end % STEP == 0:
                n_items = int((self.usual > 0).sum())
                self.waiting, ready = self.waiting.examined(n_items, whole=end % BLOCK == 0)
                changes.append(ready)
        return changes

    def _admit_all(
        self, all_users: IntArray, all_items: IntArray
    ) -> tuple[npt.NDArray[np.bool_], dict[str, int]]:
        """Window after window."""
        admitted = np.ones(len(all_users), np.bool_)
        damped: dict[str, int] = {}
        begin = 0
        while begin < len(all_users):  # once for each window that begins in the batch
            room = self.caps.window - self.seen if self.caps.window else len(all_users)
            user, item = all_users[begin:], all_items[begin:]
            state = list(self.user), list(self.item)
            counts, reasons = self._admit(user, item)
            filled = int(np.searchsorted(np.cumsum(counts), room)) + 1  # events until the window is full
            if filled < len(user):
                self.user, self.item = state
                counts, reasons = self._admit(user[:filled], item[:filled])
            admitted[begin : begin + len(counts)] = counts
            for reason, count in reasons.items():
                damped[reason] = damped.get(reason, 0) + count
            begin += len(counts)
            self.seen += int(counts.sum())
            if self.caps.window and self.seen >= self.caps.window:
                self.seen, self.user, self.item = 0, [], []
        return admitted, damped

    def _admit(self, user: IntArray, item: IntArray) -> tuple[npt.NDArray[np.bool_], dict[str, int]]:
        none = np.zeros(0, np.int64)
        before_user, before_item = (np.concatenate([none, *parts]) for parts in (self.user, self.item))
        admitted = np.ones(len(user), np.bool_)
        damped = {}
        for reason in ("user_item", "user", "new_users_item"):
            places = np.flatnonzero(admitted)
            all_users = np.concatenate([before_user, user[places]])
            all_items = np.concatenate([before_item, item[places]])
            over = self._over(reason, all_users, all_items)[len(before_user) :]
            admitted[places[over]] = False
            if over.any():
                damped[f"damped_{reason}"] = int(over.sum())
        self.user, self.item = [before_user, user[admitted]], [before_item, item[admitted]]
        return admitted, damped

    def _is_new(self, user: IntArray) -> npt.NDArray[np.bool_]:
        known = np.zeros(max(len(self.known), int(user.max(initial=-1)) + 1), np.bool_)
        known[: len(self.known)] = self.known
        return ~known[user]

    def _over(self, reason: str, user: IntArray, item: IntArray) -> npt.NDArray[np.bool_]:
        """Which events go beyond a limit, in order of arrival."""
        caps = self.caps
        if reason == "user_item":
            most = np.full(len(user), caps.user_item or np.inf)
            return earlier_alike(user * (int(item.max(initial=0)) + 1) + item) >= most
        if reason == "user":
            limit = max(float(caps.user), caps.user_factor * self.busiest) if caps.user else np.inf
            return earlier_alike(user) >= limit
        if not caps.new_users_item:
            return np.zeros(len(user), np.bool_)
        usual = np.zeros(max(len(self.usual), int(item.max(initial=-1)) + 1))
        usual[: len(self.usual)] = self.usual
        most = np.maximum(caps.new_users_item, caps.new_users_share * usual[item])
        new = self._is_new(user)
        # events of known users get a group of their own each, so that they count for nothing here
        group = np.where(new, item, len(usual) + np.arange(len(item)))
        over: npt.NDArray[np.bool_] = new & (earlier_alike(group) >= most)
        return over


def earlier_alike(keys: IntArray) -> IntArray:
    """How many earlier entries have the same key, (m,)."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=ordered[0] - 1 if len(ordered) else 0))
    counts = np.diff(np.append(starts, len(ordered)))
    earlier = np.empty(len(keys), np.int64)
    earlier[order] = np.arange(len(keys)) - np.repeat(starts, counts)
    return earlier
