"""Influence caps on events since the last full refresh, wherever a model is made from the whole store.

Fold-in leaves out what goes beyond the caps. An increment, and the updater when it reads everything, see the
events in the store alone, so the caps are applied again: else a flood would count in full from the next
increment or restart on.
"""

from dataclasses import dataclass, replace

import numpy as np

from gnn.live import InfluenceCaps
from gnn.live.influence import InfluenceLedger
from gnn.shop_arrays import ShopArrays
from graph.store import EdgeBlock
from service.live.model import live_events


@dataclass(frozen=True)
class CappedEdges:
    """Edges less what goes beyond the caps."""

    edges: EdgeBlock
    with_waiting: EdgeBlock
    """The same, and with weight 0 those that wait in the ledger, or waited when a crowd went and do again if
    it comes back: a mirror holds what may count later."""
    damped: dict[str, int]
    """How many were left out, by reason."""
    ledger: InfluenceLedger
    """Decides about later events as if it had seen all of these come."""


def capped_edges(edges: EdgeBlock, refreshed_through: int, caps: InfluenceCaps | None = None) -> CappedEdges:
    """Apply the caps. refreshed_through: newest event that a full refresh, and with it a gate that looks at
    events, has seen. Windows are counted from there in the order of the log, so every process leaves out the
    same."""
    early = edges.seq <= refreshed_through
    ledger = InfluenceLedger.of(caps or InfluenceCaps(), _shop(edges.only(early)))
    late = np.flatnonzero(~early)
    if not len(late):
        return CappedEdges(edges, edges, {}, ledger)
    late = late[np.argsort(edges.seq[late], kind="stable")]
    admitted, damped, _ = ledger.admit(live_events(edges.only(late)))
    kept = np.ones(len(edges.seq), np.bool_)
    kept[late[~admitted]] = False
    held = kept | np.isin(edges.seq, ledger.may_count())
    both = replace(edges, weight=np.where(kept, edges.weight, np.float32(0))).only(held)
    return CappedEdges(edges.only(kept), both, damped, ledger)


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
