"""Everything a model learns from, as arrays."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class ShopArrays:
    """One shop. Events are parallel columns, ascending by (time, user id, item id); raises `ValueError`
    when columns disagree in length or an index is out of range.

    Memory: 33 bytes per event, 4 x d bytes per item and text matrix.
    """

    n_users: int
    n_items: int
    user: IntArray
    """User index of each event, shape (E,)."""
    item: IntArray
    """Item index of each event, shape (E,)."""
    at: IntArray
    """Microseconds since 1970 UTC, ascending, shape (E,)."""
    weight: FloatArray
    """Weight of each event (type, refunds), shape (E,)."""
    relation: npt.NDArray[np.int8]
    """Position in `graph.event_type.RELATIONS`, shape (E,)."""
    text: FloatArray | None = None
    """Unit-length embedding of each item's text (zeros: no text), shape (n_items, d)."""
    whole_text: FloatArray | None = None
    """Embedding of each item's whole text where `text` is a mean of several views, (n_items, d): what the
    text baselines compare, so that they stay the textbook's. `None`: `text`."""
    review_text: FloatArray | None = None
    """Embedding of each item's text with the reviews pooled in that count, (n_items, d): what Ilk learns
    from in the place of `text`, which stays the baselines'. `None`: reviews are no part of the texts."""
    item_category: IntArray | None = None
    """(item, category) pairs, shape (m, 2)."""
    category_parent: IntArray | None = None
    """Parent of each category, -1 at roots, shape (c,)."""
    brand: IntArray | None = None
    """Brand index of each item, -1 where unknown, shape (n_items,)."""

    def __post_init__(self) -> None:
        n = len(self.user)
        for name in ("item", "at", "weight", "relation"):
            if len(getattr(self, name)) != n:
                raise ValueError(f"{name} has {len(getattr(self, name))} rows, user has {n}")
        if n and (self.user.min() < 0 or self.user.max() >= self.n_users):
            raise ValueError("user index out of range")
        if n and (self.item.min() < 0 or self.item.max() >= self.n_items):
            raise ValueError("item index out of range")
        if n and bool((np.diff(self.at) < 0).any()):
            raise ValueError("events must be in time order")
        for name in ("text", "whole_text", "review_text", "brand"):
            rows = getattr(self, name)
            if rows is not None and len(rows) != self.n_items:
                raise ValueError(f"{name} has {len(rows)} rows for {self.n_items} items")

    @property
    def told(self) -> FloatArray | None:
        """All that is told of each item in words: `review_text` where it is given, else `text`."""
        return self.text if self.review_text is None else self.review_text

    @property
    def n_events(self) -> int:
        """Number of events."""
        return len(self.user)

    def events(self, start: int, stop: int) -> Self:
        """The same shop with only the events of positions start..stop-1 (catalogue and texts stay)."""
        return self.only(slice(start, stop))

    def only(self, places: slice | npt.NDArray[np.bool_]) -> Self:
        """The same shop with only some events: a range, or where a mask of shape (n_events,) is true."""
        return replace(
            self,
            user=self.user[places],
            item=self.item[places],
            at=self.at[places],
            weight=self.weight[places],
            relation=self.relation[places],
        )
