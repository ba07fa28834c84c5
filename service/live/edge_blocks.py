"""Edges of a store, put together."""

import numpy as np

from graph.store import EdgeBlock


def no_edges() -> EdgeBlock:
    """A block without edges."""
    none = np.empty(0, np.int64)
    weight = np.empty(0, np.float32)
    return EdgeBlock(none, none, none, np.empty(0, np.int8), none, weight, weight)


def joined(blocks: list[EdgeBlock]) -> EdgeBlock:
    """One block of several, in their order."""
    if len(blocks) == 1:
        return blocks[0]
    if not blocks:
        return no_edges()
    names = vars(blocks[0])
    return EdgeBlock(**{name: np.concatenate([getattr(one, name) for one in blocks]) for name in names})
