"""One release kept up to date: store and changes in, fresh records out."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from gnn.shop_arrays import FloatArray
from graph.log import EventLog
from graph.refund import is_refund
from graph.store import EdgeBlock, GraphStore
from service.capped_edges import capped_edges
from service.change_log import ChangeKind, ChangeLog, UnfoldedRange
from service.edge_selection import select_edges
from service.live.fresh_record import FreshRecord, no_items
from service.live.fresh_segments import SegmentWriter
from service.live.known_items import KnownItems
from service.live.mirror import NO_ITEMS, FreshRowsLike, MakeMirror, Mirror, RecomputationLike
from service.releases.release import Release
from service.settings import SelectionSettings, UpdateSettings
from service.shop_snapshot import take_snapshot, without
from service.text_vectors import TextModelUnavailable, TextVectors

logger = logging.getLogger(__name__)

BACKLOG_ROWS = 20_000
"""With more events than this to catch up on, reading everything anew is quicker than folding them in."""


@dataclass
class FoldFigures:
    """What is shown of the folding; all since the process started."""

    folded: int = 0
    """Events folded in one by one."""
    fold_seconds: float = 0.0
    """Time of the last fold-in."""
    propagate_seconds: float = 0.0
    """Time of the last full recomputation, from its beginning to its being served."""
    reloads: int = 0
    """Times the mirror was read anew from the store."""
    missing_texts: int = 0
    """Items whose text could not be encoded yet."""
    healed: int = 0
    """Segments that were replaced because a record in them was torn."""


class LiveFolding:
    """Follows the store for one release; not for several threads.

    Edges are folded in at once. What only a reading of the whole store can tell (refunds, deletions,
    erasures, events taken out) makes the mirror stale: it is read anew within a second or a few.
    """

    def __init__(
        self,
        release: Release,
        log: EventLog,
        store: GraphStore,
        changes: ChangeLog,
        writer: SegmentWriter,
        make_mirror: MakeMirror,
        texts: TextVectors,
        settings: UpdateSettings,
        selection: SelectionSettings,
    ) -> None:
        self.release = release
        self.figures = FoldFigures(healed=writer.healed)
        self._log = log
        self._store = store
        self._changes = changes
        self._writer = writer
        self._make_mirror = make_mirror
        self._texts = texts
        self._settings = settings
        self._selection = selection
        self._encoder = ThreadPoolExecutor(1, thread_name_prefix="new-texts")
        self._encoding: list[tuple[dict[int, str], Future[FloatArray | None]]] = []
        self._vectors: dict[int, tuple[str, FloatArray]] = {}
        self._begin()

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
        """Do what there is to do now; whether there was anything. Raises `OSError` where a segment cannot be
        written; the next step then begins a new one."""
        if self._unwritten:
            self.reload()
            return True
        worked = self._take_changes()
        worked |= self._take_events()
        worked |= self._take_texts()
        now = time.monotonic()
        if worked:
            self._last_work = now
        if self._stale and self._rested(now):
            self.reload()
            return True
        if self._whole is not None:
            return self._adopt() or worked
        if self._dirty and self._rested(now):
            self._recompute(now)
        return worked

    def reload(self, *, heal: bool = False) -> None:
        """Read everything anew from the store and publish it as a new segment."""
        self.figures.reloads += 1
        self.figures.healed += int(heal)
        self._begin()

    def close(self) -> None:
        """Release the segment."""
        self._encoder.shutdown(wait=False, cancel_futures=True)
        self._writer.close()

    def _begin(self) -> None:
        started = time.monotonic()
        self._whole: tuple[RecomputationLike, Future[None]] | None = None  # one of an older mirror is void
        self._cursor = self._changes.last_number()
        self._unfolded: Sequence[UnfoldedRange] = self._changes.unfolded()
        snapshot, _ = select_edges(take_snapshot(self._store, self._unfolded), self._selection)
        self._known = KnownItems(self.release.items, snapshot)
        self._through = max(snapshot.events_through, self.release.manifest.events_through)
        self._categories = snapshot.item_category
        early, late = _split(snapshot.edges, self.release.manifest.events_through)
        if len(early.seq) and int(early.seq.max()) <= self.release.manifest.events_through:
            early, _ = capped_edges(early, self.release.manifest.refreshed_through)
        shop = replace(replace(snapshot, edges=early).arrays(None), brand=self._known.brand)
        changed = snapshot.items.filter(
            pl.col("index").is_in(self._known.changed()["index"].implode()), "alive"
        )
        arrived = self._known.arrived(changed, None, self._categories)
        frozen = self.release.items.indices_of(sorted(self._settings.freeze))
        self._mirror = self._make_mirror(self.release.model, shop, early.seq, arrived, frozen)
        if len(late.seq):
            self._mirror.fold_in(late, NO_ITEMS)
        texts = dict(self._known.texts_of(changed))
        self._use_texts({index: text for index, text in texts.items() if self._has_vector(index, text)})
        self._expect_texts(
            {index: text for index, text in texts.items() if not self._has_vector(index, text)}
        )
        self._mirror.propagate()
        self._unwritten = True
        self._publish_all()
        self._unwritten = self._stale = self._dirty = False
        self._waiting_refund: int | None = None
        now = time.monotonic()
        self.figures.propagate_seconds = now - started
        self._last_work = self._last_whole = now

    def _rested(self, now: float) -> bool:
        """Whether the stream is quiet, or the last whole computation is long enough ago. It takes a processor
        from others, so even between scattered events no more than a quarter of the time."""
        cost, since = self.figures.propagate_seconds, now - self._last_whole
        quiet = now - self._last_work >= self._settings.quiet_seconds and since >= 3 * cost
        return quiet or since >= max(self._settings.whole_seconds, 10 * cost)

    def _take_changes(self) -> bool:
        found = self._changes.since(self._cursor)
        if found is None:
            self._stale = True
            self._cursor = self._changes.last_number()
            return True
        if not found:
            return False
        self._cursor = found[-1].number
        kinds = {change.kind for change in found}
        if kinds & {ChangeKind.DELETED, ChangeKind.RELOAD, ChangeKind.UNFOLDED}:
            self._stale = True
        dead = [self._known.drop(one.item_id) for one in found if one.kind is ChangeKind.DELETED]
        if any(rows.height for rows in dead):
            self._publish(
                None, pl.concat(dead).unique("index", keep="last", maintain_order=True).sort("index")
            )
        put = list(dict.fromkeys(one.item_id for one in found if one.kind is ChangeKind.PUT))
        if put:
            self._take_items(put)
        return True

    def _take_items(self, item_ids: list[str]) -> None:
        """Items that were written: shown and filtered by at once, compared by text as soon as that is
        encoded."""
        items = self._store.items(item_ids)
        if items.is_empty():
            return
        texts = dict(self._known.new_texts(items))
        fresh = self._known.take(items)
        self._categories = np.stack(self._store.item_categories(), axis=1)
        rows = self._mirror.fold_in(_no_edges(), self._known.arrived(items, None, self._categories))
        self._dirty = True
        self._publish(rows, fresh)
        self._expect_texts(texts)

    def _expect_texts(self, texts: dict[int, str]) -> None:
        """Encode texts in the background: loading a text model takes seconds."""
        if texts:
            self._encoding.append((texts, self._encoder.submit(self._encode, list(texts.values()))))

    def _take_texts(self) -> bool:
        ready = [entry for entry in self._encoding if entry[1].done()]
        for entry in ready:
            self._encoding.remove(entry)
            texts, future = entry
            vectors = future.result()
            if vectors is None:
                self.figures.missing_texts += len(texts)
                continue
            for place, (index, text) in enumerate(texts.items()):
                self._vectors[index] = (text, vectors[place])
            rows = self._use_texts(texts)
            if rows is not None:
                self._dirty = True
                self._publish(rows, no_items())
        return bool(ready)

    def _use_texts(self, texts: dict[int, str]) -> FreshRowsLike | None:
        """Tell the mirror the vectors of texts that are still the items' own; None where none is."""
        items = self._store.items(self._known.ids_with(texts))
        items = items.filter(pl.col("index").is_in(list(texts)))
        if items.is_empty():
            return None
        matrix = np.stack([self._vectors[index][1] for index in items["index"].to_list()])
        return self._mirror.fold_in(_no_edges(), self._known.arrived(items, matrix, self._categories))

    def _has_vector(self, index: int, text: str) -> bool:
        return index in self._vectors and self._vectors[index][0] == text

    def _take_events(self) -> bool:
        if self._waiting_refund is not None or self._log.last_seq() <= self._through:
            return False
        applied = self._store.applied_seq()
        if applied <= self._through:
            return False
        if applied - self._through > BACKLOG_ROWS:
            self.reload()
            return True
        started = time.monotonic()
        batch = self._log.read(self._through, self._settings.batch_events)
        batch = batch.filter(pl.col("seq") <= applied)
        if batch.is_empty():
            return False
        upto = int(batch["seq"][-1])
        refunds = batch.filter(is_refund())["seq"]
        if len(refunds):
            self._stale, upto = True, int(refunds[0]) - 1
            self._waiting_refund = int(refunds[0])
            batch = batch.filter(pl.col("seq") <= upto)
        if upto > self._through:
            self._fold_in(batch, upto)
            self.figures.fold_seconds = time.monotonic() - started
        return True

    def _fold_in(self, batch: pl.DataFrame, upto: int) -> None:
        blocks = [without(block, self._unfolded).until(upto) for block in self._store.export(self._through)]
        edges = _joined(blocks)
        fresh, arrived = no_items(), NO_ITEMS
        strangers = self._known.unknown(batch["item_id"].unique().to_list())
        if strangers:
            items = self._store.items([item_id for item_id in strangers if item_id])
            if items.height:
                fresh = self._known.take(items)
                arrived = self._known.arrived(items, None, self._categories)
        rows = self._mirror.fold_in(edges, arrived) if len(edges.seq) or len(arrived.rows) else None
        self.figures.folded += len(edges.seq)
        self._through = upto
        self._dirty |= rows is not None
        self._publish(rows, fresh)

    def _recompute(self, now: float) -> None:
        """Begin to compute everything anew, beside: events go on being folded in."""
        recomputation = self._mirror.recomputation()
        self._whole = recomputation, _beside(recomputation.run)
        self._dirty, self._whole_began = False, now

    def _adopt(self) -> bool:
        """Take over what was computed anew; whether it was ready."""
        assert self._whole is not None
        recomputation, future = self._whole
        if not future.done():
            return False
        future.result()
        self._whole = None
        self._publish(self._mirror.adopt(recomputation), no_items())
        now = time.monotonic()
        self.figures.propagate_seconds = now - self._whole_began
        self._last_whole = now
        return True

    def _publish(self, rows: FreshRowsLike | None, items: pl.DataFrame) -> None:
        """Append what changed; where that fails or the file has grown large, begin a new one."""
        if self._writer.bytes > self._settings.segment_bytes:
            self._publish_all()
            return
        arrays, config = rows.to_arrays() if rows is not None else ({}, {})
        record = FreshRecord(
            self.release.version, self._writer.number + 1, self._through, False, arrays, config, items
        )
        self._unwritten = True
        self._writer.append(record)
        self._unwritten = False

    def _publish_all(self) -> None:
        arrays, config = self._mirror.everything().to_arrays()
        self._writer.begin(
            FreshRecord(
                self.release.version,
                self._writer.number + 1,
                self._through,
                True,
                arrays,
                config,
                self._known.changed(),
            )
        )

    def _encode(self, texts: list[str]) -> FloatArray | None:
        try:
            fingerprint = self.release.manifest.encoder_fingerprint
            return np.stack([self._texts.of_item(text, fingerprint) for text in texts])
        except TextModelUnavailable as error:
            logger.warning("texts of new items do not count yet: %s", error)
        except Exception:  # a text that no model takes must not keep events from counting
            logger.exception("texts of new items do not count")
        return None


def _beside(work: Callable[[], None]) -> Future[None]:
    """Work in a thread that does not keep the process from ending, as one of an executor would."""
    future: Future[None] = Future()

    def run() -> None:
        try:
            work()
        except BaseException as error:  # whatever it was, `result` raises it where somebody waits
            future.set_exception(error)
        else:
            future.set_result(None)

    threading.Thread(target=run, name="recomputation", daemon=True).start()
    return future


def _split(edges: EdgeBlock, through: int) -> tuple[EdgeBlock, EdgeBlock]:
    """Edges that a release learned from, and later ones in the order of the log, which are folded in as they
    were when they came; so many that they must have been loaded from files all belong to the former."""
    late = edges.seq > through
    if int(late.sum()) > BACKLOG_ROWS:
        late[:] = False
    order = np.flatnonzero(late)[np.argsort(edges.seq[late], kind="stable")]
    return edges.only(~late), edges.only(order)


def _no_edges() -> EdgeBlock:
    none = np.empty(0, np.int64)
    weight = np.empty(0, np.float32)
    return EdgeBlock(none, none, none, np.empty(0, np.int8), none, weight, weight)


def _joined(blocks: list[EdgeBlock]) -> EdgeBlock:
    if len(blocks) == 1:
        return blocks[0]
    if not blocks:
        return _no_edges()
    names = vars(blocks[0])
    return EdgeBlock(**{name: np.concatenate([getattr(one, name) for one in blocks]) for name in names})
