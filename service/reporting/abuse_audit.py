"""Activity that no shopper shows. Counts and items only: a report outlives the erasure of a user."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from gnn.shop_arrays import IntArray

PER_MINUTE = 60
"""Events of one user in one minute above which nobody is believed to be a person."""
USER_SHARE = 0.01
"""Share of all events above which one user shapes the model."""
ITEM_EVENTS = 20
"""Items with fewer events are not looked at."""
ONE_USER_SHARE = 0.5
ONE_HOUR_SHARE = 0.8
SHOWN = 10
_MINUTE, _HOUR = 60_000_000, 3_600_000_000


@dataclass(frozen=True)
class AbuseAudit:
    """How much of the activity looks made."""

    fast_users: int
    """Users with more than 60 events in one minute."""
    fastest_minute: int
    """Most events of one user in one minute."""
    heavy_users: int
    """Users with more than 1 % of all events, in shops of at least 1,000 events."""
    heavy_share: float
    """Share of all events that these have."""
    items_by_one_user: list[str]
    """Ids of items (the most active ten) with at least 20 events, half of them by one user."""
    items_by_one_user_count: int
    items_in_one_hour: list[str]
    """Likewise, with four fifths of the events in one hour."""
    items_in_one_hour_count: int

    def to_json(self) -> dict[str, Any]:
        """For the report."""
        return asdict(self)


def audit_abuse(user: IntArray, item: IntArray, at: IntArray, item_ids: list[str]) -> AbuseAudit:
    """Look at all events. user, item: indices; at: microseconds; each of shape (n_events,)."""
    n = len(user)
    if not n:
        return AbuseAudit(0, 0, 0, 0.0, [], 0, [], 0)
    minutes = _counts(user, at // _MINUTE)
    per_user = np.bincount(user)
    heavy = per_user > USER_SHARE * n if n >= 1000 else np.zeros(len(per_user), np.bool_)
    per_item = np.bincount(item, minlength=len(item_ids))
    by_user = _items_with(_counts(item, user), per_item, ONE_USER_SHARE)
    in_hour = _items_with(_counts(item, at // _HOUR), per_item, ONE_HOUR_SHARE)
    return AbuseAudit(
        fast_users=len(np.unique(minutes[0][minutes[1] > PER_MINUTE])),
        fastest_minute=int(minutes[1].max()),
        heavy_users=int(heavy.sum()),
        heavy_share=round(float(per_user[heavy].sum() / n), 4),
        items_by_one_user=[item_ids[row] for row in by_user[:SHOWN]],
        items_by_one_user_count=len(by_user),
        items_in_one_hour=[item_ids[row] for row in in_hour[:SHOWN]],
        items_in_one_hour_count=len(in_hour),
    )


def _counts(first: IntArray, second: IntArray) -> tuple[IntArray, IntArray]:
    """(first of each distinct pair, how often the pair occurs), each (pairs,)."""
    order = np.lexsort((second, first))
    first, second = first[order], second[order]
    starts = np.flatnonzero(np.r_[True, (first[1:] != first[:-1]) | (second[1:] != second[:-1])])
    return first[starts], np.diff(np.r_[starts, len(first)])


def _items_with(pairs: tuple[IntArray, IntArray], per_item: IntArray, share: float) -> IntArray:
    """Items, most active first, of whose events one pair has at least that share."""
    most = np.zeros(len(per_item), np.int64)
    np.maximum.at(most, *pairs)
    found = np.flatnonzero((per_item >= ITEM_EVENTS) & (most >= share * per_item))
    return found[np.argsort(-per_item[found], kind="stable")]
