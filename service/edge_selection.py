"""Which of a shop's events a release learns from: window, support, caps, balance, decay."""

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from gnn.shop_arrays import IntArray
from graph.store import EdgeBlock
from service.settings import SelectionSettings
from service.shop_snapshot import ShopSnapshot

DAY = 86_400_000_000
"""Microseconds."""

Mask = npt.NDArray[np.bool_]


@dataclass
class SelectionReport:
    """What was chosen, counted."""

    edges: int
    """Before."""
    kept: int
    left_out: dict[str, int] = field(default_factory=dict)
    """Reason -> edges; an edge counts for the first reason that leaves it out."""
    decayed: int = 0
    """Kept edges whose weight was lowered for their age."""

    def to_json(self) -> dict[str, Any]:
        """As in a release's metrics."""
        return dict(vars(self))


def select_edges(snapshot: ShopSnapshot, wanted: SelectionSettings) -> tuple[ShopSnapshot, SelectionReport]:
    """The snapshot with the edges to learn from, in their order; items and users stay all.

    Rules apply one after another: window, support, cap per user, balance of categories, decay. Age is counted
    from the newest event, so that the same events give the same selection on any day.
    """
    before = snapshot.edges
    report = SelectionReport(len(before.seq), len(before.seq))
    edges = before
    for reason, keep in (
        ("window", _in_window),
        ("item_support", _supported_items),
        ("user_support", _supported_users),
        ("user_cap", _newest_of_users),
        ("category_balance", partial(_balanced, snapshot=snapshot)),
    ):
        mask = keep(edges, wanted)
        if mask is not None and not mask.all():
            report.left_out[reason] = int((~mask).sum())
            edges = _only(edges, mask)
    if wanted.half_life_days is not None and len(edges.at):
        decay = 0.5 ** ((edges.at.max() - edges.at) / (wanted.half_life_days * DAY))
        edges = replace(edges, weight=(edges.weight * decay).astype(np.float32))
        report.decayed = int((decay < 1).sum())
    report.kept = len(edges.seq)
    return (snapshot if edges is before else replace(snapshot, edges=edges)), report


def newest_edges(snapshot: ShopSnapshot, keep: int) -> ShopSnapshot:
    """The snapshot with its newest `keep` edges alone."""
    mask = np.arange(len(snapshot.edges.seq)) >= len(snapshot.edges.seq) - keep
    return replace(snapshot, edges=_only(snapshot.edges, mask))


def _in_window(edges: EdgeBlock, wanted: SelectionSettings) -> Mask | None:
    if wanted.window_days is None or not len(edges.at):
        return None
    mask: Mask = edges.at > edges.at.max() - int(wanted.window_days * DAY)
    return mask


def _supported_items(edges: EdgeBlock, wanted: SelectionSettings) -> Mask | None:
    return _supported(edges.item, wanted.min_item_events)


def _supported_users(edges: EdgeBlock, wanted: SelectionSettings) -> Mask | None:
    return _supported(edges.user, wanted.min_user_events)


def _supported(index: IntArray, least: int) -> Mask | None:
    return None if least <= 1 or not len(index) else np.bincount(index)[index] >= least


def _newest_of_users(edges: EdgeBlock, wanted: SelectionSettings) -> Mask | None:
    if wanted.max_user_events is None:
        return None
    mask: Mask = _rank_from_newest(edges.user) < wanted.max_user_events
    return mask


def _balanced(edges: EdgeBlock, wanted: SelectionSettings, snapshot: ShopSnapshot) -> Mask | None:
    """The newest events of a category that has more than its share."""
    if wanted.max_category_share is None or not len(edges.item):
        return None
    root = root_categories(snapshot)[edges.item]
    limit = max(int(wanted.max_category_share * len(root)), 1)
    mask: Mask = (root < 0) | (_rank_from_newest(root) < limit)
    return mask


def root_categories(snapshot: ShopSnapshot) -> IntArray:
    """Index of the top category of each item (of its first one), -1 without category; shape (n_items,)."""
    parent = snapshot.category_parent
    root = np.arange(len(parent), dtype=np.int64)
    while len(root) and (parent[root] >= 0).any():
        root = np.where(parent[root] >= 0, parent[root], root)
    found = np.full(snapshot.items.height, -1, np.int64)
    items, first = np.unique(snapshot.item_category[:, 0], return_index=True)
    found[items] = root[snapshot.item_category[first, 1]]
    return found


def _rank_from_newest(group: IntArray) -> IntArray:
    """How many later rows have the same group; rows are ascending by time. Shape (n,)."""
    order = np.argsort(group, kind="stable")
    ordered = group[order]
    end = np.searchsorted(ordered, ordered, side="right")
    rank = np.empty(len(group), np.int64)
    rank[order] = end - 1 - np.arange(len(group))
    return rank


def _only(edges: EdgeBlock, mask: Mask) -> EdgeBlock:
    return EdgeBlock(**{name: column[mask] for name, column in vars(edges).items()})
