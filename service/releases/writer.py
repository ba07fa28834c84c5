"""Write a release so that it is either there as a whole or not at all."""

import logging
import math
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from gnn.served_model import ServedModel
from index.vector_index import VectorIndex
from service.releases.files import sha256_of, sync_file, sync_folder
from service.releases.items import ReleaseItems, release_items_table
from service.releases.manifest import (
    MANIFEST_NAME,
    ReleaseFile,
    ReleaseManifest,
    ReleaseModel,
    version_counter,
)
from service.releases.release import ADAPTER_NAME, ARRAYS_FOLDER, INDEX_NAME, ITEMS_NAME, REVIEWS_NAME

logger = logging.getLogger(__name__)

TEMPORARY_PREFIX = ".writing-"


@dataclass(frozen=True)
class ReleaseDraft:
    """What a new release is made of. Raises `ValueError` when its parts do not belong together."""

    model: ServedModel
    index: VectorIndex
    """Over `model.item_vectors()`."""
    items: pl.DataFrame
    """`RELEASE_ITEM_SCHEMA` (more columns are left out), one row per item index."""
    encoder_fingerprint: str
    seed: int
    events_through: int
    sequence_ranges: tuple[tuple[int, int], ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    parent: str | None = None
    adapter: bytes | None = None
    """Content of the text model's adapter, see `encoders.Adapter`."""
    reviews: npt.NDArray[np.uint64] | None = None
    """See `Release.reviews`."""
    created_at: datetime | None = None
    """Default: now."""

    def __post_init__(self) -> None:
        if not (self.model.n_items == self.index.size == self.items.height):
            raise ValueError(
                f"a release of {self.items.height} items cannot have a model of {self.model.n_items} "
                f"and an index of {self.index.size}"
            )
        if self.reviews is not None and self.reviews.shape != (self.items.height,):
            raise ValueError(f"{self.reviews.shape} digests of reviews for {self.items.height} items")
        ReleaseItems(release_items_table(self.items))


class ReleaseWriter:
    """Writes releases into one folder. The caller holds the folder's lock (`ReleaseStore.write` does)."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, draft: ReleaseDraft) -> str:
        """Write, flush to disk, rename; returns the version. Nothing of it is visible before the end."""
        self._root.mkdir(parents=True, exist_ok=True)
        self.remove_leftovers()
        folder = self._root / f"{TEMPORARY_PREFIX}{os.getpid()}-{secrets.token_hex(4)}"
        try:
            return self._write_into(folder, draft)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def remove_leftovers(self) -> int:
        """Remove what crashed writers left, by name; returns how many. Needs the lock: nobody else writes."""
        leftovers = sorted(self._root.glob(f"{TEMPORARY_PREFIX}*"))
        for path in leftovers:
            logger.warning("removing %s, left by an interrupted writer", path.name)
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        return len(leftovers)

    def _write_into(self, folder: Path, draft: ReleaseDraft) -> str:
        (folder / ARRAYS_FOLDER).mkdir(parents=True)
        arrays, model_config = draft.model.to_arrays()
        for name, array in arrays.items():
            np.save(_array_path(folder, name), _saveable(name, array), allow_pickle=False)
        release_items_table(draft.items).write_parquet(folder / ITEMS_NAME, compression="zstd")
        draft.index.save(folder / INDEX_NAME)
        if draft.adapter is not None:
            (folder / ADAPTER_NAME).write_bytes(draft.adapter)
        if draft.reviews is not None:
            np.save(folder / REVIEWS_NAME, draft.reviews, allow_pickle=False)
        manifest = self._manifest(folder, draft, model_config)
        (folder / MANIFEST_NAME).write_text(manifest.to_json(), "utf-8")
        for name in (*manifest.files, MANIFEST_NAME):
            sync_file(folder / name)
        sync_folder(folder / ARRAYS_FOLDER)
        sync_folder(folder)
        folder.rename(self._root / manifest.version)
        sync_folder(self._root)
        return manifest.version

    def _manifest(
        self, folder: Path, draft: ReleaseDraft, model_config: Mapping[str, Any]
    ) -> ReleaseManifest:
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        made = draft.created_at or datetime.now(UTC)
        counters = (version_counter(path.name) for path in self._root.iterdir())
        return ReleaseManifest(
            created_at=made.astimezone(UTC).isoformat(timespec="seconds"),
            parent=draft.parent,
            model=ReleaseModel(name=type(draft.model).__name__, config=json_values(model_config)),
            encoder_fingerprint=draft.encoder_fingerprint,
            seed=draft.seed,
            config=json_values(draft.config),
            items=draft.items.height,
            events_through=draft.events_through,
            sequence_ranges=list(draft.sequence_ranges),
            metrics=json_values(draft.metrics),
            files={
                path.relative_to(folder).as_posix(): ReleaseFile(
                    sha256=sha256_of(path), bytes=path.stat().st_size
                )
                for path in paths
            },
        ).named(1 + max(counters, default=0))


def json_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same values as JSON knows them: NumPy scalars as numbers, tuples as lists, NaN as null."""
    return {str(name): _json_value(value) for name, value in values.items()}


def _json_value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return json_values(value)
    if isinstance(value, list | tuple):
        return [_json_value(entry) for entry in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)


def _array_path(folder: Path, name: str) -> Path:
    if not name or not all(char.isalnum() or char in "_-." for char in name) or name.startswith("."):
        raise ValueError(f"array name {name!r}: letters, digits, '_', '-' and '.' only")
    return folder / ARRAYS_FOLDER / f"{name}.npy"


def _saveable(name: str, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if array.dtype.hasobject:
        raise ValueError(f"array {name!r} holds Python objects; a release stores plain numbers only")
    return np.asarray(array, order="C")
