"""How much memory a refresh takes at its peak, counted from the shop before it begins, and its budget.

The peak lies in training. Counted is what is held throughout (libraries, events, items, texts, relation K by
the most entries that the pairs of events can make) and the largest of what comes and goes on top: texts being
encoded, K on its way, the regression, a step of the network, the examples that the mixes are learned from.
An upper bound: what fits and refreshes were measured to take stands beside it in docs/model.md.
"""

from dataclasses import replace

import numpy as np

from gnn import IlkConfig
from gnn.histories import VALID_SHARE
from gnn.neighbour_regression import regression_bytes
from gnn.shop_arrays import IntArray
from gnn.similar_features import SIMILAR_FEATURES, TREND_NAMES
from gnn.user_features import USER_FEATURES
from service.edge_selection import SelectionReport, newest_edges
from service.errors import ServiceError
from service.settings import RefreshSettings
from service.shop_snapshot import ShopSnapshot

MIB = 2**20
_BASE = 1_150 * MIB
"""Interpreter, libraries, and what the text model leaves behind: a refresh that encoded every text of
electronics took 120 MiB more than one that found them in the cache."""
_ENCODING = 200 * MIB
"""The text model while it encodes, above that (electronics: 1,327 MiB in all)."""
_BYTES_PER_EDGE = 300
"""Snapshot and shop (80), histories, users' items forth and back, the network's edges and pairs."""
_BYTES_PER_USER = 1_500
"""A trained vector with gradient, the optimiser's state and each layer's."""
_BYTES_PER_ITEM = 15_000
"""The same, and the paths' lists: 1,000 targets of the walk and 200 of each product, 8 bytes each."""
_BYTES_PER_TEXT_VALUE = 16
"""Float32 of the text vectors as they came, centred and projected."""
_BYTES_PER_ENTRY = 8
"""Of K: a float32 and an int32. While it is made there is half as much one way."""
_BLOCK = 100_000_000
"""Pairs of events, or products, that are worked on together."""
_BYTES_PER_LOGIT = 64
"""A pair of a training step and a negative: scores forth and back, and what the C library keeps of them."""
_BYTES_PER_EXAMPLE_VALUE = 8
"""A feature of one item in one example of a mix: itself, and its copy or the scores made of it."""
_BYTES_PER_RIVAL = 24
"""A target and an item that competes with it in a user's list: float32 of six arrays."""


class MemoryBudgetExceeded(ServiceError):
    """The refresh would need more memory than it may have."""


def estimated_peak(user: IntArray, n_items: int, text_dim: int, config: IlkConfig) -> int:
    """Bytes that a refresh takes at its peak, for a shop with events of these users; an upper bound.

    user: user index of each event, (E,). text_dim: length of a text vector.
    """
    n_events = len(user)
    entries = _entries(user, n_items, config.co_engagement.window) if config.use_paths else 0
    held = (
        _BASE
        + _BYTES_PER_EDGE * n_events
        + _BYTES_PER_USER * np.count_nonzero(_events_of_each(user))
        + (_BYTES_PER_ITEM + _BYTES_PER_TEXT_VALUE * text_dim) * n_items
        + _BYTES_PER_ENTRY * entries
    )
    passing = (
        _ENCODING,
        _BYTES_PER_ENTRY * entries // 2 + min(_BLOCK, _BYTES_PER_ENTRY * entries * 4),
        regression_bytes(user, n_items, config.regression) if config.use_paths else 0,
        _step_bytes(n_events, config) if config.use_embedding else 0,
        examples_bytes(n_events, n_items, config),
    )
    return int(held + max(passing))


def examples_bytes(n_events: int, n_items: int, config: IlkConfig) -> int:
    """What learning the mixes takes at most: of each kind of examples only one is there at a time.

    Of a user's list are counted the items that rank high and the strangers, among which nearly all targets
    are.
    """
    if not config.learn_mix:
        return 0
    newest, n_features = n_events // VALID_SHARE, len(SIMILAR_FEATURES)
    catalogues = max(how.budget(n_items, n_features) for how in (config.mix, config.together_learning))
    cells = min(newest, catalogues) * n_items * n_features

    relations = config.relation_learning
    most = 2 * relations.contenders + (n_features - len(TREND_NAMES)) * (relations.contenders // 4)
    pairs = min(newest, relations.budget(most, n_features + 1))
    if newest >= relations.min_pairs:
        cells = max(cells, pairs * min(most, n_items) * (n_features + 1))

    lists = config.user_lists
    width = min(lists.of_mix + len(USER_FEATURES) * lists.of_feature + lists.strangers, n_items)
    targets = min(newest, lists.targets) if newest >= lists.min_targets else 0
    listed = min(targets, lists.users) * width * len(USER_FEATURES)
    rivals = targets * width
    return max(
        _BYTES_PER_EXAMPLE_VALUE * cells,
        _BYTES_PER_EXAMPLE_VALUE * listed + _BYTES_PER_RIVAL * rivals,
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


def _step_bytes(n_events: int, config: IlkConfig) -> int:
    """A training step's scores of its pairs against the negatives that they share."""
    training = config.training
    return _BYTES_PER_LOGIT * min(training.batch(n_events), n_events) * training.negatives


def _events_of_each(user: IntArray) -> IntArray:
    return np.bincount(user) if len(user) else np.zeros(0, np.int64)


def _entries(user: IntArray, n_items: int, window: int) -> int:
    """Most entries that K can have: every pair of events of one user at most `window` places apart makes two,
    and there is one for each two items."""
    events = _events_of_each(user)
    reach = np.minimum(window, np.maximum(events - 1, 0))
    pairs = int((reach * events - reach * (reach + 1) // 2).sum())
    return min(2 * pairs, n_items**2)
