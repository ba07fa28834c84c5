"""Task `links`: from an item to the items that the shop itself links to it."""

import numpy as np

from gnn.evaluation.cases import TargetSets, chosen, target_sets
from gnn.evaluation.data import LinkPairs

MAX_QUERIES = 4000
"""Queries of one link type that are judged, a fixed random choice beyond: the error of a mean over them is
below a hundredth, and a large catalogue costs no more than a small one."""


def link_sets(pairs: LinkPairs, n_items: int) -> TargetSets:
    """Linked items of each query item with at least one, at most `MAX_QUERIES` queries."""
    sets = target_sets(pairs[0], pairs[1], n_items)
    if len(sets) <= MAX_QUERIES:
        return sets
    keep = np.random.default_rng(0).choice(len(sets), MAX_QUERIES, replace=False)
    return chosen(sets, np.sort(keep))
