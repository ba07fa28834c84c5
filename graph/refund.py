"""What a refund does: it takes earlier purchases' weight away, and becomes no edge itself.

A refund matches the purchases of the same user and item that the store holds, that came earlier (a lower
`seq`, and not a later `at`) and are not wholly refunded; the newest first. One that matches none is ignored.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import polars as pl

from graph.event_type import EventType


def is_refund() -> pl.Expr:
    """Rows that take a purchase's weight away: refunds, and purchases of a negative quantity."""
    return (pl.col("event_type") == EventType.REFUND.value) | (pl.col("quantity").fill_null(0) < 0)


def refund_rows(events: pl.DataFrame) -> npt.NDArray[np.bool_]:
    """Which rows `is_refund` names, (n,): for the small frames of the live path. An expression is handed to
    another thread, which on a busy machine costs milliseconds."""
    found = (events["event_type"] == EventType.REFUND.value).to_numpy()
    quantity = events["quantity"]
    if quantity.null_count() < len(quantity):
        found = found | (quantity.to_numpy() < 0)  # missing: NaN
    return found


def take_back(
    quantity: float | None, purchases: Iterable[tuple[int, float | None, float]]
) -> list[tuple[float, int]]:
    """Which purchases one refund takes back, and how far.

    quantity: pieces refunded (the sign is ignored); None or 0: not known.
    purchases: (key, pieces bought or None, pieces already refunded), the newest first, none wholly
        refunded; read only as far as needed. Unknown pieces count as one.
    Returns (pieces refunded now, key) of each purchase that changes. Where pieces are unknown on either
    side, the newest purchase is taken back wholly; else the refund's pieces, going on to older purchases.
    """
    left = abs(quantity or 0.0)
    changed = []
    for key, bought, refunded in purchases:
        if not left or bought is None:
            changed.append((1.0 if bought is None else bought, key))
            break
        taken = min(left, bought - refunded)
        changed.append((refunded + taken, key))
        left -= taken
        if not left:
            break
    return changed
