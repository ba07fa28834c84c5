"""Parquet files as rows; a row's line is its number, from 1."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from graph.errors import UnreadableInput
from graph.formats.json_lines import Flatten, Record, one_row
from graph.formats.problem import Outcome, Problem, Reason, excerpt
from graph.formats.raw_batch import BATCH_ROWS, RawBatch, record_columns, text_column

PARQUET_MAGIC = b"PAR1"
_DAMAGE = (pa.ArrowException, OSError, UnicodeDecodeError)
"""What pyarrow raises for a damaged file; names in a damaged footer need not be text."""


@dataclass(frozen=True)
class ParquetFile:
    """A Parquet file; a `RowSource`. A damaged row group costs itself only."""

    path: Path
    name: str
    columns: Sequence[str] = ()
    """Names of the columns in order; the file's own where not given otherwise (same number)."""
    flatten: Flatten = one_row

    def batches(self, wanted: frozenset[str] | None = None) -> Iterator[RawBatch]:
        """See `RowSource`. Raises `UnreadableInput` when the file is not Parquet."""
        with _opened(self.path, self.name) as file:
            nested = self.flatten is not one_row
            named = dict(zip(file.schema_arrow.names, self.columns, strict=False))
            names = None if wanted is None or nested else [own for own, c in named.items() if c in wanted]
            start = 1
            for group in range(file.num_row_groups):
                number, lost = start, True
                try:
                    for block in file.iter_batches(BATCH_ROWS, row_groups=[group], columns=names):
                        yield self._batch(block, number, wanted, named)
                        number += block.num_rows
                except _DAMAGE as error:
                    problem = Problem(
                        self.name, number, Reason.DAMAGED_INPUT, Outcome.INCOMPLETE, excerpt(str(error))
                    )
                    yield RawBatch(np.empty(0, np.int64), {}, problems=[problem])
                    lost = False
                start += file.metadata.row_group(group).num_rows
                lost = lost and names != [] and number != start
                if lost or (group == file.num_row_groups - 1 and start - 1 != file.metadata.num_rows):
                    # a damaged footer: what it says of its parts does not add up
                    told = f"the file names {file.metadata.num_rows:,} rows, {number - 1:,} are there"
                    problem = Problem(self.name, number, Reason.DAMAGED_INPUT, Outcome.INCOMPLETE, told)
                    yield RawBatch(np.empty(0, np.int64), {}, problems=[problem])

    def _batch(
        self, block: pa.RecordBatch, start: int, wanted: frozenset[str] | None, named: Mapping[str, str]
    ) -> RawBatch:
        lines = np.arange(start, start + block.num_rows, dtype=np.int64)
        if self.flatten is not one_row:
            return self._record_batch(block, lines, wanted)
        columns: dict[str, pl.Series] = {}
        not_utf8: dict[str, pl.Series] = {}
        for own, values in zip(block.schema.names, block.columns, strict=True):
            name = named.get(own, own)
            columns[name], marks = _column(name, values)
            if marks is not None:
                not_utf8[name] = marks
        return RawBatch(lines, columns, not_utf8)

    def _record_batch(
        self,
        block: pa.RecordBatch,
        lines: np.ndarray[tuple[int], np.dtype[np.int64]],
        wanted: frozenset[str] | None,
    ) -> RawBatch:
        rows: list[Record] = []
        row_lines: list[int] = []
        for record, line in zip(block.to_pylist(), lines.tolist(), strict=True):
            made = self.flatten(record)
            rows.extend(made)
            row_lines.extend([line] * len(made))
        columns, not_utf8 = record_columns(rows, wanted)
        return RawBatch(np.array(row_lines, dtype=np.int64), columns, not_utf8, records=rows)


def parquet_columns(path: Path, name: str) -> tuple[str, ...]:
    """Names of a Parquet file's columns. Raises `UnreadableInput` when it is none."""
    with _opened(path, name) as file:
        try:
            return tuple(file.schema_arrow.names)
        except _DAMAGE as error:
            raise _unreadable(name, error) from error


def _opened(path: Path, name: str) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path, page_checksum_verification=True)
    except _DAMAGE as error:
        raise _unreadable(name, error) from error


def _unreadable(name: str, error: BaseException) -> UnreadableInput:
    reason = str(error).splitlines()[0] if str(error) else "damaged"
    return UnreadableInput(f"{name}: not a readable Parquet file ({reason:.120})")


def _column(name: str, values: pa.Array) -> tuple[pl.Series, pl.Series | None]:
    kind = values.type
    if pa.types.is_dictionary(kind):
        values = values.dictionary_decode()
        kind = values.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        if _is_utf8(values):
            texts = pl.Series(name, pl.from_arrow(values))
            return texts.set(texts == "", None), None
        values = values.cast(pa.large_binary())
        kind = values.type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        decoded = [v if v is None else v.decode("utf-8", "surrogateescape") for v in values.to_pylist()]
        return text_column(name, decoded)
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_temporal(kind):
        return pl.Series(name, pl.from_arrow(values)), None
    return _object_column(name, values)


def _is_utf8(values: pa.Array) -> bool:
    try:
        values.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _object_column(name: str, values: pa.Array) -> tuple[pl.Series, pl.Series | None]:
    columns, not_utf8 = record_columns([{name: value} for value in values.to_pylist()], None)
    return columns.get(name, pl.Series(name, [], dtype=pl.String)), not_utf8.get(name)
