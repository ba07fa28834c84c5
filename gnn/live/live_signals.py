"""The updater's mirror of a shop: events go in, fresh rows come out.

`fold_in` answers at once: rows of the items that an event touches. `propagate` computes everything from all
events with the same function as a fit, and publishes what moved. Neither trains, neither loads torch.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from gnn.catalogue_relations import category_rows
from gnn.fitted_ilk import FittedIlk
from gnn.fresh_rows import FreshRows, RowPatch
from gnn.item_signals import SignalScales
from gnn.live.handed_out import lists_of
from gnn.live.influence import InfluenceLedger
from gnn.live.live_batch import LiveEvents, LiveItems, Revision
from gnn.live.live_config import LiveConfig
from gnn.live.mirror import NO_ROWS, Mirror, ordered_union
from gnn.live.recomputation import Folded, Recomputation, ReleaseLists
from gnn.live.signal_difference import signal_difference
from gnn.live.touched_rows import ALWAYS, NEVER, TouchedRows
from gnn.shop_arrays import IntArray, ShopArrays
from gnn.signals import ItemSignals
from gnn.sparse_rows import empty_csr


class LiveSignals:
    """One writer, no threads. `model` is what is served once all rows handed out so far are applied.

    model: the release that serves. shop: all events and the catalogue that the mirror starts from, at least
    those of the release; its texts are not read (the model holds them). sequence: numbers of the shop's
    events in the log, (E,), where they are to be revised later. ledger: where the influence caps have decided
    about some of these events already; taken over. handed_out: rows that another mirror of the same events
    handed out, one after the other: its path lists are gone on with, `propagate` without lists brings
    everything else in line, and one with lists is due soon.

    Memory beside the model: 53 bytes an event, 8 bytes a pair of co-engaged items (at most 60 an event),
    4 x d bytes a user, 8 x d + 600 bytes an item, the text vectors once more after the first new text.
    """

    def __init__(
        self,
        model: FittedIlk,
        shop: ShopArrays,
        config: LiveConfig | None = None,
        sequence: IntArray | None = None,
        ledger: InfluenceLedger | None = None,
        handed_out: Sequence[FreshRows] = (),
    ) -> None:
        self._config = config or LiveConfig()
        lists = lists_of(handed_out)
        self._release = model
        self.model = model if lists is None else model.with_fresh(lists)
        self._mirror = Mirror(self.model, shop, sequence)
        self._model_config = model.config
        self._ledger = ledger or InfluenceLedger.of(self._config.caps, shop)
        self._running: Recomputation | None = None
        self._touched = TouchedRows.none()
        self._newest = int(self._mirror.events.column("sequence").max(initial=-1))
        if lists is not None:
            self._touched.mark(lists.paths, self._newest)

    @property
    def release(self) -> FittedIlk:
        """What the fresh rows count from."""
        return self._release

    def touched(self) -> dict[str, IntArray]:
        """Rows of the path lists that may differ from the release's, by path, ascending."""
        return self._touched.since(NEVER)

    @property
    def n_events(self) -> int:
        """Events held, damped and revised ones included."""
        return self._mirror.events.size

    def shop(self) -> ShopArrays:
        """All events that count, with the catalogue (without texts): what a full recomputation is made of."""
        return self._mirror.shop()

    def signals(self) -> ItemSignals:
        """All signals computed from all events with the release's weights and scales; changes nothing."""
        return self._mirror.signals()[1]

    def propagate(self, *, lists: bool = True) -> FreshRows:
        """Everything anew; returns rows that moved by more than the tolerance.

        lists: the path lists as well, which is most of the cost; without them embeddings, counts, trend and
        texts are brought in line with all events, in a tenth of the time."""
        self._running = None
        if not lists and self.model.n_items < self._mirror.catalogue.shop.n_items:
            self.fold_in()  # room for the last items, where nothing is known of them
        if lists:
            shop, signals = self._mirror.signals()
        else:
            shop, signals = self._mirror.dense_signals(self.model.signals.paths)
        fresh = signal_difference(self.model.signals, signals, self._config.tolerance)
        self._touched.mark(fresh.paths, self._newest)
        self.model = self.model.with_fresh(fresh)
        self._mirror.settle(shop, signals if lists else None)
        return fresh

    def recomputation(self) -> Recomputation:
        """Begin what `propagate` does beside this mirror: `run` it, in another thread if you like, fold in
        meanwhile, then `adopt` it. One at a time; a newer one, or `propagate`, makes an older one void."""
        return self._beside(self._mirror.copy(), self._release, None, self._newest)

    def succession(self, release: FittedIlk, through: int | None = None) -> Recomputation:
        """Begin to follow another release of the same events with other weights, as an increment makes it,
        like a `recomputation`. The path lists do not depend on weights: the release's own serve, but for rows
        that events after it moved. A tenth of the time, and few rows differ from the release.

        through: newest event that counts in its lists; `None`: none that was folded in here. Raises
        `ValueError` for a release with other scales or another configuration, or of more items."""
        ours, theirs = SignalScales.of(self.model.signals), SignalScales.of(release.signals)
        if ours != theirs or release.config != self._model_config or release.n_items > self.model.n_items:
            raise ValueError("this release needs a mirror of its own: its lists are not comparable with ours")
        through = NEVER if through is None else through
        lists = ReleaseLists(self.model.signals, self._touched.since(through))
        return self._beside(self._mirror.weighted(release), release, lists, through)

    def _beside(
        self, mirror: Mirror, release: FittedIlk, lists: ReleaseLists | None, through: int
    ) -> Recomputation:
        side = object.__new__(LiveSignals)
        side.__dict__ |= self.__dict__
        side._mirror, side._running = mirror, None

        def fold(one: Folded) -> FreshRows:
            return side._fold(one.events, {}, one.items, one.revision, one.removed, one.erased)

        tolerance = self._config.tolerance
        self._running = Recomputation(mirror, release, lists, through, tolerance, fold)
        return self._running

    def adopt(self, done: Recomputation) -> FreshRows | None:
        """Take over what has run, with what was folded in meanwhile folded into it as well. Returns the rows
        that moved by that; they come after `done.fresh`, and both together count from the release. Raises
        `ValueError` for one that is void or has not run.

        Of what was folded in meanwhile, rows that a limit put off here but not there, or the other way round,
        are brought in line by the next recomputation."""
        if done is not self._running or done.fresh is None:
            raise ValueError("this recomputation is void or has not run")
        self._running = None
        done.catch_up()
        assert done.model is not None
        self._touched = self._touched.later(done.through)
        if done.lists is None:
            self._touched.mark(done.fresh.paths, done.through)
        if done.later is not None:
            self._touched.mark(done.later.paths, self._newest)
        self._mirror, self._release, self.model = done.mirror, done.release, done.model
        return done.later

    def fold_in(
        self,
        events: LiveEvents | None = None,
        items: LiveItems | None = None,
        revision: Revision | None = None,
        removed: IntArray = NO_ROWS,
        erased: IntArray = NO_ROWS,
    ) -> FreshRows:
        """Take in what happened; returns the rows of the items that it touches directly.

        items: new or changed ones, with or before their first event. revision: events whose weight changed.
        removed: items that are gone, with all their events. erased: users likewise.
        """
        events = LiveEvents.none() if events is None else events
        only_events = items is None and revision is None and not len(removed) + len(erased)
        admitted, counters, revised = self._ledger.admit(events)
        weight = np.where(admitted, events.weight, np.float32(0.0)).astype(np.float32)
        events = replace(events, weight=weight)
        if len(revised.sequence):
            revision = revised if revision is None else Revision.joined([revised, revision]).latest()
        if self._running is not None:
            self._running.since.append(Folded(events, items, revision, removed, erased))
        fresh = self._fold(events, counters, items, revision, removed, erased)
        self._newest = max(self._newest, int(events.sequence.max(initial=-1)))
        self._touched.mark(fresh.paths, self._newest if only_events else ALWAYS)
        self.model = self.model.with_fresh(fresh)
        return fresh

    def preview(self, events: LiveEvents, items: LiveItems | None = None) -> FreshRows:
        """The rows that `fold_in` would return without influence caps; nothing is kept.

        Costs a copy of the mirror's dense arrays: 37 bytes an event, 4 x d bytes a user, 8 x d an item."""
        side = object.__new__(LiveSignals)
        side.__dict__ |= self.__dict__
        side._mirror = self._mirror.copy()
        return side._fold(events, {}, items, None, NO_ROWS, NO_ROWS)

    def without(self, first: int, last: int) -> FreshRows:
        """Drop the events of a range of sequence numbers (both included) and recompute everything."""
        sequence = self._mirror.events.column("sequence")
        numbers = np.flatnonzero((sequence >= first) & (sequence <= last))
        self._mirror.reweigh(numbers, np.zeros(len(numbers), np.float32))
        return self.propagate()

    def _fold(
        self,
        events: LiveEvents,
        counters: dict[str, int],
        items: LiveItems | None,
        revision: Revision | None,
        removed: IntArray,
        erased: IntArray,
    ) -> FreshRows:
        mirror = self._mirror
        described = NO_ROWS if items is None else items.rows
        highest = max(int(rows.max(initial=-1)) for rows in (events.item, described))
        mirror.grow(int(events.user.max(initial=-1)) + 1, highest + 1)
        text_rows = mirror.change_items(items, removed)
        numbers = mirror.numbers_of(revision, removed, erased)
        touched = mirror.reweigh(numbers, self._new_weights(numbers, revision))
        more, decay = mirror.take(events)
        rows = ordered_union(events.item[events.weight > 0], described, removed, more, touched)
        counters = {**counters}
        if len(rows) > self._config.limits.rows:
            counters["rows_put_off"] = len(rows) - self._config.limits.rows
            rows = rows[: self._config.limits.rows]
        patches, left_out = mirror.path_rows(rows, self._config.limits)
        if left_out:
            counters["lists_put_off"] = left_out
        catalogue_rows = np.union1d(described, removed)
        return self._fresh(np.sort(rows), patches, text_rows, catalogue_rows, decay, counters)

    def _new_weights(self, numbers: IntArray, revision: Revision | None) -> npt.NDArray[np.float32]:
        """What events weigh now: as a revision says, else nothing."""
        weight = np.zeros(len(numbers), np.float32)
        if revision is None or not len(revision.sequence):
            return weight
        order = np.argsort(revision.sequence, kind="stable")
        sequence = self._mirror.events.column("sequence")[numbers]
        place = np.minimum(np.searchsorted(revision.sequence[order], sequence), len(order) - 1)
        named = revision.sequence[order][place] == sequence
        weight[named] = revision.weight[order][place][named]
        return weight

    def _fresh(
        self,
        rows: IntArray,
        patches: dict[str, RowPatch],
        text_rows: IntArray,
        catalogue_rows: IntArray,
        decay: npt.NDArray[np.float64],
        counters: dict[str, int],
    ) -> FreshRows:
        mirror, config = self._mirror, self._model_config
        shop, text = mirror.catalogue.shop, mirror.text
        counts = mirror.trend.counts[rows]
        cold = counts <= 0
        embedding = user_side = None
        if mirror.embeddings is not None:
            embedding, user_side = mirror.embeddings.rows(rows)
            embedding = embedding * ~cold[:, None]
        category = category_rows(shop) if len(catalogue_rows) else None
        none = empty_csr(len(catalogue_rows), 1)
        return FreshRows(
            n_items=shop.n_items,
            item_rows=rows,
            evidence=(counts / (counts + config.evidence_kappa)).astype(np.float32),
            cold=cold,
            trend=mirror.trend.features(rows) * np.float32(config.use_trend),
            trend_decay=decay,
            embedding=embedding,
            user_side=user_side,
            text_rows=text_rows,
            text=None if text is None else text.space.vectors[text_rows],
            hub=None if text is None else text.space.hub[text_rows],
            catalogue=RowPatch(catalogue_rows, none if category is None else category[catalogue_rows]),
            brand=np.full(len(catalogue_rows), -1, np.int64)
            if shop.brand is None
            else shop.brand[catalogue_rows],
            paths=patches,
            counters=counters,
        )
