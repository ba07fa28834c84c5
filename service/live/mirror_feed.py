"""What is new in the store, taken into a mirror step by step."""

import time
from collections.abc import Callable, Sequence

import numpy as np
import polars as pl

from gnn.shop_arrays import IntArray
from graph.errors import RetryableStoreError
from graph.refund import refund_rows
from graph.store import EdgeBlock
from service.change_log import ChangeKind, UnfoldedRange
from service.item_reviews import reviews_of_events, rules_of_release
from service.live.fold_figures import FoldFigures
from service.live.fresh_record import no_items
from service.live.known_items import KnownItems
from service.live.live_reviews import LiveReviews
from service.live.live_sources import LiveSources
from service.live.mirror import NO_ITEMS, FreshRowsLike, Mirror
from service.live.mirror_reading import MirrorReading
from service.live.new_texts import NewTexts
from service.releases.release import Release
from service.shop_snapshot import reviews_without, without

BACKLOG_ROWS = 20_000
"""With more events than this to catch up on, reading everything anew is quicker than folding them in."""

Publish = Callable[[FreshRowsLike | None, pl.DataFrame], None]
"""Called with rows that changed (`None`: none did) and items that were written."""


class MirrorFeed:
    """Takes changes of items, encoded texts and events into a mirror, and publishes what changes by each at
    once; not for several threads.

    What only a reading of the whole store can tell (refunds, deletions, erasures, events taken out) makes
    the mirror stale.
    """

    def __init__(
        self,
        reading: MirrorReading,
        release: Release,
        sources: LiveSources,
        batch_events: int,
        texts: NewTexts,
        figures: FoldFigures,
        publish: Publish,
    ) -> None:
        """Vectors that `texts` has already are told to the mirror, the others expected."""
        self.release = release
        """Whose weights the mirror has."""
        self.sources = sources
        self.mirror: Mirror = reading.mirror
        self.known: KnownItems = reading.known
        """The items as they are now."""
        self.through = reading.through
        """Newest event that counts in the mirror."""
        self.stale = False
        """Whether there is what only a reading of the whole store can tell."""
        self.backlog = False
        """Whether there was more to catch up on than is worth folding in."""
        self.refund_waits = False
        """Whether the next event is a refund: no event is taken in any more."""
        self.dirty = False
        """Whether anything was folded in; whoever computes everything anew takes it back."""
        self.changes_through = reading.change
        """Newest entry of the change log that counts in the mirror, in all that it touches."""
        self._cursor = reading.change
        self._unfolded: Sequence[UnfoldedRange] = reading.unfolded
        self._categories: IntArray = reading.categories
        self._reviews = LiveReviews(reading.reviews)
        self._batch_events = batch_events
        self._texts, self._figures, self._publish = texts, figures, publish
        changed = dict(self.known.texts_of(reading.changed))
        there = {index: text for index, text in changed.items() if texts.has(index, text)}
        self._use_texts(there)
        texts.expect({index: text for index, text in changed.items() if index not in there})

    def take(self) -> bool:
        """Take in what there is now; whether there was anything. A `RetryableStoreError` leaves out nothing
        but changes of items, which are read with everything else later; events are taken in the next
        time."""
        try:
            worked = self._take_changes() | self._take_texts()
        except RetryableStoreError:
            self.stale = True
            raise
        return self.take_events() | worked

    def events_behind(self) -> int:
        """Events that are in the store and do not count yet."""
        return self.sources.store.applied_seq() - self.through

    def _take_changes(self) -> bool:
        found = self.sources.changes.since(self._cursor)
        if found is None:
            self.stale = True
            self._cursor = self.sources.changes.last_number()
            self._forget_reviews()
            return True
        if not found:
            return False
        self._cursor = found[-1].number
        kinds = {change.kind for change in found}
        if kinds & {ChangeKind.DELETED, ChangeKind.RELOAD, ChangeKind.UNFOLDED}:
            self.stale = True
        if ChangeKind.RELOAD in kinds:
            self._forget_reviews()
        dead = [self.known.drop(one.item_id) for one in found if one.kind is ChangeKind.DELETED]
        if any(rows.height for rows in dead):
            self._publish(
                None, pl.concat(dead).unique("index", keep="last", maintain_order=True).sort("index")
            )
        put = list(dict.fromkeys(one.item_id for one in found if one.kind is ChangeKind.PUT))
        if put:
            self._take_items(put)
        if not self.stale:  # else a reading is owed to some of them
            self.changes_through = self._cursor
        return True

    def _forget_reviews(self) -> None:
        """A writer may be erased: no text with their words is encoded any more. What the others wrote comes
        back with the reading that follows."""
        self._reviews.forget()
        self.known.forget_reviews()

    def _take_items(self, item_ids: list[str]) -> None:
        """Items that were written: shown and filtered by at once, compared by text as soon as that is
        encoded."""
        items = self.sources.store.items(item_ids)
        if items.is_empty():
            return
        texts = dict(self.known.new_texts(items))
        fresh = self.known.take(items)
        self._categories = np.stack(self.sources.store.item_categories(), axis=1)
        rows = self.mirror.fold_in(EdgeBlock.none(), self.known.arrived(items, None, self._categories))
        self.dirty = True
        self._publish(rows, fresh)
        self._texts.expect(texts)

    def _take_texts(self) -> bool:
        texts = self._texts.take()
        self._figures.missing_texts = self._texts.missing
        if not texts:
            return False
        rows = self._use_texts(texts)
        if rows is not None:
            self.dirty = True
            self._publish(rows, no_items())
        return True

    def _use_texts(self, texts: dict[int, str]) -> FreshRowsLike | None:
        """Tell the mirror the vectors of texts that are still the items' own; None where none is."""
        items = self.sources.store.items(self.known.ids_with(texts)) if texts else pl.DataFrame()
        if items.is_empty():
            return None
        items = items.filter(pl.col("index").is_in(list(texts)))
        if items.is_empty():
            return None
        matrix = self._texts.matrix(items["index"].to_list())
        return self.mirror.fold_in(EdgeBlock.none(), self.known.arrived(items, matrix, self._categories))

    def take_events(self) -> bool:
        """Fold in one batch of the store's events, up to the first refund; whether there was any."""
        if self.refund_waits or self.sources.log.last_seq() <= self.through:
            return False
        applied = self.sources.store.applied_seq()
        if applied <= self.through:
            return False
        self.backlog |= applied - self.through > BACKLOG_ROWS
        started = time.monotonic()
        batch = self.sources.log.read(self.through, self._batch_events)
        seq = batch["seq"].to_numpy()  # ascending
        batch = batch.head(int(np.searchsorted(seq, applied, side="right")))
        if batch.is_empty():
            return False
        upto = int(batch["seq"][-1])
        refunds = np.flatnonzero(refund_rows(batch))
        if len(refunds):
            self.stale = self.refund_waits = True
            upto = int(seq[refunds[0]]) - 1
            batch = batch.head(int(refunds[0]))
        if upto > self.through:
            self._fold_in(batch, upto)
            self._figures.fold_seconds = time.monotonic() - started
        return True

    def _fold_in(self, batch: pl.DataFrame, upto: int) -> None:
        blocks = [
            without(block, self._unfolded).until(upto) for block in self.sources.store.export(self.through)
        ]
        edges = EdgeBlock.joined(blocks)
        fresh, arrived = no_items(), NO_ITEMS
        strangers = self.known.unknown(batch["item_id"].unique().to_list())
        if strangers:
            items = self.sources.store.items([item_id for item_id in strangers if item_id])
            if items.height:
                fresh = self.known.take(items)
                arrived = self.known.arrived(items, None, self._categories)
        rows = self.mirror.fold_in(edges, arrived) if len(edges.seq) or len(arrived.rows) else None
        self._figures.folded += len(edges.seq)
        self.through = upto
        self.dirty |= rows is not None
        self._publish(rows, fresh)
        self._take_reviews(batch.filter(pl.col("seq") <= upto))

    def _take_reviews(self, batch: pl.DataFrame) -> None:
        """Reviews are part of the texts of their items, where the release says so: encoded beside."""
        if self._reviews.best is None:
            return
        index = pl.Series([self.known.index_of(one) for one in batch["item_id"].to_list()], dtype=pl.Int64)
        new = reviews_without(reviews_of_events(batch, index), self._unfolded)
        rules = rules_of_release(self.release.manifest.config)
        self._texts.expect(self.known.take_reviews(self._reviews.take(new, rules)))
