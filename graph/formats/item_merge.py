"""Items that a file names more than once become one row, without holding the file in memory."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from graph.formats.item_rows import REASONS
from graph.formats.problem import Problem, Reason
from graph.formats.shop_reader import Batch
from graph.formats.verdicts import repairs
from graph.frames import ITEM_SCHEMA

_CONTENT = list(ITEM_SCHEMA)
_MEMORY_BYTES = 64 * 1024 * 1024
_REPEATED_ROWS = 50_000


@dataclass
class ItemMerge:
    """Takes the cleaned rows of one file, then hands out its items.

    Rows wait in memory up to a bound and in a temporary folder beyond it; of repeated ids only one row
    each (the latest, its gaps filled from earlier ones) is held.
    """

    file: str
    memory_bytes: int = _MEMORY_BYTES
    """How much may wait in memory."""
    _waiting: list[pl.DataFrame | Path] = field(default_factory=list)
    _ids: list[pl.Series] = field(default_factory=list)
    _held_bytes: int = 0
    _folder: tempfile.TemporaryDirectory[str] | None = None

    def add(self, rows: pl.DataFrame) -> None:
        """Cleaned rows as `item_rows` gives them, in the file's order."""
        if not rows.height:
            return
        self._ids.append(rows["item_id"].hash(seed=0))
        self._held_bytes += int(rows.estimated_size())
        if self._held_bytes <= self.memory_bytes:
            self._waiting.append(rows)
            return
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="ilk-items-")
        path = Path(self._folder.name) / f"{len(self._waiting)}.arrow"
        rows.write_ipc(path)
        self._waiting.append(path)

    def batches(self) -> Iterator[Batch]:
        """The items, each once, in the order of their first row except repeated ones, which come last."""
        hashes = pl.Series("hash", [], dtype=pl.UInt64) if not self._ids else pl.concat(self._ids)
        self._ids.clear()
        repeated = hashes.filter(hashes.is_duplicated()).unique()
        held = _Repeated()
        for waiting in self._waiting:
            rows = pl.read_ipc(waiting) if isinstance(waiting, Path) else waiting
            again = rows["item_id"].hash(seed=0).is_in(repeated.implode())
            held.add(rows.filter(again))
            once = rows.filter(~again)
            if once.height:
                yield self._batch(once, once.height)
        if held.read:
            yield self._batch(held.merged(), held.read)

    def close(self) -> None:
        """Remove the temporary folder."""
        self._waiting.clear()
        if self._folder is not None:
            self._folder.cleanup()

    def _batch(self, rows: pl.DataFrame, read: int) -> Batch:
        problems = _told(self.file, rows)
        return Batch(self.file, _filled(rows), read, problems, duplicates=read - rows.height)


class _Repeated:
    """Rows whose id comes more than once."""

    def __init__(self) -> None:
        self.read = 0
        self._parts: list[pl.DataFrame] = []
        self._rows = 0

    def add(self, rows: pl.DataFrame) -> None:
        self.read += rows.height
        self._parts.append(rows)
        self._rows += rows.height
        if self._rows > _REPEATED_ROWS:
            self._parts = [self.merged()]
            self._rows = self._parts[0].height

    def merged(self) -> pl.DataFrame:
        """One row per id: each field's last value that is not empty; repairs of the last row."""
        rows = pl.concat(self._parts)
        content = [name for name in _CONTENT if name not in ("item_id", "categories", "attributes")]
        told = [pl.col(name).drop_nulls().last() for name in content]
        paths = pl.col("categories").filter(pl.col("categories").list.len() > 0).last()
        extra = pl.col("attributes").filter(pl.col("attributes") != "{}").last().fill_null("{}")
        differing = pl.struct(_CONTENT).n_unique() > 1
        bit = 1 << REASONS.index(Reason.REPEATED_ITEM)
        earlier = (pl.col("repairs") & bit).max()
        merged = rows.group_by("item_id", maintain_order=True).agg(
            *told,
            paths,
            extra,
            pl.col("line").last(),
            (pl.col("repairs").last() | earlier | pl.when(differing).then(bit).otherwise(0)).alias("repairs"),
        )
        empty = pl.lit(pl.Series([[]], dtype=pl.List(pl.String)))
        return merged.with_columns(pl.col("categories").fill_null(empty)).select(rows.columns)


def _filled(rows: pl.DataFrame) -> pl.DataFrame:
    """`ITEM_SCHEMA`: texts that nobody gave are empty, not null."""
    texts = pl.col("title", "description", "brand", "currency", "availability", "image_url").fill_null("")
    return rows.select(_CONTENT).with_columns(texts)


def _told(file: str, rows: pl.DataFrame) -> list[Problem]:
    bits = rows["repairs"].to_numpy()
    if not bits.any():
        return []
    masks = {reason.value: (bits >> n) & 1 > 0 for n, reason in enumerate(REASONS)}
    return repairs(
        file, rows["line"].to_numpy().astype(np.int64), {k: m for k, m in masks.items() if m.any()}
    )
