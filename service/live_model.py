"""Ilk's own model as the updater follows it: `gnn.live` behind the port `service.live_mirror.Mirror`."""

from collections import Counter
from collections.abc import Mapping

import numpy as np

from gnn.fitted_ilk import FittedIlk
from gnn.fresh_rows import FreshRows
from gnn.live import LiveEvents, LiveItems, LiveSignals, Tolerance, signal_difference
from gnn.served_model import ServedModel
from gnn.shop_arrays import IntArray, ShopArrays
from graph.store import EdgeBlock
from service.live_mirror import ArrivedItems, MakeMirror
from service.settings import Settings

_EXACT = Tolerance(dense=1e-7, paths=1e-7)


class IlkMirror:
    """`Mirror` of a `FittedIlk`."""

    def __init__(self, model: FittedIlk, shop: ShopArrays, sequence: IntArray, items: ArrivedItems) -> None:
        self._base = model
        self._live = LiveSignals(model, shop, sequence=sequence)
        self._counters: Counter[str] = Counter()
        if len(items.rows):
            self._counted(self._live.fold_in(items=_live_items(items)))

    @property
    def n_items(self) -> int:
        """See `Mirror.n_items`."""
        return self._live.model.n_items

    @property
    def live(self) -> LiveSignals:
        """The signals themselves."""
        return self._live

    def fold_in(self, edges: EdgeBlock, items: ArrivedItems) -> FreshRows:
        """See `Mirror.fold_in`."""
        events = live_events(edges) if len(edges.seq) else None
        return self._counted(self._live.fold_in(events, _live_items(items) if len(items.rows) else None))

    def propagate(self) -> FreshRows:
        """See `Mirror.propagate`."""
        return self._counted(self._live.propagate())

    def everything(self) -> FreshRows:
        """See `Mirror.everything`."""
        return signal_difference(self._base.signals, self._live.model.signals, _EXACT)

    def preview(self, edges: EdgeBlock) -> FreshRows:
        """See `Mirror.preview`."""
        return self._live.preview(live_events(edges))

    def figures(self) -> Mapping[str, int]:
        """See `Mirror.figures`."""
        return dict(self._counters)

    def _counted(self, fresh: FreshRows) -> FreshRows:
        self._counters.update(fresh.counters)
        return fresh


def make_mirror(settings: Settings) -> MakeMirror | None:
    """How a release's model is kept up to date; None: not at all."""
    del settings

    def make(model: ServedModel, shop: ShopArrays, sequence: IntArray, items: ArrivedItems) -> IlkMirror:
        assert isinstance(model, FittedIlk)
        return IlkMirror(model, shop, sequence, items)

    return make


def live_events(edges: EdgeBlock) -> LiveEvents:
    """Edges of a store as the live path takes them."""
    return LiveEvents(
        user=edges.user,
        item=edges.item,
        at=edges.at,
        weight=edges.weight,
        relation=edges.relation,
        sequence=edges.seq,
    )


def _live_items(items: ArrivedItems) -> LiveItems:
    return LiveItems(
        rows=items.rows,
        text=None if items.text is None else np.asarray(items.text, np.float32),
        item_category=items.categories,
        category_parent=None,
        brand=items.brand,
    )
