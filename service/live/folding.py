"""One release kept up to date: store and changes in, fresh records out."""

import logging
import math
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from gnn.freed_memory import give_back_freed_memory
from graph.errors import RetryableStoreError
from service.live.beside import beside
from service.live.fold_figures import FoldFigures
from service.live.fresh_publisher import FreshPublisher
from service.live.fresh_segments import SegmentWriter
from service.live.known_items import KnownItems
from service.live.left_rows import LeftRows, made_with, usable_rows
from service.live.live_sources import LiveSources
from service.live.mirror import FreshRowsLike, MakeMirror, Mirror, RecomputationLike
from service.live.mirror_feed import MirrorFeed
from service.live.mirror_reading import read_mirror
from service.live.new_texts import NewTexts
from service.releases.reader import LoadRows
from service.releases.release import Release
from service.settings import SelectionSettings, Settings
from service.text_vectors import TextVectors

logger = logging.getLogger(__name__)

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
    rest_until: float = -math.inf
    """Until then (`time.monotonic`) a folding that goes on from left rows does not compute everything, which
    takes most memory: whoever ended the updater before may have been the kernel, for just that."""


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
        self,
        release: Release,
        sources: LiveSources,
        tools: FoldingTools,
        before: "LiveFolding | None" = None,
        load_rows: LoadRows | None = None,
    ) -> None:
        """Read everything, compute everything, write a file that nobody sees before `take_over`.

        before: the folding that works meanwhile. load_rows: makes rows of what an updater that ended has left
        of this release: where that serves, its path lists are gone on with, and computed beside the loop.
        """
        started = time.monotonic()
        self._tools = tools
        self._settings = tools.settings.update
        same = before is not None and before.release.version == release.version
        writer = (
            before.writer
            if before is not None and same
            else SegmentWriter(tools.root, release.version, keep_left=load_rows is not None)
        )
        self._publisher = FreshPublisher(writer, release.version, made_with(tools.settings))
        self.figures = FoldFigures(healed=writer.healed)
        fingerprint = release.manifest.encoder_fingerprint
        self.texts: NewTexts = NewTexts(tools.texts, fingerprint, None if before is None else before.texts)
        self._job: _Job | None = None
        self._published = 0
        self._file_wanted = False
        whole = not self._go_on(release, sources, load_rows)
        if whole:
            self._read(release, sources)
        now = self._last_work = time.monotonic()
        self._last_whole = now if whole else -math.inf
        self._resting_until = now if whole else tools.rest_until
        self.figures.propagate_seconds = now - started

    def _go_on(self, release: Release, sources: LiveSources, load_rows: LoadRows | None) -> bool:
        """Begin with what an updater that ended has left; whether that could be."""
        left = self.writer.take_left()
        if load_rows is None or not left:
            return False
        try:
            rows = usable_rows(release, left, sources, load_rows, self._tools.settings)
            if rows is not None:
                self._read(release, sources, rows)
        except (RetryableStoreError, OSError):  # no fault of the rows, and tried again
            raise
        except Exception:  # whatever is wrong with it, the store has everything
            logger.exception("what another updater left cannot be gone on with; everything is computed")
            return False
        return rows is not None

    def _read(self, release: Release, sources: LiveSources, left: LeftRows | None = None) -> None:
        """The mirror, and the first file of fresh rows, not yet to be seen, with most of the events that came
        meanwhile."""
        tools = self._tools
        reading = read_mirror(release, sources, tools.make_mirror, tools.settings, left)
        batch = tools.settings.update.batch_events
        self._feed = MirrorFeed(reading, release, sources, batch, self.texts, self.figures, self._publish)
        self._publisher.changes_through = self._feed.changes_through
        coming = self._publisher.begin()
        self.mirror.propagate(lists=left is None)
        self._publisher.prepare(coming, self.mirror.everything()(), self.known.changed(), self.through)
        self._feed.dirty = left is not None
        for _ in range(CATCH_UP_ROUNDS):
            if self._feed.events_behind() <= FEW_EVENTS or not self._feed.take_events():
                break

    def take_over(self, sources: LiveSources, before: "LiveFolding | None") -> bool:
        """Publish from now on, in the place of another folding; whether that was possible: not before every
        event counts that counts there. sources: to be read from now on."""
        self._feed.sources = sources
        if before is not None:
            while self.through < before.through and self._feed.take_events():
                pass
            if self.through < before.through:
                return False
            self.figures.inherit(before.figures)
            self.figures.reloads += int(before.release.version == self.release.version)
        same = before is not None and before.writer is self.writer
        self._publisher.switch(self.through, before.number if before is not None and same else 0)
        self._feed.backlog = False
        if before is not None:
            before.close(writer=not same)
        beside(give_back_freed_memory, "memory")
        return True

    @property
    def release(self) -> Release:
        """Whose fresh rows are published."""
        return self._feed.release

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
        return self._feed.through

    @property
    def known(self) -> KnownItems:
        """The items as they are now."""
        return self._feed.known

    @property
    def mirror(self) -> Mirror:
        """The model as it is now."""
        return self._feed.mirror

    def step(self) -> bool:
        """Do what there is to do now; whether there was anything. Raises `OSError` where a record cannot be
        written; only a new folding helps then. `RetryableStoreError`: see `MirrorFeed.take`."""
        worked = self._feed.take()
        now = time.monotonic()
        if worked:
            self._last_work = now
        if self._job is not None:
            return self._finish(self._job) or worked
        if self._file_wanted or self._grown_much:
            self._replace_file()
        elif self._feed.dirty and now >= self._resting_until and self._rested(now):
            self._recompute()
        return worked

    @property
    def _grown_much(self) -> bool:
        """Whether so much stands behind the beginning of the file that a new one is worth it."""
        return self._publisher.appended > max(self._settings.segment_bytes, self._publisher.beginning)

    @property
    def wants_reading(self) -> bool:
        """Whether everything has to be read anew, and this is the time; who was erased waits for no rest that
        a restart imposes."""
        now = time.monotonic()
        if self._feed.refund_waits:  # events wait, so half of the time may be spent on it
            return now - self._last_whole >= self.figures.propagate_seconds
        return self._feed.backlog or (self._feed.stale and self._rested(now))

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
            self._feed.stale
            or self._feed.backlog
            or self.through < manifest.events_through
            or manifest.refreshed_through != self.release.manifest.refreshed_through
            or manifest.encoder_fingerprint != self.texts.fingerprint
            or self._tools.settings.selection != SelectionSettings()
        ):
            return False
        succession = self.mirror.succession(release.model, manifest.events_through)
        if succession is None:
            return False
        writer = SegmentWriter(self._tools.root, release.version)
        publisher = FreshPublisher(writer, release.version, made_with(self._tools.settings))
        publisher.changes_through = self._publisher.changes_through

        def finish() -> None:
            publisher.changes_through = self._publisher.changes_through
            self._publisher.close()
            self._publisher, self._feed.release, self._feed.dirty = publisher, release, True
            self.figures.followed += 1
            done()

        # with nothing newer than the release those who serve turn to it at once
        newer = self.through > manifest.events_through
        self._compute(succession, publisher, finish, self._tools.head_start_seconds if newer else 0.0)
        return True

    def stay(self) -> None:
        """Drop the way to another release, if one is under way."""
        self._drop_job()
        self._feed.dirty = True

    def _rested(self, now: float) -> bool:
        """Whether the stream is quiet, or the last whole computation is long enough ago. It takes a processor
        from others, so even between scattered events no more than a quarter of the time."""
        cost, since = self.figures.propagate_seconds, now - self._last_whole
        quiet = now - self._last_work >= self._settings.quiet_seconds and since >= 3 * cost
        return quiet or since >= max(self._settings.whole_seconds, 10 * cost)

    def _recompute(self) -> None:
        """Begin to compute everything anew, beside: events go on being folded in."""
        began, self._feed.dirty = time.monotonic(), False

        def finish() -> None:
            now = time.monotonic()
            self.figures.propagate_seconds, self._last_whole = now - began, now

        self._compute(self.mirror.recomputation(), self._publisher, finish)

    def _compute(
        self,
        recomputation: RecomputationLike,
        publisher: FreshPublisher,
        done: Callable[[], None],
        head_start: float = 0.0,
    ) -> None:
        """Compute, put the result into a new file, then go on from both. head_start: seconds for which
        readers see the file before."""
        coming, items, through = publisher.begin(), self.known.changed(), self.through

        def work() -> None:
            recomputation.run()
            publisher.prepare(coming, recomputation.rows(), items, through, reveal=head_start > 0)
            if head_start:
                time.sleep(head_start)
                recomputation.catch_up()

        def finish() -> None:
            rows = self.mirror.adopt(recomputation)
            publisher.put_since(rows, self.known.changed(), self.through)
            publisher.switch(self.through)
            done()

        self._begin_job(work, finish, publisher, "recomputation")

    def _replace_file(self) -> None:
        """Begin to put a new file of fresh rows together."""
        self._file_wanted = False
        publisher, everything = self._publisher, self.mirror.everything()
        coming, items, through = publisher.begin(anew=False), self.known.changed(), self.through
        self._begin_job(
            lambda: publisher.prepare(coming, everything(), items, through),
            lambda: publisher.switch(self.through),
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
        self._publisher.changes_through = self._feed.changes_through
        self._publisher.publish(rows, items, self.through)
        self._published += 1
        if self._published % MANY_RECORDS == 0:
            beside(give_back_freed_memory, "memory")
