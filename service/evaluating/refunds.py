"""What a shop's refunds took back, told from its files as a graph store tells it from the log."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import polars as pl

from gnn.evaluation.taken_back import TakenBack
from gnn.shop_arrays import IntArray
from graph.event_type import EventType
from graph.refund import is_refund, take_back

_PAIR = ("anonymous", "user_id", "item_id")


@dataclass
class _Purchase:
    """One purchase that a refund may match."""

    at: int
    row: int
    quantity: float | None
    refunded: float = 0.0

    @property
    def whole(self) -> float:
        """Pieces; an unknown number counts as one."""
        return self.quantity or 1.0


def taken_back(events: pl.DataFrame, rows: IntArray) -> TakenBack | None:
    """The purchases that the refunds among `events` match, by the rule of `graph.refund`; None without any.

    Each refund sees what those before it (by time, then in the files' order) took, and purchases that stand
    before it in the files and are not later.

    Args:
        events: `EVENT_SCHEMA`, in the order of the files, refunds included.
        rows: Of each event that is judged on, its row among `events` without the refunds, shape (E,).
    """
    numbered = events.with_row_index("row").unique("event_id", keep="first", maintain_order=True)
    refunds = numbered.filter(is_refund()).sort("at", "row")
    if refunds.is_empty():
        return None
    bought = numbered.filter(~is_refund(), pl.col("event_type") == EventType.PURCHASE.value)
    bought = bought.join(refunds.select(_PAIR).unique(), on=list(_PAIR), how="semi", maintain_order="left")
    purchases: dict[tuple[object, ...], list[_Purchase]] = defaultdict(list)
    for *pair, at, row, quantity in bought.select(*_PAIR, "at", "row", "quantity").iter_rows():
        purchases[tuple(pair)].append(_Purchase(at, row, quantity if (quantity or 0) > 0 else None))
    taken = []
    for *pair, at, row, quantity in refunds.select(*_PAIR, "at", "row", "quantity").iter_rows():
        for one in _matched(purchases.get(tuple(pair), []), at, row, quantity):
            taken.append((one.row, at, 1.0 - one.refunded / one.whole))
    edge_of_row = np.cumsum(~events.select(is_refund()).to_series().to_numpy()) - 1
    position_of_edge = np.full(len(edge_of_row), -1, np.int64)
    position_of_edge[rows] = np.arange(len(rows))
    row, at, kept = (np.array(column) for column in (zip(*taken, strict=True) if taken else ((), (), ())))
    position = position_of_edge[edge_of_row[row.astype(np.int64)]]
    known = position >= 0  # of equal events one is judged on
    return TakenBack(position[known], at[known].astype(np.int64), kept[known].astype(np.float32))


def _matched(purchases: list[_Purchase], at: int, row: int, quantity: float | None) -> list[_Purchase]:
    """The purchases of one shopper and item that a refund changes, changed."""
    open_ones = [p for p in purchases if p.row < row and p.at <= at and p.refunded < p.whole]
    open_ones.sort(key=lambda p: (p.at, p.row), reverse=True)
    found = {p.row: p for p in open_ones}
    changed = []
    for refunded, key in take_back(quantity, [(p.row, p.quantity, p.refunded) for p in open_ones]):
        found[key].refunded = refunded
        changed.append(found[key])
    return changed
