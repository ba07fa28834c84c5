"""How much memory a refresh takes at its peak, counted from the shop before it begins, and its budget.

The peak lies in training: either the pairs of events of one shopper while the paths are built, or the
examples that the mix is learned from. The regression is counted on top in full: its result stays, and not
all that the paths took before it is given back. Bytes of a pair and of an example's value were set by two
measured peaks (docs/benchmarks.md): 3,517 MiB with a million edges without texts, 1,722 MiB with 130,500 and
texts.
"""

from dataclasses import replace

import numpy as np

from gnn import IlkConfig
from gnn.histories import VALID_SHARE
from gnn.neighbour_regression import regression_bytes
from gnn.shop_arrays import IntArray
from gnn.similar_features import SIMILAR_FEATURES
from service.edge_selection import SelectionReport, newest_edges
from service.errors import ServiceError
from service.settings import RefreshSettings
from service.shop_snapshot import ShopSnapshot

MIB = 2**20
_BASE = 1_000 * MIB
"""Interpreter, libraries, the text model while it encodes."""
_BYTES_PER_EDGE = 400
"""Snapshot, histories, the network's sparse matrices forth and back."""
_BYTES_PER_PAIR = 103
"""Of events of one shopper, within the window of co-engagement."""
_BYTES_PER_ITEM = 6_000
"""Paths' lists, trained vectors with the optimiser's state."""
_BYTES_PER_TEXT_VALUE = 16
"""Float32 of the text vectors as they came, centred and projected."""
_BYTES_PER_EXAMPLE_VALUE = 8
"""A feature of one item in one example of the mix, and its scores."""


class MemoryBudgetExceeded(ServiceError):
    """The refresh would need more memory than it may have."""


def estimated_peak(user: IntArray, n_items: int, text_dim: int, config: IlkConfig) -> int:
    """Bytes that a refresh takes at its peak, for a shop with events of these users.

    user: user index of each event, (E,). text_dim: length of a text vector.
    """
    examples = min(config.mix.budget(n_items, len(SIMILAR_FEATURES)), len(user) // VALID_SHARE)
    return int(
        _BASE
        + _BYTES_PER_EDGE * len(user)
        + (_BYTES_PER_ITEM + _BYTES_PER_TEXT_VALUE * text_dim) * n_items
        + max(
            _BYTES_PER_PAIR * _pairs(user, config.co_engagement.window),
            _BYTES_PER_EXAMPLE_VALUE * examples * n_items * len(SIMILAR_FEATURES),
        )
        + (regression_bytes(user, n_items, config.regression) if config.use_paths else 0)
    )


def within_budget(
    snapshot: ShopSnapshot,
    report: SelectionReport,
    text_dim: int,
    config: IlkConfig,
    settings: RefreshSettings,
) -> tuple[ShopSnapshot, SelectionReport]:
    """The snapshot, or with `over_budget = "newest"` its newest events that fit; counted in the report.

    Raises `MemoryBudgetExceeded` in one line that says what to do.
    """
    if settings.memory_mib is None:
        return snapshot, report
    budget = settings.memory_mib * MIB
    user = snapshot.edges.user

    def peak(newest: int) -> int:
        return estimated_peak(user[len(user) - newest :], snapshot.items.height, text_dim, config)

    if peak(len(user)) <= budget:
        return snapshot, report
    if settings.over_budget == "refuse" or peak(0) > budget:
        needed = peak(len(user) if settings.over_budget == "refuse" else 0)
        raise MemoryBudgetExceeded(
            f"a refresh of {snapshot.items.height:,} items and {len(user):,} events takes about "
            f"{needed / MIB:,.0f} MiB, more than refresh.memory_mib = {settings.memory_mib:,}; raise it, "
            "learn from fewer events (selection.window_days, selection.max_user_events) or set "
            'refresh.over_budget = "newest"'
        )
    fits, too_many = 0, len(user)
    while too_many - fits > 1:
        middle = (fits + too_many) // 2
        fits, too_many = (middle, too_many) if peak(middle) <= budget else (fits, middle)
    left_out = report.left_out | {"memory_budget": len(user) - fits}
    return newest_edges(snapshot, fits), replace(report, kept=fits, left_out=left_out)


def _pairs(user: IntArray, window: int) -> int:
    """Pairs of events of one user at most `window` places apart."""
    events = np.bincount(user) if len(user) else np.zeros(0, np.int64)
    reach = np.minimum(window, np.maximum(events - 1, 0))
    return int((reach * events - reach * (reach + 1) // 2).sum())
