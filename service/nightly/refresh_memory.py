"""How much memory a refresh takes at its peak, counted from the shop before it begins, and its budget.

The peak lies in training. Counted is what is held throughout (libraries, events, items, texts, relation K by
the most entries that the pairs of events can make) and the largest of what comes and goes on top: texts being
encoded, K on its way, the regression, a step of the network, the examples that the mixes are learned from.
An upper bound: what fits and refreshes were measured to take stands beside it in docs/model.md.
"""

from dataclasses import replace

import numpy as np

from gnn import IlkConfig
from gnn.contest import BLOCK_CELLS, most_contenders, pairs_looked_at
from gnn.evaluation.ranking import block_rows
from gnn.histories import VALID_SHARE
from gnn.list_examples import CELLS_AT_ONCE, CELLS_IN_A_PART
from gnn.mix_config import ListLearningConfig
from gnn.neighbour_regression import regression_bytes
from gnn.shop_arrays import IntArray
from gnn.similar_features import SIMILAR_FEATURES
from gnn.training import PIECE
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
_BYTES_PER_EXAMPLE_VALUE = 6
"""A feature of one item in one example of a mix: itself (4), and beside it arrays of single features (5.0 in
all while electronics' examples are made) or the contenders once more through a third of them (5.7)."""
_BYTES_PER_SCORE = 56
"""A pair and an item while weights are tried: four trends, the rest, scores by the mix and what ranks them
(electronics: 53)."""
_BYTES_PER_LISTED = 4 * len(USER_FEATURES) + 12
"""An item in a user's list: float32 of its features, of how many it stands for, twice, and of its score."""
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
    """What learning the mixes takes at most: whole catalogues, tried weights, contenders and users' lists,
    one after the other."""
    if not config.learn_mix:
        return 0
    newest, n_features = n_events // VALID_SHARE, len(SIMILAR_FEATURES)
    learned = max(how.budget(n_items, n_features) for how in (config.mix, config.together_learning))
    catalogues = min(newest, learned) * n_items * n_features

    tried = (config.trend_share, config.co_engaged_share, config.popularity_share)
    judged = max(how.budget(n_items) if newest >= how.min_pairs else 0 for how in tried)
    scores = min(newest, judged, block_rows(n_items)) * n_items

    relations = config.relation_learning
    pairs = pairs_looked_at(newest, n_items, relations)
    contenders = pairs * min(most_contenders(relations.contenders), n_items) * (n_features + 1)
    whole = min(pairs * n_items * n_features, BLOCK_CELLS)
    return max(
        _BYTES_PER_EXAMPLE_VALUE * catalogues,
        _BYTES_PER_SCORE * scores,
        _BYTES_PER_EXAMPLE_VALUE * (contenders + whole),
        _lists_bytes(newest, n_items, config.user_lists),
    )


def _lists_bytes(newest: int, n_items: int, lists: ListLearningConfig) -> int:
    """Users' lists: while they are looked for, and while the targets of some users are held against theirs.

    One user with many targets makes all lists as long. Targets that are together in a part are the fewer, the
    more other users have one at least.
    """
    if newest < lists.min_targets:
        return 0
    n_features, targets = len(USER_FEATURES), min(newest, lists.targets)
    users = min(targets, lists.budget(n_items))
    found = min(lists.of_mix + n_features * lists.of_feature + lists.strangers, n_items)
    width = min(found + min(lists.most_of_one, targets), n_items)
    looked_at = min(users * n_items * n_features, max(CELLS_AT_ONCE, n_items * n_features))
    part = min(users, max(1, CELLS_IN_A_PART // max(width * n_features, 1)))
    rivals = (targets - users + part) * width
    return max(
        _BYTES_PER_LISTED * (users * found + targets) + _BYTES_PER_EXAMPLE_VALUE * looked_at,
        _BYTES_PER_LISTED * users * width + _BYTES_PER_RIVAL * rivals,
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
    """A training step's scores of its pairs, or of as many as are looked at together, against the negatives
    that they share."""
    training = config.training
    at_once = min(training.batch(n_events), PIECE) if training.device == "cpu" else training.batch(n_events)
    return _BYTES_PER_LOGIT * min(at_once, n_events) * training.negatives


def _events_of_each(user: IntArray) -> IntArray:
    return np.bincount(user) if len(user) else np.zeros(0, np.int64)


def _entries(user: IntArray, n_items: int, window: int) -> int:
    """Most entries that K can have: every pair of events of one user at most `window` places apart makes two,
    and there is one for each two items."""
    events = _events_of_each(user)
    reach = np.minimum(window, np.maximum(events - 1, 0))
    pairs = int((reach * events - reach * (reach + 1) // 2).sum())
    return min(2 * pairs, n_items**2)
