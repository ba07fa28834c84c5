"""Records of delimited text with exact line numbers; a broken one costs itself only."""

import csv
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from graph.formats.problem import Outcome, Problem, Reason, excerpt
from graph.formats.raw_batch import BATCH_CHARS
from graph.formats.text_stream import TextStream

MAX_RECORD_LINES = 5_000
"""A quoted text of more lines is taken for a quote that nobody closed."""

_NUMBER_CHARS = frozenset("0123456789.-:/ T+Z")


@dataclass(frozen=True)
class Dialect:
    """How fields are written in a line."""

    delimiter: str = ","
    quote: str = '"'
    escape: str | None = None
    """Character that takes a quote's meaning away (None: quotes are doubled)."""
    encoding: str = "utf-8"


class CsvRecords:
    """Records of a stream.

    The rules of quoting are strict. A record that breaks them, or that spans several lines and is no row,
    loses its first line only: reading goes on with the line after it. So a quote that nobody closed never
    swallows the rows below.
    """

    def __init__(self, stream: TextStream, dialect: Dialect, width: int) -> None:
        """width: number of fields of a row."""
        csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
        self._lines = _Lines(stream)
        self._dialect = dialect
        self._width = width
        self._reader = csv.reader(self._lines, strict=True, **_options(dialect))  # type: ignore[arg-type]
        self._shape: tuple[bool, ...] = ()
        self.ended = False
        """Whether the stream is at its end."""

    def header(self) -> list[str]:
        """The first record, or its first line where it breaks the rules; [] at the end of the file."""
        taken: list[str] = []
        self._lines.taken = taken
        try:
            return next(self._reader, [])
        except csv.Error:
            self._lines.give_back(taken[1:])
            return next(csv.reader(taken[:1], delimiter=self._dialect.delimiter, quoting=csv.QUOTE_NONE))

    def take(self, limit: int, name: str) -> tuple[list[list[str]], list[int], list[Problem]]:
        """The next rows (at most `limit`), their first lines, and the problems of what is no row."""
        rows: list[list[str]] = []
        numbers: list[int] = []
        problems: list[Problem] = []
        lines, width, size = self._lines, self._width, 0
        while len(rows) < limit and len(problems) < limit and size < BATCH_CHARS:
            taken: list[str] = []
            lines.taken = taken
            try:
                row = next(self._reader)
            except StopIteration:
                self.ended = True
                problems.extend(lines.stream.problems)
                break
            except csv.Error:
                row = []
                reason: Reason | None = Reason.BROKEN_QUOTES
            else:
                reason = None if len(row) == width and len(taken) == 1 else self._doubt(row, taken)
            first = lines.number - len(taken) + 1
            size += sum(len(line) for line in taken)
            if reason is not None:
                lines.give_back(taken[1:])
                problems.append(Problem(name, first, reason, Outcome.REJECTED, excerpt(taken[0])))
            elif row:
                rows.append(row[:width])
                numbers.append(first)
                if len(taken) == 1 and not self._shape:
                    self._shape = _shape(row)
        return rows, numbers, problems

    def _doubt(self, row: list[str], taken: list[str]) -> Reason | None:
        """Why an unusual record is no row: its width (empty surplus fields do not count), or rows inside."""
        if not row:
            return None  # a blank line
        fits = len(row) >= self._width and not any(row[self._width :])
        if len(taken) > 1 and (not fits or self._swallows_rows(taken)):
            return Reason.BROKEN_QUOTES
        return None if fits else Reason.WRONG_FIELD_COUNT

    def _swallows_rows(self, taken: list[str]) -> bool:
        """Whether a line inside a record is a row by itself, with numbers where rows have numbers.

        Two broken quotes, one opening and one closing, make a valid field of all that lies between.
        """
        if not any(self._shape):
            return False
        delimiter, options = self._dialect.delimiter, _options(self._dialect)
        for line in taken[1:-1]:
            if line.count(delimiter) < self._width - 1:
                continue
            try:
                row = next(csv.reader([line], strict=True, **options), [])  # type: ignore[arg-type]
            except csv.Error:
                continue
            if len(row) == self._width and _shape(row) == self._shape:
                return True
        return False


class _Lines:
    """Feeds csv.reader line by line, remembers the lines of the present record, takes lines back."""

    def __init__(self, stream: TextStream) -> None:
        self._lines = iter(stream)
        self._back: deque[str] = deque()
        self.taken: list[str] = []
        self.stream = stream

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.taken) >= MAX_RECORD_LINES:
            raise StopIteration  # inside quotes: csv.reader then reports an unexpected end
        line = self._back.popleft() if self._back else next(self._lines)
        self.taken.append(line)
        return line

    @property
    def number(self) -> int:
        """Number of the last line of the present record."""
        return self.stream.number - len(self._back)

    def give_back(self, lines: Sequence[str]) -> None:
        """Lines to deliver again."""
        self._back.extendleft(reversed(lines))


def _shape(row: list[str]) -> tuple[bool, ...]:
    """Which fields hold a number or a date."""
    return tuple(bool(field) and _NUMBER_CHARS.issuperset(field) for field in row)


def _options(dialect: Dialect) -> dict[str, object]:
    return {
        "delimiter": dialect.delimiter,
        "quotechar": dialect.quote or None,
        "quoting": csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        "escapechar": dialect.escape,
        "doublequote": dialect.escape is None,
    }
