"""One release kept up to date: store and changes in, fresh records out."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from gnn.freed_memory import give_back_freed_memory
from graph.errors import RetryableStoreError
from graph.refund import refund_rows
from graph.store import EdgeBlock
from service.change_log import ChangeKind, UnfoldedRange
from service.item_reviews import reviews_of_events, rules_of_release
from service.live.beside import beside
from service.live.fold_figures import FoldFigures
from service.live.fresh_publisher import FreshPublisher
from service.live.fresh_record import no_items
from service.live.fresh_segments import SegmentWriter
from service.live.known_items import KnownItems
from service.live.live_reviews import LiveReviews
from service.live.mirror import NO_ITEMS, FreshRowsLike, MakeMirror, Mirror, RecomputationLike
from service.live.mirror_reading import LiveSources, read_mirror
from service.live.new_texts import NewTexts
from service.releases.release import Release
from service.settings import SelectionSettings, Settings
from service.shop_snapshot import reviews_without, without
from service.text_vectors import TextVectors

BACKLOG_ROWS = 20_000
"""With more events than this to catch up on, reading everything anew is quicker than folding them in."""
FEW_EVENTS = 50
"""So many are left to the loop when a folding that was made beside it takes over."""
CATCH_UP_ROUNDS = 50
MANY_RECORDS = 50
"""After so many, freed memory is given back to the system."""


@dataclass(frozen=True)
class FoldingTools:
    """What every folding of a home works with."""

    make_mirror: MakeMirror
    texts: TextVectors
    settings: Settings
    root: Path
    """The home's folder of fresh rows."""
    head_start_seconds: float = 1.0
    """How long those who turn to an increment's release have for reading its rows (60 MiB: .2 to .5 s), while
    events still count in the release before."""


@dataclass
class _Job:
    """Work beside the loop, and what the loop does when it is done."""

    future: Future[None]
    finish: Callable[[], None]
    drop: Callable[[], None]
    """What is to be done where it is not wanted any more."""


class LiveFolding:
    """Follows the store for one release; not for several threads, but may be made in another one.

    Edges are folded in at once. What takes longer is done beside: recomputing everything, putting a new file
    together, following another release with the same events. What only a reading of the whole store can tell
    (refunds, deletions, erasures, events taken out) makes the mirror stale: another folding is made then.
    """

    def __init__(
        self, release: Release, sources: LiveSources, tools: FoldingTools, before: "LiveFolding | None" = None
    ) -> None:
        """Read everything, compute everything, write a file that nobody sees before `take_over`.

        before: the folding that works meanwhile.
        """
        started = time.monotonic()
        self.release = release
        self.sources = sources
        self._tools = tools
        self._settings = tools.settings.update
        same = before is not None and before.release.version == release.version
        writer = before.writer if before is not None and same else SegmentWriter(tools.root, release.version)
        self._publisher = FreshPublisher(writer, release.version)
        self.figures = FoldFigures(healed=writer.healed)
        fingerprint = release.manifest.encoder_fingerprint
        self.texts: NewTexts = NewTexts(tools.texts, fingerprint, None if before is None else before.texts)
        self._job: _Job | None = None
        self._published = 0
        self._file_wanted = self._stale = self._backlog = False
        self._waiting_refund: int | None = None
        self._read()
        now = self._last_work = self._last_whole = time.monotonic()
        self.figures.propagate_seconds = now - started

    def _read(self) -> None:
        reading = read_mirror(self.release, self.sources, self._tools.make_mirror, self._tools.settings)
        self._mirror, self._known = reading.mirror, reading.known
        self._cursor, self._through = reading.change, reading.through
        self._unfolded: Sequence[UnfoldedRange] = reading.unfolded
        self._categories, self._reviews = reading.categories, LiveReviews(reading.reviews)
        coming = self._publisher.begin()
        texts = dict(self._known.texts_of(reading.changed))
        there = {index: text for index, text in texts.items() if self.texts.has(index, text)}
        self._use_texts(there)
        self.texts.expect({index: text for index, text in texts.items() if index not in there})
        self._mirror.propagate()
        self._publisher.prepare(coming, self._mirror.everything()(), self._known.changed(), self._through)
        self._dirty = False
        for _ in range(CATCH_UP_ROUNDS):
            if self.sources.store.applied_seq() - self._through <= FEW_EVENTS or not self._take_events():
                break

    def take_over(self, sources: LiveSources, before: "LiveFolding | None") -> bool:
        """Publish from now on, in the place of another folding; whether that was possible: not before every
        event counts that counts there. sources: to be read from now on."""
        self.sources = sources
        if before is not None:
            while self._through < before.through and self._take_events():
                pass
            if self._through < before.through:
                return False
            self.figures.inherit(before.figures)
            self.figures.reloads += int(before.release.version == self.release.version)
        same = before is not None and before.writer is self.writer
        self._publisher.switch(self._through, before.number if before is not None and same else 0)
        self._backlog = False
        if before is not None:
            before.close(writer=not same)
        beside(give_back_freed_memory, "memory")
        return True

    @property
    def writer(self) -> SegmentWriter:
        """Of the files of fresh rows."""
        return self._publisher.writer

    @property
    def number(self) -> int:
        """Of the newest record."""
        return self._publisher.number

    @property
    def through(self) -> int:
        """Newest event that counts in the answers."""
        return self._through

    @property
    def known(self) -> KnownItems:
        """The items as they are now."""
        return self._known

    @property
    def mirror(self) -> Mirror:
        """The model as it is now."""
        return self._mirror

    def step(self) -> bool:
        """Do what there is to do now; whether there was anything. Raises `OSError` where a record cannot be
        written; only a new folding helps then. A `RetryableStoreError` leaves out nothing but changes of
        items, which are read with everything else later; events are taken in the next time."""
        try:
            worked = self._take_changes() | self._take_texts()
        except RetryableStoreError:
            self._stale = True
            raise
        worked |= self._take_events()
        now = time.monotonic()
        if worked:
            self._last_work = now
        if self._job is not None:
            return self._finish(self._job) or worked
        if self._file_wanted or self._grown_much:
            self._replace_file()
        elif self._dirty and self._rested(now):
            self._recompute()
        return worked

    @property
    def _grown_much(self) -> bool:
        """Whether so much stands behind the beginning of the file that a new one is worth it."""
        return self._publisher.appended > max(self._settings.segment_bytes, self._publisher.beginning)

    @property
    def wants_reading(self) -> bool:
        """Whether everything has to be read anew, and this is the time."""
        now = time.monotonic()
        if self._waiting_refund is not None:  # events wait, so half of the time may be spent on it
            return now - self._last_whole >= self.figures.propagate_seconds
        return self._backlog or (self._stale and self._rested(now))

    def heal(self) -> None:
        """Replace the file: a reader met a damaged record."""
        self.figures.healed += 1
        self._file_wanted = True

    def close(self, *, writer: bool = True) -> None:
        """Drop what is under way, release the segment."""
        self.texts.close()
        self._drop_job()
        if writer:
            self._publisher.close()

    def follow(self, release: Release, done: Callable[[], None]) -> bool:
        """Begin to follow another release that was made of the same events, as an increment makes it; False:
        it needs a folding of its own. done: called when it is followed. Whatever else was under way is
        dropped."""
        manifest = release.manifest
        if (
            self._stale
            or self._backlog
            or self._through < manifest.events_through
            or manifest.refreshed_through != self.release.manifest.refreshed_through
            or manifest.encoder_fingerprint != self.texts.fingerprint
            or self._tools.settings.selection != SelectionSettings()
        ):
            return False
        succession = self._mirror.succession(release.model, manifest.events_through)
        if succession is None:
            return False
        publisher = FreshPublisher(SegmentWriter(self._tools.root, release.version), release.version)

        def finish() -> None:
            self._publisher.close()
            self._publisher, self.release, self._dirty = publisher, release, True
            self.figures.followed += 1
            done()

        # with nothing newer than the release those who serve turn to it at once
        newer = self._through > manifest.events_through
        self._compute(succession, publisher, finish, self._tools.head_start_seconds if newer else 0.0)
        return True

    def stay(self) -> None:
        """Drop the way to another release, if one is under way."""
        self._drop_job()
        self._dirty = True

    def _rested(self, now: float) -> bool:
        """Whether the stream is quiet, or the last whole computation is long enough ago. It takes a processor
        from others, so even between scattered events no more than a quarter of the time."""
        cost, since = self.figures.propagate_seconds, now - self._last_whole
        quiet = now - self._last_work >= self._settings.quiet_seconds and since >= 3 * cost
        return quiet or since >= max(self._settings.whole_seconds, 10 * cost)

    def _take_changes(self) -> bool:
        found = self.sources.changes.since(self._cursor)
        if found is None:
            self._stale = True
            self._cursor = self.sources.changes.last_number()
            self._forget_reviews()
            return True
        if not found:
            return False
        self._cursor = found[-1].number
        kinds = {change.kind for change in found}
        if kinds & {ChangeKind.DELETED, ChangeKind.RELOAD, ChangeKind.UNFOLDED}:
            self._stale = True
        if ChangeKind.RELOAD in kinds:
            self._forget_reviews()
        dead = [self._known.drop(one.item_id) for one in found if one.kind is ChangeKind.DELETED]
        if any(rows.height for rows in dead):
            self._publish(
                None, pl.concat(dead).unique("index", keep="last", maintain_order=True).sort("index")
            )
        put = list(dict.fromkeys(one.item_id for one in found if one.kind is ChangeKind.PUT))
        if put:
            self._take_items(put)
        return True

    def _forget_reviews(self) -> None:
        """A writer may be erased: no text with their words is encoded any more. What the others wrote comes
        back with the reading that follows."""
        self._reviews.forget()
        self._known.forget_reviews()

    def _take_items(self, item_ids: list[str]) -> None:
        """Items that were written: shown and filtered by at once, compared by text as soon as that is
        encoded."""
        items = self.sources.store.items(item_ids)
        if items.is_empty():
            return
        texts = dict(self._known.new_texts(items))
        fresh = self._known.take(items)
        self._categories = np.stack(self.sources.store.item_categories(), axis=1)
        rows = self._mirror.fold_in(EdgeBlock.none(), self._known.arrived(items, None, self._categories))
        self._dirty = True
        self._publish(rows, fresh)
        self.texts.expect(texts)

    def _take_texts(self) -> bool:
        texts = self.texts.take()
        self.figures.missing_texts = self.texts.missing
        if not texts:
            return False
        rows = self._use_texts(texts)
        if rows is not None:
            self._dirty = True
            self._publish(rows, no_items())
        return True

    def _use_texts(self, texts: dict[int, str]) -> FreshRowsLike | None:
        """Tell the mirror the vectors of texts that are still the items' own; None where none is."""
        items = self.sources.store.items(self._known.ids_with(texts)) if texts else pl.DataFrame()
        if items.is_empty():
            return None
        items = items.filter(pl.col("index").is_in(list(texts)))
        if items.is_empty():
            return None
        matrix = self.texts.matrix(items["index"].to_list())
        return self._mirror.fold_in(EdgeBlock.none(), self._known.arrived(items, matrix, self._categories))

    def _take_events(self) -> bool:
        if self._waiting_refund is not None or self.sources.log.last_seq() <= self._through:
            return False
        applied = self.sources.store.applied_seq()
        if applied <= self._through:
            return False
        self._backlog |= applied - self._through > BACKLOG_ROWS
        started = time.monotonic()
        batch = self.sources.log.read(self._through, self._settings.batch_events)
        seq = batch["seq"].to_numpy()  # ascending
        batch = batch.head(int(np.searchsorted(seq, applied, side="right")))
        if batch.is_empty():
            return False
        upto = int(batch["seq"][-1])
        refunds = np.flatnonzero(refund_rows(batch))
        if len(refunds):
            self._stale, self._waiting_refund = True, int(seq[refunds[0]])
            upto = self._waiting_refund - 1
            batch = batch.head(int(refunds[0]))
        if upto > self._through:
            self._fold_in(batch, upto)
            self.figures.fold_seconds = time.monotonic() - started
        return True

    def _fold_in(self, batch: pl.DataFrame, upto: int) -> None:
        blocks = [
            without(block, self._unfolded).until(upto) for block in self.sources.store.export(self._through)
        ]
        edges = EdgeBlock.joined(blocks)
        fresh, arrived = no_items(), NO_ITEMS
        strangers = self._known.unknown(batch["item_id"].unique().to_list())
        if strangers:
            items = self.sources.store.items([item_id for item_id in strangers if item_id])
            if items.height:
                fresh = self._known.take(items)
                arrived = self._known.arrived(items, None, self._categories)
        rows = self._mirror.fold_in(edges, arrived) if len(edges.seq) or len(arrived.rows) else None
        self.figures.folded += len(edges.seq)
        self._through = upto
        self._dirty |= rows is not None
        self._publish(rows, fresh)
        self._take_reviews(batch.filter(pl.col("seq") <= upto))

    def _take_reviews(self, batch: pl.DataFrame) -> None:
        """Reviews are part of the texts of their items, where the release says so: encoded beside."""
        if self._reviews.best is None:
            return
        index = pl.Series([self._known.index_of(one) for one in batch["item_id"].to_list()], dtype=pl.Int64)
        new = reviews_without(reviews_of_events(batch, index), self._unfolded)
        rules = rules_of_release(self.release.manifest.config)
        self.texts.expect(self._known.take_reviews(self._reviews.take(new, rules)))

    def _recompute(self) -> None:
        """Begin to compute everything anew, beside: events go on being folded in."""
        began, self._dirty = time.monotonic(), False

        def finish() -> None:
            now = time.monotonic()
            self.figures.propagate_seconds, self._last_whole = now - began, now

        self._compute(self._mirror.recomputation(), self._publisher, finish)

    def _compute(
        self,
        recomputation: RecomputationLike,
        publisher: FreshPublisher,
        done: Callable[[], None],
        head_start: float = 0.0,
    ) -> None:
        """Compute, put the result into a new file, then go on from both. head_start: seconds for which
        readers see the file before."""
        coming, items, through = publisher.begin(), self._known.changed(), self._through

        def work() -> None:
            recomputation.run()
            publisher.prepare(coming, recomputation.rows(), items, through, reveal=head_start > 0)
            if head_start:
                time.sleep(head_start)
                recomputation.catch_up()

        def finish() -> None:
            rows = self._mirror.adopt(recomputation)
            publisher.put_since(rows, self._known.changed(), self._through)
            publisher.switch(self._through)
            done()

        self._begin_job(work, finish, publisher, "recomputation")

    def _replace_file(self) -> None:
        """Begin to put a new file of fresh rows together."""
        self._file_wanted = False
        publisher, everything = self._publisher, self._mirror.everything()
        coming, items, through = publisher.begin(anew=False), self._known.changed(), self._through
        self._begin_job(
            lambda: publisher.prepare(coming, everything(), items, through),
            lambda: publisher.switch(self._through),
            publisher,
            "fresh-file",
        )

    def _begin_job(
        self, work: Callable[[], None], finish: Callable[[], None], publisher: FreshPublisher, name: str
    ) -> None:
        self._job = _Job(beside(work, name), finish, publisher.drop)

    def _drop_job(self) -> None:
        if self._job is not None:
            self._job.drop()
        self._job = None

    def _finish(self, job: _Job) -> bool:
        """Take over what was made beside; whether it was ready."""
        if not job.future.done():
            return False
        job.future.result()
        self._job = None
        job.finish()
        beside(give_back_freed_memory, "memory")
        return True

    def _publish(self, rows: FreshRowsLike | None, items: pl.DataFrame) -> None:
        self._publisher.publish(rows, items, self._through)
        self._published += 1
        if self._published % MANY_RECORDS == 0:
            beside(give_back_freed_memory, "memory")
