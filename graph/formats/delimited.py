"""CSV, TSV and their kin, row by row with exact line numbers, whatever is broken in between."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from graph.errors import UnreadableInput
from graph.formats.csv_records import CsvRecords, Dialect
from graph.formats.problem import Outcome
from graph.formats.raw_batch import BATCH_ROWS, RawBatch, text_column
from graph.formats.text_stream import open_text


@dataclass(frozen=True)
class DelimitedFile:
    """A delimited file with a header line; a `RowSource`."""

    path: Path
    name: str
    dialect: Dialect = field(default_factory=Dialect)
    columns: Sequence[str] = ()
    """Names of the columns in order; the header's where not given otherwise (same number)."""

    def batches(self, wanted: frozenset[str] | None = None) -> Iterator[RawBatch]:
        """See `RowSource`. Raises `UnreadableInput` when the file cannot be opened."""
        with open_text(self.path, self.name, self.dialect.encoding) as stream:
            records = CsvRecords(stream, self.dialect, len(self.columns))
            records.header()
            while not records.ended:
                yield self._batch(records, wanted)

    def _batch(self, records: CsvRecords, wanted: frozenset[str] | None) -> RawBatch:
        rows, lines, problems = records.take(BATCH_ROWS, self.name)
        columns, not_utf8 = {}, {}
        for name, values in zip(self.columns, zip(*rows, strict=True), strict=False):
            if wanted is not None and name not in wanted:
                continue
            columns[name], marks = text_column(name, values)
            if marks is not None:
                not_utf8[name] = marks
        unread = sum(p.rows for p in problems if p.outcome is Outcome.REJECTED)
        return RawBatch(np.array(lines, dtype=np.int64), columns, not_utf8, problems, unread)


def read_header(path: Path, name: str, dialect: Dialect) -> tuple[str, ...]:
    """Column names of the first line. Raises `UnreadableInput` when there is none."""
    with open_text(path, name, dialect.encoding) as stream:
        row = CsvRecords(stream, dialect, 0).header()
    if not row:
        raise UnreadableInput(f"{name}: the file is empty")
    return tuple(unique_names([column.strip().strip("\ufeff") for column in row]))


def unique_names(names: Sequence[str]) -> list[str]:
    """Column names made distinct and non-empty (`a`, `a_2`, `column_3`)."""
    seen: dict[str, int] = {}
    distinct = []
    for position, given in enumerate(names, start=1):
        name = given.encode("utf-8", "replace").decode() or f"column_{position}"
        seen[name] = seen.get(name, 0) + 1
        distinct.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return distinct
