"""CSV, TSV and their kin, row by row with exact line numbers, whatever is broken in between."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from graph.errors import UnreadableInput
from graph.formats.csv_records import CsvRecords, Dialect
from graph.formats.raw_batch import BATCH_ROWS, RawBatch, text_batch
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
                rows, lines, problems = records.take(BATCH_ROWS, self.name)
                yield text_batch(self.columns, rows, lines, problems, wanted)


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
