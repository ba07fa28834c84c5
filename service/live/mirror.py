"""What the updater needs of a model that follows the events: arrays in, changed rows out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from gnn.live.influence import InfluenceLedger
from gnn.served_model import ServedModel
from gnn.shop_arrays import FloatArray, IntArray, ShopArrays
from graph.store import EdgeBlock


class FreshRowsLike(Protocol):
    """Rows of a model that were computed anew (`gnn.fresh_rows.FreshRows`)."""

    @property
    def vector_rows(self) -> IntArray:
        """Items whose search vector changed, ascending; shape (m,)."""

    def to_arrays(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        """(arrays by name, JSON-able configuration)."""


@dataclass(frozen=True)
class ArrivedItems:
    """Items that are new, or whose text, categories or brand changed."""

    rows: IntArray
    """Item indices, ascending; shape (m,)."""
    text: FloatArray | None
    """Embeddings of their texts by the release's encoder, zeros where there is none; (m, e)."""
    categories: IntArray
    """(item index, category index) pairs of these items, shape (p, 2)."""
    brand: IntArray
    """Brand of each as the release numbers them, -1: unknown; shape (m,)."""


NO_ITEMS = ArrivedItems(np.empty(0, np.int64), None, np.empty((0, 2), np.int64), np.empty(0, np.int64))


@dataclass(frozen=True)
class MirrorStart:
    """What a mirror begins with."""

    shop: ShopArrays
    """All edges that count, with weight 0 those that wait in the ledger, and the catalogue without texts."""
    sequence: IntArray
    """Of the edges in the event log, shape (E,)."""
    items: ArrivedItems = NO_ITEMS
    """Items that the release lacks or knows otherwise."""
    frozen: IntArray = field(default_factory=lambda: np.empty(0, np.int64))
    """Items whose rows stay as the release has them."""
    ledger: InfluenceLedger | None = None
    """Decides which later events count; None: begins with these edges."""
    damped: Mapping[str, int] = field(default_factory=dict)
    """Events that were left out of the edges, by reason."""
    handed_out: Sequence[Any] = ()
    """Fresh rows that another mirror of the same events handed out, in order: its lists are gone on with."""


class RecomputationLike(Protocol):
    """Everything computed anew beside a mirror."""

    def run(self) -> None:
        """Do it; may be called in another thread."""

    def rows(self) -> FreshRowsLike:
        """What differs from the release, once it has run; without what was folded in since it began."""

    def catch_up(self) -> None:
        """Once it has run: fold in what came meanwhile, which is left to `adopt` otherwise; in any thread."""


class Mirror(Protocol):
    """A model beside the shop's edges. Not for several threads, but for what says so."""

    @property
    def n_items(self) -> int:
        """Size of the catalogue, items that arrived included."""

    def fold_in(self, edges: EdgeBlock, items: ArrivedItems) -> FreshRowsLike:
        """Count new edges and items in with the weights as they are; returns what changed by that."""

    def propagate(self, *, lists: bool = True) -> FreshRowsLike:
        """Compute everything anew with the weights as they are; returns what changed by that. lists: False:
        but for what takes longest, which stays as it is."""

    def recomputation(self) -> RecomputationLike:
        """Begin what `propagate` does beside this mirror, which goes on folding in; then `adopt` it."""

    def succession(self, model: ServedModel, through: int) -> RecomputationLike | None:
        """Begin to follow another release that was made of the same events up to `through`; None: it needs a
        mirror of its own."""

    def adopt(self, done: Any) -> FreshRowsLike | None:
        """Take over what has run beside; returns what changed by what was folded in meanwhile, which comes
        after `RecomputationLike.rows`."""

    def everything(self) -> Callable[[], FreshRowsLike]:
        """What differs from the release now; it may be computed later, and in another thread."""

    def preview(self, edges: EdgeBlock) -> FreshRowsLike:
        """What `fold_in` would return for some edges, without influence caps; nothing is kept."""

    def figures(self) -> Mapping[str, int]:
        """Counts to be shown, such as damped events; names are fit for metrics."""


MakeMirror = Callable[[ServedModel, MirrorStart], Mirror]
