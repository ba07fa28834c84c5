"""Influence caps on events since the last full refresh, wherever a model is made from the whole store.

Fold-in leaves out what goes beyond the caps. An increment, and the updater when it reads everything anew, see
the events in the store alone, so the caps are applied again: else a flood would count in full from the next
increment on, though its gate compares weights and not events.
"""

import numpy as np

from gnn.live import InfluenceCaps
from gnn.live.influence import InfluenceLedger
from gnn.shop_arrays import ShopArrays
from graph.store import EdgeBlock
from service.live.model import live_events


def capped_edges(
    edges: EdgeBlock, refreshed_through: int, caps: InfluenceCaps | None = None
) -> tuple[EdgeBlock, dict[str, int]]:
    """(the edges less what goes beyond the caps, how many were left out by reason).

    refreshed_through: newest event that a full refresh, and with it a gate that looks at events, has seen.
    Windows are counted from there in the order of the log, so every process leaves out the same.
    """
    late = np.flatnonzero(edges.seq > refreshed_through)
    if not len(late):
        return edges, {}
    late = late[np.argsort(edges.seq[late], kind="stable")]
    early = edges.seq <= refreshed_through
    ledger = InfluenceLedger.of(caps or InfluenceCaps(), _shop(edges.only(early)))
    admitted, damped = ledger.admit(live_events(edges.only(late)))
    if not damped:
        return edges, {}
    kept = np.ones(len(edges.seq), np.bool_)
    kept[late[~admitted]] = False
    return edges.only(kept), damped


def _shop(edges: EdgeBlock) -> ShopArrays:
    """What usual activity is measured by. Indices are given in order of arrival: later users are new."""
    return ShopArrays(
        n_users=int(edges.user.max(initial=-1)) + 1,
        n_items=int(edges.item.max(initial=-1)) + 1,
        user=edges.user,
        item=edges.item,
        at=edges.at,
        weight=edges.weight,
        relation=edges.relation,
    )
