"""The serving release and a new one before the same events, which neither had seen.

How far a model is above popularity depends on the days it is asked about: after a week in which popularity
was easy to beat, every later release would look worse than the one that serves, and the shop would go stale.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gnn import FittedIlk, Objective
from gnn.evaluation.cases import Pairs
from gnn.evaluation.metrics import single_ndcg_at_k
from gnn.evaluation.ranking import pair_ranks
from gnn.histories import block_start, group_by_user, next_pairs
from gnn.holdout import NEWEST, TAILS
from gnn.shop_arrays import FloatArray, IntArray
from service.releases.release import Release
from service.shop_snapshot import ShopSnapshot


@dataclass(frozen=True)
class Hearing:
    """NDCG@10 of `next` on the same pairs."""

    pairs: int
    serving: float
    new: float


def hear(snapshot: ShopSnapshot, serving: Release, holdout: Mapping[str, float]) -> Hearing | None:
    """Ask the serving release what the new one was asked (`holdout`), as far as it had not seen the events.

    The new model's figure is that of its first pass, which knew nothing of the newest ninth of the events,
    while the serving release knew all up to its own making: the comparison leans towards what serves. None:
    too few such events (150), or the serving model cannot rank the catalogue.
    """
    model = serving.model
    if not isinstance(model, FittedIlk):
        return None
    query, target, seq = _held_out(snapshot)
    seen = np.flatnonzero(seq <= serving.manifest.events_through)
    unseen = len(seq) - (int(seen[-1]) + 1 if len(seen) else 0)
    n = max((n for n in TAILS if n <= unseen and f"{NEWEST}{n}_ndcg@10" in holdout), default=0)
    if not n:
        return None
    n_items = snapshot.items.height

    def scores(rows: IntArray) -> FloatArray:
        known = rows < model.n_items
        found = np.full((len(rows), n_items), -1e9, np.float32)  # what it does not know
        found[np.ix_(known, np.arange(min(model.n_items, n_items)))] = model.score_similar(
            rows[known], Objective.NEXT
        )[:, :n_items]
        return found

    pairs = Pairs(query[-n:], target[-n:], np.zeros(n, np.int64))
    gains = single_ndcg_at_k(pair_ranks(scores, pairs, n_items), 10)
    return Hearing(n, float(gains.mean()), float(holdout[f"{NEWEST}{n}_ndcg@10"]))


def _held_out(snapshot: ShopSnapshot) -> tuple[IntArray, IntArray, IntArray]:
    """(query, target, sequence number of the target's event) of the held-out pairs, in order of time."""
    shop = snapshot.arrays(None)
    start = block_start(shop.n_events)
    query, target, position = next_pairs(group_by_user(shop))
    older = np.bincount(shop.item[:start], minlength=shop.n_items) > 0
    asked = (position >= start) & older[target]
    return query[asked], target[asked], snapshot.edges.seq[position[asked]]
