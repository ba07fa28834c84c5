"""Tables written row batch by row batch: Parquet or JSON lines, complete or not at all."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Protocol

import polars as pl
import pyarrow.parquet as pq

from service.errors import CallerMistake


class TableWriter(Protocol):
    """A table under way."""

    def write(self, frame: pl.DataFrame) -> None:
        """Append rows; every frame has the same columns and types."""

    def close(self) -> None:
        """Finish the file."""


class ParquetWriter:
    """Parquet (zstd), one row group per frame."""

    def __init__(self, path: Path, schema: pl.Schema) -> None:
        self._writer = pq.ParquetWriter(path, _arrow(pl.DataFrame(schema=schema)).schema, compression="zstd")

    def write(self, frame: pl.DataFrame) -> None:
        """See `TableWriter.write`."""
        self._writer.write_table(_arrow(frame))

    def close(self) -> None:
        """See `TableWriter.close`."""
        self._writer.close()


class JsonLinesWriter:
    """One object per line, UTF-8; fields without a value are left out."""

    def __init__(self, path: Path, schema: pl.Schema) -> None:
        self._objects = frozenset(name for name in schema if name == "attributes")
        self._file: IO[str] = path.open("w", encoding="utf-8", newline="\n")

    def write(self, frame: pl.DataFrame) -> None:
        """See `TableWriter.write`."""
        self._file.writelines(
            json.dumps(self._record(row), ensure_ascii=False, allow_nan=False) + "\n"
            for row in frame.iter_rows(named=True)
        )

    def close(self) -> None:
        """See `TableWriter.close`."""
        self._file.close()

    def _record(self, row: dict[str, Any]) -> dict[str, Any]:
        """The row's given fields; a field that holds JSON becomes part of the object."""
        return {
            name: json.loads(value) if name in self._objects else value
            for name, value in row.items()
            if value not in (None, "", [], "{}")
        }


WRITERS: dict[str, Callable[[Path, pl.Schema], TableWriter]] = {
    "parquet": ParquetWriter,
    "jsonl": JsonLinesWriter,
}


def write_table(path: Path, table_format: str, schema: pl.Schema, frames: Iterable[pl.DataFrame]) -> int:
    """Write frames of one schema to a file, one at a time in memory; returns the number of rows.

    table_format: `parquet` or `jsonl`. Raises `CallerMistake` where the file cannot be written.
    """
    rows = 0
    with whole_file(path) as unfinished:
        writer = WRITERS[table_format](unfinished, schema)
        try:
            for frame in frames:
                writer.write(frame)
                rows += frame.height
        finally:
            writer.close()
    return rows


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Name of a file that becomes `path` when the block ends well, and vanishes when it does not.

    Raises `CallerMistake` where the file cannot be written.
    """
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield unfinished
        unfinished.replace(path)
    except OSError as error:
        raise CallerMistake(f"--out {path}: {error.strerror or error}") from None
    finally:
        with suppress(OSError):
            unfinished.unlink()


def _arrow(frame: pl.DataFrame) -> Any:
    # the oldest Arrow types are those that every Parquet reader knows
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest())
