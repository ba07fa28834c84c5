"""Users as weighted rows over the catalogue, from events or from a bare list of items."""

import numpy as np

from gnn.histories import Histories, changes_after, history_weights
from gnn.shop_arrays import IntArray
from gnn.user_features import UserConfig, UserRows


def latest_of_each(histories: Histories) -> Histories:
    """Keep only a user's newest event of each item: a history names every item once."""
    order = np.lexsort((histories.item, histories.user))  # of equals the newest comes last
    keep = np.sort(order[changes_after(histories.user[order]) | changes_after(histories.item[order])])
    del order
    counts = np.bincount(histories.user[keep], minlength=histories.n_users)
    return Histories(
        n_items=histories.n_items,
        indptr=np.concatenate([[0], np.cumsum(counts)]),
        item=histories.item[keep],
        user=histories.user[keep],
        position=histories.position[keep],
        weight=histories.weight[keep],
        step=histories.step[keep],
    )


def user_rows(histories: Histories, users: IntArray, config: UserConfig) -> UserRows:
    """Rows of known users; `histories` from `latest_of_each`."""
    ends = histories.indptr[users + 1]
    counts = np.minimum(ends - histories.indptr[users], config.history)
    row = np.repeat(np.arange(len(users)), counts)
    back = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    item = histories.item[np.repeat(ends, counts) - 1 - back]
    return _rows(row, item, back, (len(users), histories.n_items), config)


def rows_of_history(history: IntArray, n_items: int, config: UserConfig) -> UserRows:
    """Row of one user given as item indices, oldest first; of repeated items the newest counts."""
    newest_first = history[::-1]
    _, first = np.unique(newest_first, return_index=True)
    item = newest_first[np.sort(first)][: config.history]
    zeros = np.zeros(len(item), np.int64)
    return _rows(zeros, item, np.arange(len(item)), (1, n_items), config)


def _rows(
    row: IntArray, item: IntArray, back: IntArray, shape: tuple[int, int], config: UserConfig
) -> UserRows:
    return UserRows(
        recent=history_weights(row, item, back, config.decay, shape),
        even=history_weights(row, item, back, 1.0, shape),
    )
