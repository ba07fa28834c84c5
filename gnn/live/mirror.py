"""All state of a shop that the live path keeps, and the single steps by which it changes."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from gnn.catalogue_relations import category_means
from gnn.fitted_ilk import FittedIlk
from gnn.fresh_rows import RowPatch
from gnn.fresh_signals import grown_regression
from gnn.histories import Histories, group_by_user, interaction_matrix
from gnn.item_signals import SignalScales, item_layer_zero, item_signals
from gnn.live.event_table import EventTable, from_first_change, tails
from gnn.live.live_batch import LiveEvents, LiveItems, Revision
from gnn.live.live_catalogue import LiveCatalogue
from gnn.live.live_config import FoldLimits
from gnn.live.live_embeddings import LiveEmbeddings
from gnn.live.live_paths import LivePaths
from gnn.live.live_text import LiveText
from gnn.live.live_trend import LiveTrend
from gnn.shop_arrays import IntArray, ShopArrays
from gnn.signals import ItemSignals
from gnn.text_space import TextSpace
from gnn.typed_paths import TypedPaths

NO_ROWS = np.zeros(0, np.int64)


class Mirror:
    """See `gnn.live.live_signals.LiveSignals`; model gives weights, scales and configuration."""

    def __init__(self, model: FittedIlk, shop: ShopArrays, sequence: IntArray | None) -> None:
        signals = model.signals
        self._config, self._weights = model.config, model.weights
        self.events = EventTable(shop, sequence)
        self.catalogue = LiveCatalogue.of(shop)
        self._regression = signals.regression
        self.scales = SignalScales(dict(signals.paths.scales), signals.trend_events or shop.n_events)
        self.text = LiveText.of(signals, model.config.text)
        if shop.n_items > signals.n_items:
            self._set_text(NO_ROWS, None)
        counted = self.shop()
        self.paths = LivePaths.of(group_by_user(counted), signals, model.config)
        self._settle_on(counted)

    def copy(self) -> "Mirror":
        """An independent copy; what is immutable is shared."""
        side = object.__new__(Mirror)
        side.__dict__ |= self.__dict__
        side.events, side.trend = self.events.copy(), self.trend.copy()
        side.embeddings = None if self.embeddings is None else self.embeddings.copy()
        return side

    def weighted(self, release: FittedIlk) -> "Mirror":
        """An independent copy with the weights of another release; `settle` brings its embeddings in line."""
        side = self.copy()
        side.__dict__ |= {
            "_config": release.config,
            "_weights": release.weights,
            "_regression": release.signals.regression,
        }
        return side

    def settle(self, shop: ShopArrays, signals: ItemSignals | None) -> None:
        """Bring everything that changes step by step in line with all events. signals: whose lists are new;
        `None`: the lists are as they were."""
        if signals is not None:
            self.paths = self.paths.rebased(signals, self._config)
        self._settle_on(shop)

    def _settle_on(self, shop: ShopArrays) -> None:
        self.trend = LiveTrend.of(shop, self.scales.trend_events)
        self.embeddings: LiveEmbeddings | None = None
        if self._weights is not None:
            x = item_layer_zero(shop, self._space(), self._weights)
            self.embeddings = LiveEmbeddings.of(x, interaction_matrix(shop), self._config.embedding.layers)

    def _space(self) -> TextSpace | None:
        return None if self.text is None else self.text.space

    def shop(self) -> ShopArrays:
        """All events that count, with the catalogue, without texts."""
        return self.events.shop(self.catalogue.shop)

    def signals(self) -> tuple[ShopArrays, ItemSignals]:
        """(all events, all signals from them by the function that a fit uses)."""
        shop = self.shop()
        self.paths = self.paths.flushed()
        histories, counts = group_by_user(shop), self.paths.counts.base
        space = self._space()
        signals = item_signals(self._config, shop, histories, space, self._weights, self.scales, counts)
        return shop, replace(signals, regression=grown_regression(self._regression, shop.n_items))

    def dense_signals(self, paths: TypedPaths) -> tuple[ShopArrays, ItemSignals]:
        """As `signals`, with path lists that are there already."""
        shop = self.shop()
        config = replace(self._config, use_paths=False)
        histories, space = group_by_user(shop), self._space()
        signals = item_signals(config, shop, histories, space, self._weights, self.scales)
        regression = grown_regression(self._regression, shop.n_items)
        return shop, replace(signals, paths=paths, regression=regression)

    def grow(self, n_users: int, n_items: int) -> None:
        """Make room for users and items up to these numbers."""
        shop = self.catalogue.shop
        n_users, n_items = max(shop.n_users, n_users), max(shop.n_items, n_items)
        self.catalogue = self.catalogue.grown(n_users, n_items)
        if n_items > shop.n_items:
            self._set_text(NO_ROWS, None)
            self.paths = self.paths.grown(n_items)
        self.trend.grow(n_items)
        if self.embeddings is not None:
            self.embeddings.grow(n_users, n_items)
        if n_users > shop.n_users or n_items > shop.n_items:
            self.events.grow(n_users, n_items)

    def change_items(self, items: LiveItems | None, removed: IntArray) -> IntArray:
        """Texts, categories and brands as they are now; returns items whose text channel changed."""
        changed, moved = NO_ROWS, NO_ROWS
        if items is not None:
            self.catalogue = self.catalogue.changed(items)
            changed = items.rows
            if items.text is not None:
                moved = self._set_text(items.rows, items.text)
        if len(removed):
            self.catalogue = self.catalogue.emptied(removed)
            changed = np.union1d(changed, removed)
            if self.text is not None:
                moved = np.union1d(moved, self._set_text(removed, None))
        if len(changed) and self.embeddings is not None and self._weights is not None:
            shop = self.catalogue.shop
            text = None if self.text is None else self.text.space.vectors[changed]
            means = category_means(shop)
            brand = None if shop.brand is None else shop.brand[changed]
            self.embeddings.x[changed] = self._weights.layer_zero(
                changed, text, None if means is None else means[changed], brand
            )
        return moved

    def _set_text(self, rows: IntArray, text: npt.NDArray[np.float32] | None) -> IntArray:
        """Replace texts (`None`: none); returns items whose vector or hub correction changed."""
        if self.text is None:
            return NO_ROWS
        before = self.text.space
        projection = before.projection
        vectors = np.zeros((len(rows), before.vectors.shape[1]), np.float32)
        if text is not None and projection is not None:
            vectors = projection.apply(np.asarray(text, np.float32))
        self.text = self.text.updated(self.catalogue.shop.n_items, rows, vectors)
        hub = self.text.space.hub
        moved = np.ones(len(hub), np.bool_)
        moved[: len(before.hub)] = hub[: len(before.hub)] != before.hub
        moved[rows] = True
        return np.flatnonzero(moved)

    def numbers_of(self, revision: Revision | None, removed: IntArray, erased: IntArray) -> IntArray:
        """Numbers of the events of removed items and erased users, and those that a revision names."""
        named = NO_ROWS if revision is None else revision.sequence
        wanted = {"item": removed, "user": erased, "sequence": named}
        found = [
            np.flatnonzero(np.isin(self.events.column(name), values))
            for name, values in wanted.items()
            if len(values)  # a look at every event, so only where it is needed
        ]
        return np.unique(np.concatenate([NO_ROWS, *found]))

    def reweigh(self, numbers: IntArray, weight: npt.NDArray[np.float32]) -> IntArray:
        """Events count differently now, (m,) each; returns the items whose pairs or degree changed."""
        weights = self.events.column("weight")
        differs = weights[numbers] != weight
        numbers, weight = numbers[differs], weight[differs]
        users = np.unique(self.events.column("user")[numbers])
        before = self.events.histories(users)
        items = self.events.column("item")[numbers]
        self.trend.recount(items, weight - weights[numbers])
        weights[numbers] = weight
        return ordered_union(self._count(users, before, numbers), items)

    def take(self, events: LiveEvents) -> tuple[IntArray, npt.NDArray[np.float64]]:
        """Add events; returns (items whose pairs or degree changed, ageing of all counts (h,))."""
        counted = events.weight > 0
        decay = self.trend.fold(events.item[counted], events.at[counted], events.weight[counted])
        if not len(events):
            return NO_ROWS, decay
        users = np.unique(events.user)
        before = self.events.histories(users)
        numbers = self.events.add(events)
        return self._count(users, before, numbers), decay

    def _count(self, users: IntArray, before: Histories, changed: IntArray) -> IntArray:
        """Bring pair counts and embeddings in line with some users' histories."""
        if not len(users):
            return NO_ROWS
        after = self.events.histories(users)
        window = self._config.co_engagement.window
        first = np.minimum(
            from_first_change(before, changed, window), from_first_change(after, changed, window)
        )
        if self.embeddings is not None:
            self.embeddings.fold(users, before, after)
        self.paths, rows = self.paths.counted(tails(before, first), tails(after, first), self._config)
        return rows

    def path_rows(self, rows: IntArray, limits: FoldLimits) -> tuple[dict[str, RowPatch], int]:
        """(path rows of some items, the most important first, as far as the limits go; rows left out)."""
        self.paths, patches, left_out = self.paths.folded(
            rows, self.scales.paths, self.text, self._config, limits
        )
        return patches, left_out


def ordered_union(*parts: IntArray) -> IntArray:
    """Each value once, in the order of its first appearance."""
    joined = np.concatenate(parts)
    _, first = np.unique(joined, return_index=True)
    return joined[np.sort(first)]
