"""The serving release and a new one before the same events, which neither had seen.

How far a model is above popularity depends on the days it is asked about: after a week in which popularity
was easy to beat, every later release would look worse than the one that serves, and the shop would go stale.
"""

from dataclasses import dataclass, replace

import numpy as np

from gnn import FittedIlk, Objective
from gnn.evaluation.bootstrap import paired_intervals
from gnn.evaluation.cases import Pairs
from gnn.evaluation.metrics import Values, single_ndcg_at_k
from gnn.evaluation.ranking import pair_ranks
from gnn.histories import block_start, group_by_user, next_pairs, without_weightless
from gnn.holdout import Holdout
from gnn.live import LiveSignals
from gnn.shop_arrays import IntArray, ShopArrays
from service.live.known_items import KnownItems
from service.live.model import brand_numbers
from service.releases.release import Release
from service.shop_snapshot import ShopSnapshot

LEAST_PAIRS = 150
"""Held-out pairs below which a quality figure is shown but decides nothing."""


@dataclass(frozen=True)
class Hearing:
    """NDCG@10 of `next` of each of the same pairs."""

    new: Values
    """(m,)."""
    serving: Values
    """(m,)."""
    user: IntArray
    """Whose pair it is, (m,)."""

    @property
    def pairs(self) -> int:
        """How many."""
        return len(self.new)

    def surely_below(self, share: float) -> bool:
        """Whether the new mean is below that share of the serving one's, by the 95 % interval of a paired
        bootstrap over users: the pairs of one shopper resemble each other."""
        beyond = self.new - share * self.serving
        return paired_intervals(beyond[None], self.user, np.random.default_rng(0))[0].high < 0


def hear(snapshot: ShopSnapshot, serving: Release, holdout: Holdout) -> Hearing | None:
    """Ask the serving release what the new one was asked (`holdout`), as far as it had not seen the events.

    The new model's gains are those of its first pass, which knew nothing of the newest ninth of the events.
    So the serving model answers with the signals of those older events too, under its own weights and mix:
    as it stands it knows the days just before the exam, and would win by that alone. What still leans towards
    it is that its weights have learned from some of those days. None: too few such events (150), or the
    serving model cannot rank the catalogue. Takes as long as a full recomputation of the mirror.
    """
    model = serving.model
    if not isinstance(model, FittedIlk):
        return None
    shop, seq = _learned_from(snapshot)
    start = block_start(shop.n_events)
    user, query, target, seq = _held_out(shop, seq, start)
    seen = np.flatnonzero(seq <= serving.manifest.events_through)
    unseen = len(seq) - (int(seen[-1]) + 1 if len(seen) else 0)
    n = min(unseen, len(holdout.newest))
    if n < LEAST_PAIRS:
        return None
    then = _as_of(model, replace(shop.events(0, start), brand=_brands(serving, snapshot)))
    pairs = Pairs(query[-n:], target[-n:], np.zeros(n, np.int64))
    ranks = pair_ranks(lambda rows: then.score_similar(rows, Objective.NEXT), pairs, shop.n_items)
    gains = single_ndcg_at_k(ranks, 10)
    return Hearing(holdout.newest[-n:].astype(np.float64), gains, user[-n:])


def _learned_from(snapshot: ShopSnapshot) -> tuple[ShopArrays, IntArray]:
    """(the events that a fit learns from, their sequence numbers), in order of time."""
    whole = snapshot.arrays(None)
    return without_weightless(whole), snapshot.edges.seq[whole.weight > 0]


def _held_out(shop: ShopArrays, seq: IntArray, start: int) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """(user, query, target, sequence number of the target's event) of the held-out pairs, in order of time:
    those of `gnn.fitting`. start: position of the first event that is held out."""
    query, target, position = next_pairs(group_by_user(shop))
    older = np.bincount(shop.item[:start], minlength=shop.n_items) > 0
    asked = (position >= start) & older[target]
    position = position[asked]
    return shop.user[position], query[asked], target[asked], seq[position]


def _as_of(model: FittedIlk, older: ShopArrays) -> FittedIlk:
    """The model with the signals of these events alone."""
    signals = LiveSignals(model, older).signals()
    return FittedIlk(signals, model.mixes, model.user_mix, model.config, model.weights)


def _brands(serving: Release, snapshot: ShopSnapshot) -> IntArray | None:
    """The items' brands, numbered as in the serving model."""
    return KnownItems(serving.items, snapshot, brand_numbers(serving.model)).brand
