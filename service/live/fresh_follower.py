"""One release plus everything that the updater has folded into it since: what an API worker answers from."""

import logging
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np
import numpy.typing as npt

from gnn.freed_memory import give_back_freed_memory
from gnn.served_model import ServedModel
from gnn.shop_arrays import IntArray
from index.build_index import build_alike
from index.live_index import LiveIndex
from index.vector_index import VectorIndex
from service.live.fresh_record import FreshRecord
from service.live.fresh_segments import SegmentReader
from service.releases.reader import ReleaseLoaders
from service.releases.release import Release

logger = logging.getLogger(__name__)

MANY_RECORDS = 50
"""After so many, freed memory is given back: some megabytes a record come and go, and the C library kept 115
MiB of 300 of them. Takes 3 to 20 ms, in which requests go on."""


@runtime_checkable
class TakesFreshRows(Protocol):
    """A served model that can be brought up to date row by row."""

    def with_fresh(self, rows: Any) -> ServedModel:
        """The same model with some rows replaced or added; this one stays as it is."""


@dataclass(frozen=True)
class FreshState:
    """A release as it answers after one record; model, index and items belong together."""

    release: Release
    events_through: int
    number: int
    preliminary: bool = False
    """Whether newer events still go elsewhere (`FreshRecord.preliminary`)."""


class FreshFollower:
    """Applies a release's fresh records in order. Not for several threads; what it returns is immutable.

    The index is rebuilt in a thread of its own when its fresh tier has grown large; readers notice nothing.
    """

    def __init__(self, base: Release, root: Path, loaders: ReleaseLoaders) -> None:
        """base: as it was opened. root: the home's folder of fresh rows."""
        self._base = base
        self._reader = SegmentReader(root, base.version)
        self._loaders = loaders
        self._index: LiveIndex | None = None
        self._state = FreshState(base, base.manifest.events_through, 0)
        self._rebuilding: threading.Thread | None = None
        self._untidy = 0

    @property
    def started(self) -> bool:
        """Whether any record was applied."""
        return self._index is not None

    @property
    def found(self) -> bool:
        """Whether there is a file to read."""
        return self._reader.found

    @property
    def broken(self) -> bool:
        """Whether a record was damaged on its way: the updater has to write anew."""
        return self._reader.broken

    def poll(self) -> FreshState | None:
        """Apply what is new; None where nothing is. Errors leave the state as it was."""
        records = self._reader.read()
        try:
            for record in records:
                self._state = self._applied(record)
        except BaseException:
            self._reader.forget()
            raise
        if records:
            self._rebuild_if_due()
            self._untidy += MANY_RECORDS if any(record.full for record in records) else len(records)
            return self._state
        if self._untidy >= MANY_RECORDS:  # by now nobody holds what a new file has replaced
            self._untidy = 0
            give_back_freed_memory()
        return None

    def _applied(self, record: FreshRecord) -> FreshState:
        if record.full or self._index is None:
            assert self._loaders.build is not None
            base = cast("VectorIndex", self._base.index)
            self._index = LiveIndex(base, build_alike(base, self._loaders.build))
            before = replace(self._state, release=self._base)
        else:
            before = self._state
        release, index = before.release, self._index
        model = release.model
        if record.arrays:
            if self._loaders.fresh_rows is None or not isinstance(model, TakesFreshRows):
                raise TypeError(f"{type(model).__name__} takes no fresh rows")
            rows = self._loaders.fresh_rows(record.arrays, record.config)
            model = model.with_fresh(rows)
            changed = np.union1d(rows.vector_rows, np.arange(index.size, model.n_items))
            if len(changed):
                index.upsert(changed, vectors_of(model, changed))
        items = release.items.with_rows(record.items) if record.items.height else release.items
        if not record.items["alive"].all():
            index.remove(record.items.filter(~record.items["alive"])["index"].to_numpy())
        return FreshState(
            replace(release, model=model, index=index.view(), items=items),
            record.events_through,
            record.number,
            record.preliminary,
        )

    def _rebuild_if_due(self) -> None:
        index = self._index
        if index is None or not index.needs_rebuild():
            return
        if self._rebuilding is not None and self._rebuilding.is_alive():
            return
        model, since = self._state.release.model, index.version

        def rebuild() -> None:
            try:
                index.rebuild(model.item_vectors(), since)
            except Exception:  # the index serves on as it is, only slower
                logger.exception("the index was not rebuilt")

        self._rebuilding = threading.Thread(target=rebuild, name="index-rebuild", daemon=True)
        self._rebuilding.start()


def vectors_of(model: ServedModel, rows: IntArray) -> npt.NDArray[np.float32]:
    """Search vectors of some items, shape (len(rows), d)."""
    return np.ascontiguousarray(model.item_vectors(rows))
