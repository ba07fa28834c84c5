"""What users turned to, and what could be recommended instead: each user's best items by every feature.

Whole catalogues seen through all features take gigabytes for a thousand users; whoever ranks high by a mix of
the features ranks high by one of them or by a mix that is near, and a few others stand for the rest.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from gnn.freed_memory import give_back_freed_memory
from gnn.histories import Histories
from gnn.mix_config import ListLearningConfig
from gnn.shop_arrays import FloatArray, IntArray
from gnn.user_features import USER_FEATURES, UserConfig, UserFeatures
from gnn.user_rows import user_rows

CELLS_AT_ONCE = 20_000_000
"""Users x items x features that are looked at together, 80 MB."""
CELLS_IN_A_PART = 2_000_000
"""Users x columns x features, 8 MB."""
_GIVE_BACK_EVERY = 256
"""Users whose items are joined before what they held goes back to the system."""
NOBODY = np.float32(-1e9)
"""Log share of a column that stands for no item."""


@dataclass(frozen=True)
class ListExamples:
    """Users in the order of time in which they turned to their targets, each with some items."""

    features: FloatArray
    """(u, c, features)."""
    log_share: FloatArray
    """Log of how many items a column stands for, `NOBODY` where it stands for none; (u, c)."""
    case: IntArray
    """Row of the user of each target, ascending, (t,)."""
    column: IntArray
    """Where the target stands, (t,)."""

    @property
    def share(self) -> FloatArray:
        """Weight of each target, so that users count alike: 1 / (users x targets of its user); (t,)."""
        sizes = np.bincount(self.case, minlength=len(self.features))
        weights: FloatArray = (1.0 / (len(self.features) * sizes[self.case])).astype(np.float32)
        return weights

    @property
    def items(self) -> FloatArray:
        """How many items a column stands for, (u, c)."""
        return np.where(self.log_share == NOBODY, np.float32(0.0), np.exp(self.log_share))

    def cut(self, start: int, stop: int) -> Self:
        """Users start..stop-1."""
        within = (self.case >= start) & (self.case < stop)
        return replace(
            self,
            features=self.features[start:stop],
            log_share=self.log_share[start:stop],
            case=self.case[within] - start,
            column=self.column[within],
        )

    def parts(self) -> Iterator[Self]:
        """Some users at a time, so that what is worked out of their features stays in the caches."""
        rows = max(1, CELLS_IN_A_PART // max(self.features[:1].size, 1))
        return (self.cut(start, start + rows) for start in range(0, len(self.features), rows))

    def ndcg(self, weights: FloatArray, k: int = 20) -> npt.NDArray[np.float64]:
        """Discounted gain of each user's targets among the first k, a mean over the targets; (u,)."""
        scores, items = self.features @ weights, self.items
        own = scores[self.case, self.column]
        rank = np.empty(len(own), np.float64)
        for user in range(len(scores)):
            first, end = np.searchsorted(self.case, [user, user + 1])
            mine = own[first:end, None]
            ties = (scores[user] == mine) @ items[user] - 1
            rank[first:end] = (scores[user] > mine) @ items[user] + 0.5 * ties
        gain = np.where(rank < k, 1.0 / np.log2(rank + 2.0), 0.0) * self.share * len(scores)
        return np.bincount(self.case, weights=gain, minlength=len(scores)).astype(np.float64)


def list_examples(
    features: UserFeatures,
    shipped: FloatArray,
    known: Histories,
    user: IntArray,
    target: IntArray,
    users: UserConfig,
    config: ListLearningConfig,
    seed: int,
) -> ListExamples:
    """Users at random, `config.budget` or until they have `config.targets` in all; of each all targets, or
    `config.targets_each` of them at random.

    shipped: weights of `USER_FEATURES`. known: histories from `latest_of_each`. user, target: what users
    with a history turned to, none twice, in time order; (p,).
    """
    rng = np.random.default_rng(seed)
    chosen = _chosen(user, features.n_items, config, rng)
    place = np.full(known.n_users, -1, np.int64)
    place[chosen] = np.arange(len(chosen))
    case = place[user]
    target, case = target[case >= 0], case[case >= 0]
    order = np.lexsort((target, case))
    target, case = target[order], case[order]
    kept = _some_of_each(case, config.most_of_one, rng)
    target, case = target[kept], case[kept]
    starts = np.searchsorted(case, np.arange(len(chosen) + 1))
    found: list[_Listed] = []
    at_once = max(1, CELLS_AT_ONCE // max(features.n_items * len(USER_FEATURES), 1))
    for first in range(0, len(chosen), at_once):
        some = chosen[first : first + at_once]
        stacked = features.stack(user_rows(known, some, users))
        for row, one in enumerate(some.tolist()):
            seen = known.item[known.indptr[one] : known.indptr[one + 1]]
            own = target[starts[first + row] : starts[first + row + 1]]
            found.append(_listed(stacked[row], shipped, seen, own, config, rng))
    return _padded(found, case)


@dataclass(frozen=True)
class _Listed:
    """One user's items."""

    features: FloatArray
    """(c, features)."""
    log_share: FloatArray
    """(c,)."""
    column: IntArray
    """Of each target."""


def _chosen(user: IntArray, n_items: int, config: ListLearningConfig, rng: np.random.Generator) -> IntArray:
    """Users at random, with no more kept targets in all than allowed; by the mean place of their targets."""
    who, inverse, count = np.unique(user, return_inverse=True, return_counts=True)
    when = np.bincount(inverse, weights=np.arange(len(user))) / count if len(user) else np.zeros(0)
    order = rng.permutation(len(who))[: config.budget(n_items)]
    order = order[np.cumsum(np.minimum(count[order], config.most_of_one)) <= config.targets]
    chosen: IntArray = who[order[np.lexsort((who[order], when[order]))]]
    return chosen


def _some_of_each(case: IntArray, most: int, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Which targets are kept: all of a user, or `most` at random; case: ascending, (t,).

    Those left out stay what they were to the others, items beside them: the mean over the kept estimates
    that over all. Nothing is drawn for users with no more.
    """
    kept = np.ones(len(case), np.bool_)
    count = np.bincount(case)
    for one in np.flatnonzero(count > most).tolist():
        first = int(np.searchsorted(case, one))
        kept[first : first + count[one]] = False
        kept[first + rng.choice(count[one], most, replace=False)] = True
    return kept


def _listed(
    values: FloatArray,
    shipped: FloatArray,
    seen: IntArray,
    own: IntArray,
    config: ListLearningConfig,
    rng: np.random.Generator,
) -> _Listed:
    """values: of one user, (n_items, features)."""
    n = len(values)
    blocked = np.concatenate([values.T, (values @ shipped)[None]])
    blocked[:, seen] = -np.inf
    parts = [own, _best(blocked[-1:], config.of_mix), _best(blocked[:-1], config.of_feature)]
    listed = np.setdiff1d(np.concatenate(parts), seen)
    strangers = np.setdiff1d(rng.integers(0, n, config.strangers), np.concatenate([listed, seen]))
    rest = n - len(listed) - len(seen)
    share = np.zeros(len(listed) + len(strangers), np.float32)
    share[len(listed) :] = np.log(max(rest, 1) / max(len(strangers), 1))
    items = np.concatenate([listed, strangers])
    return _Listed(values[items], share, np.searchsorted(listed, own))


def _best(scores: FloatArray, k: int) -> IntArray:
    """The `k` best columns of each row, joined."""
    if k >= scores.shape[1]:
        return np.arange(scores.shape[1])
    return np.argpartition(-scores, k, axis=1)[:, :k].ravel().astype(np.int64)


def _padded(found: list[_Listed], case: IntArray) -> ListExamples:
    """All users' items in rows of one length. found: is emptied on the way, or all would be held twice."""
    width = max((len(one.log_share) for one in found), default=0)
    features = np.zeros((len(found), width, len(USER_FEATURES)), np.float32)
    log_share = np.full((len(found), width), NOBODY, np.float32)
    column = np.concatenate([np.zeros(0, np.int64), *(one.column for one in found)])
    while found:
        one = found.pop()
        row, wide = len(found), len(one.log_share)
        features[row, :wide], log_share[row, :wide] = one.features, one.log_share
        if row % _GIVE_BACK_EVERY == 0:
            give_back_freed_memory()
    return ListExamples(features, log_share, case, column)
