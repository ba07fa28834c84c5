"""What reaches the live path: events and catalogue changes as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from gnn.shop_arrays import FloatArray, IntArray


@dataclass(frozen=True)
class LiveEvents:
    """Accepted events in the order of the log; raises `ValueError` when columns disagree in length."""

    user: IntArray
    """(m,); may name users that the release does not know."""
    item: IntArray
    """(m,)."""
    at: IntArray
    """Microseconds since 1970 UTC; may be older than events seen before, (m,)."""
    weight: FloatArray
    """(m,)."""
    relation: npt.NDArray[np.int8]
    """Position in `graph.event_type.RELATIONS`, (m,)."""
    sequence: IntArray
    """Number in the log, by which an event is revised or dropped later, (m,)."""

    def __post_init__(self) -> None:
        for name in ("item", "at", "weight", "relation", "sequence"):
            if len(getattr(self, name)) != len(self.user):
                raise ValueError(f"{name} has {len(getattr(self, name))} rows, user has {len(self.user)}")

    def __len__(self) -> int:
        return len(self.user)

    def only(self, places: IntArray | slice) -> Self:
        """Some of them, (k,)."""
        return type(self)(**{name: column[places] for name, column in vars(self).items()})

    def joined(self, later: Self) -> Self:
        """These and later ones."""
        return type(self)(
            **{name: np.concatenate([column, getattr(later, name)]) for name, column in vars(self).items()}
        )

    @classmethod
    def none(cls) -> Self:
        """No event."""
        empty = np.zeros(0, np.int64)
        return cls(empty, empty, empty, np.zeros(0, np.float32), np.zeros(0, np.int8), empty)


@dataclass(frozen=True)
class LiveItems:
    """Items that are new or whose text, categories or brand changed: each given as a whole."""

    rows: IntArray
    """(m,), unique."""
    text: FloatArray | None = None
    """Embeddings of the release's encoder (zeros: no text), (m, e); `None`: texts are as they were."""
    item_category: IntArray | None = None
    """(item, category) pairs, (p, 2), which replace those of `rows`; `None`: as they were."""
    category_parent: IntArray | None = None
    """Parent of every category, (c,); `None`: the tree is as it was."""
    brand: IntArray | None = None
    """(m,), numbered as in the release, new brands after its last; `None`: as they were."""


@dataclass(frozen=True)
class Revision:
    """Events that count differently from now on."""

    sequence: IntArray
    """(m,); numbers that are not known are passed over."""
    weight: FloatArray
    """What each weighs now, 0: nothing (a refund, a deleted edge), (m,)."""

    def latest(self) -> Self:
        """Each event once, ascending, as it was revised last."""
        sequence, place = np.unique(self.sequence[::-1], return_index=True)
        return type(self)(sequence, self.weight[::-1][place])

    def places_in(self, sequence: IntArray) -> tuple[IntArray, IntArray]:
        """(which of some events are revised here, (k,); their places here, (k,)). Sorted revisions only."""
        found = np.flatnonzero(np.isin(sequence, self.sequence))
        return found, np.searchsorted(self.sequence, sequence[found])

    def less(self, sequence: IntArray) -> Self:
        """Without some events."""
        kept = ~np.isin(self.sequence, sequence)
        return type(self)(self.sequence[kept], self.weight[kept])

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """All of them, in order."""
        none, nothing = np.zeros(0, np.int64), np.zeros(0, np.float32)
        return cls(
            np.concatenate([none, *(part.sequence for part in parts)]),
            np.concatenate([nothing, *(part.weight for part in parts)]),
        )
