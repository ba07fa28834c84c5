"""Ilk's own model as the updater follows it: `gnn.live` behind the port `service.live.mirror.Mirror`."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from gnn.fitted_ilk import FittedIlk
from gnn.fresh_rows import FreshRows, RowPatch
from gnn.live import (
    InfluenceCaps,
    LiveConfig,
    LiveEvents,
    LiveItems,
    LiveSignals,
    Recomputation,
    Tolerance,
    signal_difference,
)
from gnn.served_model import ServedModel
from gnn.shop_arrays import IntArray
from graph.store import EdgeBlock
from service.live.mirror import ArrivedItems, MakeMirror, MirrorStart
from service.settings import Settings

logger = logging.getLogger(__name__)

NO_ROWS = np.empty(0, np.int64)
_EXACT = Tolerance(dense=1e-7, paths=1e-7)


class IlkMirror:
    """`Mirror` of a `FittedIlk`."""

    def __init__(self, model: FittedIlk, start: MirrorStart, caps: InfluenceCaps | None = None) -> None:
        """caps: where the start brings no ledger."""
        self._frozen = start.frozen
        config = LiveConfig(caps=caps or InfluenceCaps())
        self._live = LiveSignals(model, start.shop, config, start.sequence, start.ledger, start.handed_out)
        self._counters: Counter[str] = Counter(start.damped)
        if len(start.items.rows):
            self._counted(self._live.fold_in(items=_live_items(start.items)))

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

    def propagate(self, *, lists: bool = True) -> FreshRows:
        """See `Mirror.propagate`."""
        return self._counted(self._live.propagate(lists=lists))

    def recomputation(self) -> "IlkRecomputation":
        """See `Mirror.recomputation`."""
        return IlkRecomputation(self._live.recomputation(), self._frozen)

    def succession(self, model: ServedModel, through: int) -> "IlkRecomputation | None":
        """See `Mirror.succession`."""
        try:
            assert isinstance(model, FittedIlk)
            return IlkRecomputation(self._live.succession(model, through), self._frozen)
        except ValueError as error:
            logger.info("%s", error)
            return None

    def adopt(self, done: "IlkRecomputation") -> FreshRows | None:
        """See `Mirror.adopt`."""
        later = self._live.adopt(done.work)
        return None if later is None else without_rows(later, self._frozen)

    def everything(self) -> Callable[[], FreshRows]:
        """See `Mirror.everything`."""
        base, now, frozen = self._live.release.signals, self._live.model.signals, self._frozen
        touched = self._live.touched()
        return lambda: without_rows(signal_difference(base, now, _EXACT, touched), frozen)

    def preview(self, edges: EdgeBlock) -> FreshRows:
        """See `Mirror.preview`."""
        return self._live.preview(live_events(edges))

    def figures(self) -> Mapping[str, int]:
        """See `Mirror.figures`."""
        return dict(self._counters)

    def _counted(self, fresh: FreshRows) -> FreshRows:
        self._counters.update(fresh.counters)
        return without_rows(fresh, self._frozen)


@dataclass(frozen=True)
class IlkRecomputation:
    """`RecomputationLike` of an `IlkMirror`."""

    work: Recomputation
    frozen: IntArray

    def run(self) -> None:
        """See `RecomputationLike.run`."""
        self.work.run()

    def rows(self) -> FreshRows:
        """See `RecomputationLike.rows`."""
        assert self.work.fresh is not None, "it has not run"
        return without_rows(self.work.fresh, self.frozen)

    def catch_up(self) -> None:
        """See `RecomputationLike.catch_up`."""
        self.work.catch_up()


def make_mirror(settings: Settings) -> MakeMirror | None:
    """How a release's model is kept up to date; None: not at all."""
    caps = influence_caps(settings)

    def make(model: ServedModel, start: MirrorStart) -> IlkMirror:
        assert isinstance(model, FittedIlk)
        return IlkMirror(model, start, caps)

    return make


def brand_numbers(model: ServedModel) -> IntArray | None:
    """Brand of each item as a model's weights number them, (n,); None where it knows none."""
    return model.signals.brand if isinstance(model, FittedIlk) else None


def influence_caps(settings: Settings) -> InfluenceCaps:
    """The caps that are set."""
    return InfluenceCaps(**settings.update.caps.model_dump())


def without_rows(fresh: FreshRows, frozen: IntArray) -> FreshRows:
    """The same change less some items' own rows; as targets of others they change with those."""
    if not np.isin(frozen, fresh.rows).any():
        return fresh
    items, texts = ~np.isin(fresh.item_rows, frozen), ~np.isin(fresh.text_rows, frozen)
    catalogue = ~np.isin(fresh.catalogue.rows, frozen)
    return replace(
        fresh,
        item_rows=fresh.item_rows[items],
        evidence=fresh.evidence[items],
        cold=fresh.cold[items],
        trend=fresh.trend[:, items],
        embedding=None if fresh.embedding is None else fresh.embedding[items],
        user_side=None if fresh.user_side is None else fresh.user_side[items],
        text_rows=fresh.text_rows[texts],
        text=None if fresh.text is None else fresh.text[texts],
        hub=None if fresh.hub is None else fresh.hub[texts],
        catalogue=_kept(fresh.catalogue, catalogue),
        brand=fresh.brand[catalogue],
        paths={name: _kept(patch, ~np.isin(patch.rows, frozen)) for name, patch in fresh.paths.items()},
    )


def _kept(patch: RowPatch, mask: npt.NDArray[np.bool_]) -> RowPatch:
    return RowPatch(patch.rows[mask], patch.values[np.flatnonzero(mask)])


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
