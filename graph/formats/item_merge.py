"""Items that are named more than once become one row, without holding the files in memory."""

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
    """Takes the cleaned rows of a shop's files, then hands out its items.

    Rows wait in memory up to a bound and in a temporary folder beyond it; of repeated ids only one row
    each (the latest, its gaps filled from earlier ones) is held, share by share where they are many. The row
    belongs to the file that named the item last; what the others said counts as their duplicates.
    """

    memory_bytes: int = _MEMORY_BYTES
    """How much may wait in memory."""
    _waiting: list[tuple[str, pl.DataFrame | Path]] = field(default_factory=list)
    _ids: list[pl.Series] = field(default_factory=list)
    _held_bytes: int = 0
    _folder: tempfile.TemporaryDirectory[str] | None = None

    def add(self, file: str, rows: pl.DataFrame) -> None:
        """Cleaned rows as `item_rows` gives them, in the file's order, file by file."""
        if not rows.height:
            return
        self._ids.append(rows["item_id"].hash(seed=0))
        self._held_bytes += int(rows.estimated_size())
        if self._held_bytes <= self.memory_bytes:
            self._waiting.append((file, rows))
            return
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="ilk-items-")
        path = Path(self._folder.name) / f"{len(self._waiting)}.arrow"
        rows.write_ipc(path)
        self._waiting.append((file, path))

    def batches(self) -> Iterator[Batch]:
        """The items, each once, in the order of their first row except repeated ones, which come last."""
        hashes = pl.Series("hash", [], dtype=pl.UInt64) if not self._ids else pl.concat(self._ids)
        self._ids.clear()
        repeated = hashes.filter(hashes.is_duplicated()).unique()
        shares = 1 + self._held_bytes // max(self.memory_bytes, 1 << 16)
        for share in range(shares):
            ids = repeated.filter(repeated % shares == share)
            held = _Repeated()
            for file, waiting in self._waiting:
                rows = pl.read_ipc(waiting) if isinstance(waiting, Path) else waiting
                hashed = rows["item_id"].hash(seed=0)
                held.add(file, rows.filter(hashed.is_in(ids.implode())))
                if share == 0:
                    once = rows.filter(~hashed.is_in(repeated.implode()))
                    if once.height:
                        yield _batch(file, once, once.height)
            yield from held.batches()

    def close(self) -> None:
        """Remove the temporary folder."""
        self._waiting.clear()
        if self._folder is not None:
            self._folder.cleanup()


class _Repeated:
    """Rows whose id comes more than once."""

    def __init__(self) -> None:
        self._read: dict[str, int] = {}
        self._parts: list[pl.DataFrame] = []
        self._rows = 0
        self._limit = _REPEATED_ROWS

    def add(self, file: str, rows: pl.DataFrame) -> None:
        if not rows.height:
            return
        self._read[file] = self._read.get(file, 0) + rows.height
        self._parts.append(rows.with_columns(file=pl.lit(file)))
        self._rows += rows.height
        if self._rows > self._limit:
            self._parts = [self._merged()]
            self._rows = self._parts[0].height
            self._limit = max(_REPEATED_ROWS, 2 * self._rows)

    def batches(self) -> Iterator[Batch]:
        """One batch of each file: the items that it named last."""
        if not self._parts:
            return
        rows = self._merged()
        for file, read in self._read.items():
            yield _batch(file, rows.filter(pl.col("file") == file), read)

    def _merged(self) -> pl.DataFrame:
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
            pl.col("line", "file").last(),
            (pl.col("repairs").last() | earlier | pl.when(differing).then(bit).otherwise(0)).alias("repairs"),
        )
        empty = pl.lit(pl.Series([[]], dtype=pl.List(pl.String)))
        return merged.with_columns(pl.col("categories").fill_null(empty)).select(rows.columns)


def _batch(file: str, rows: pl.DataFrame, read: int) -> Batch:
    return Batch(file, _filled(rows), read, _told(file, rows), duplicates=read - rows.height)


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
