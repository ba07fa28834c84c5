"""Lines of fields without a header and without quoting, some separator of any length between them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from graph.formats.problem import Outcome, Problem, Reason, excerpt
from graph.formats.raw_batch import BATCH_CHARS, BATCH_ROWS, RawBatch, text_batch
from graph.formats.text_stream import open_text

Shape = Callable[[list[str]], Sequence[str] | None]
"""The fields of a line -> the values of a row; None: the line is no row."""


@dataclass(frozen=True)
class SeparatedLines:
    """A file of such lines; a `RowSource`. A bad line costs itself only."""

    path: Path
    name: str
    separator: str
    columns: Sequence[str]
    """Names of the values that `shape` gives, in their order."""
    shape: Shape

    def batches(self, wanted: frozenset[str] | None = None) -> Iterator[RawBatch]:
        """See `RowSource`. Raises `UnreadableInput` when the file cannot be opened."""
        with open_text(self.path, self.name) as stream:
            rows: list[Sequence[str]] = []
            numbers: list[int] = []
            problems: list[Problem] = []
            size = 0
            for line in stream:
                fields = line.rstrip("\r\n")
                row = self.shape(fields.split(self.separator)) if fields else ()
                if row is None:
                    problems.append(
                        Problem(
                            self.name,
                            stream.number,
                            Reason.WRONG_FIELD_COUNT,
                            Outcome.REJECTED,
                            excerpt(line),
                        )
                    )
                elif row:
                    rows.append(row)
                    numbers.append(stream.number)
                    size += len(line)
                if len(rows) >= BATCH_ROWS or len(problems) >= BATCH_ROWS or size >= BATCH_CHARS:
                    yield text_batch(self.columns, rows, numbers, problems, wanted)
                    rows, numbers, problems, size = [], [], [], 0
            yield text_batch(self.columns, rows, numbers, problems + stream.problems, wanted)
