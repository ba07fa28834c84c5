"""Files with one object per line: JSON, or the Python literals of old Amazon dumps."""

import ast
import json
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from graph.formats.problem import Outcome, Problem, Reason, excerpt
from graph.formats.raw_batch import BATCH_CHARS, BATCH_ROWS, RawBatch, record_columns
from graph.formats.text_stream import open_text

Record = dict[str, Any]
Flatten = Callable[[Record], list[Record]]
"""One object of the file -> the rows that it stands for."""


def one_row(record: Record) -> list[Record]:
    """The object is the row."""
    return [record]


@dataclass(frozen=True)
class JsonLines:
    """A file of objects; a `RowSource`. A bad line costs itself only."""

    path: Path
    name: str
    columns: Sequence[str] = ()
    """Keys of the rows, as far as known from the first ones."""
    flatten: Flatten = one_row
    literals: bool = False
    """Also read Python literals (never evaluated: only constants, lists and dicts are parsed)."""
    encoding: str = "utf-8"
    batch_chars: int = BATCH_CHARS
    """Characters of one batch; fewer where one object stands for many rows."""

    def batches(self, wanted: frozenset[str] | None = None) -> Iterator[RawBatch]:
        """See `RowSource`. Raises `UnreadableInput` when the file cannot be opened."""
        with open_text(self.path, self.name, self.encoding) as stream:
            lines: list[str] = []
            numbers: list[int] = []
            size = 0
            for line in stream:
                if not line.isspace():
                    lines.append(line)
                    numbers.append(stream.number)
                    size += len(line)
                if len(lines) >= BATCH_ROWS or size >= self.batch_chars:
                    yield self._batch(lines, numbers, wanted, [])
                    lines, numbers, size = [], [], 0
            yield self._batch(lines, numbers, wanted, stream.problems)

    def _batch(
        self, lines: list[str], numbers: list[int], wanted: frozenset[str] | None, problems: list[Problem]
    ) -> RawBatch:
        rows: list[Record] = []
        row_lines: list[int] = []
        problems = list(problems)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd escapes in Python literals
            for line, number in zip(lines, numbers, strict=True):
                record = parse_object(line, literals=self.literals)
                if record is None:
                    problems.append(
                        Problem(self.name, number, Reason.BAD_JSON, Outcome.REJECTED, excerpt(line))
                    )
                    continue
                made = self.flatten(record)
                rows.extend(made)
                row_lines.extend([number] * len(made))
        columns, not_utf8 = record_columns(rows, wanted)
        unread = sum(p.rows for p in problems if p.outcome is Outcome.REJECTED)
        return RawBatch(np.array(row_lines, dtype=np.int64), columns, not_utf8, problems, unread, rows)


def parse_object(line: str, *, literals: bool = False) -> Record | None:
    """The object written on a line; None where there is none."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        if not literals:
            return None
        try:
            value = ast.literal_eval(line.strip())
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return None
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        return None
    return value


def first_objects(path: Path, name: str, *, literals: bool, limit: int = 20) -> list[Record]:
    """The first objects of a file, from its first lines."""
    found: list[Record] = []
    with open_text(path, name) as stream, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for line in stream:
            record = parse_object(line, literals=literals)
            if record is not None:
                found.append(record)
            if len(found) >= limit or stream.number >= 10 * limit:
                break
    return found
