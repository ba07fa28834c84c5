"""What a mirror that is gone had handed out, for one that goes on from it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import sparse

from gnn.fresh_rows import FreshRows, RowPatch, widened
from gnn.typed_paths import PATH_NAMES


def lists_of(handed_out: Sequence[FreshRows]) -> FreshRows | None:
    """The path lists alone, each row as it was handed out last; None: nothing was.

    All else is exact from the events and cheap, so it is not worth the copies of all items' dense rows that
    applying one `FreshRows` after the other takes: hundreds of them follow each other."""
    if not handed_out:
        return None
    last = handed_out[-1]
    none = np.zeros(0, np.int64)
    return replace(
        last,
        item_rows=none,
        evidence=last.evidence[:0],
        cold=last.cold[:0],
        trend=last.trend[:, :0],
        trend_decay=np.ones_like(last.trend_decay),
        embedding=None,
        user_side=None,
        text_rows=none,
        text=None,
        hub=None,
        catalogue=RowPatch.empty(last.catalogue.values.shape[1]),
        brand=last.brand[:0],
        paths={
            name: _newest([fresh.paths[name] for fresh in handed_out], last.n_items) for name in PATH_NAMES
        },
        counters={},
    )


def _newest(patches: Sequence[RowPatch], columns: int) -> RowPatch:
    """Each row once, from the last patch that has it."""
    rows = np.concatenate([patch.rows for patch in patches])
    unique, from_end = np.unique(rows[::-1], return_index=True)
    wide = [widened(patch.values, columns) for patch in patches]
    return RowPatch(unique, sparse.vstack(wide, format="csr")[len(rows) - 1 - from_end])
