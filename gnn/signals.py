"""Everything a fitted model knows about the items, ready to be weighed."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gnn.shop_arrays import FloatArray, IntArray
from gnn.sparse_rows import Csr
from gnn.text_space import TextProjection
from gnn.typed_paths import TypedPaths


@dataclass(frozen=True)
class ItemSignals:
    """Inputs of the features; immutable, row-parallel to the catalogue."""

    paths: TypedPaths
    trend: FloatArray
    """See `gnn.trend`, shape (4, n_items)."""
    evidence: FloatArray
    """Events / (events + kappa): 0 = never engaged, towards 1 = well known; shape (n_items,)."""
    cold: npt.NDArray[np.bool_]
    """No event; shape (n_items,)."""
    text: FloatArray | None = None
    """Text vectors (`gnn.text_space`), shape (n_items, d)."""
    hub: FloatArray | None = None
    """Hub correction of `text`, shape (n_items,)."""
    embedding: FloatArray | None = None
    """Trained embeddings of unit length, zeros for items without an event, shape (n_items, d)."""
    category: Csr | None = None
    """See `gnn.catalogue_relations.category_rows`, shape (n_items, categories)."""
    brand: IntArray | None = None
    """Brand of each item, -1 where unknown, shape (n_items,)."""
    user_side: FloatArray | None = None
    """What an item adds to the vector of a user who engaged with it, shape (n_items, d)."""
    text_projection: TextProjection | None = None
    """Takes embeddings of other texts into the space of `text`."""
    text_near: IntArray | None = None
    """Nearest items by text, see `TextSpace.near`, (n_items, k); older releases lack it."""
    regression: Csr | None = None
    """Weight of a history's item (row) for a target (column), see `gnn.neighbour_regression`: learned by a
    fit and fixed until the next; (n_items, n_items). Older releases lack it."""
    trend_events: int = 0
    """Events of which the trend's half-lives are shares; 0: not stored."""

    @property
    def n_items(self) -> int:
        """Size of the catalogue."""
        return len(self.evidence)
