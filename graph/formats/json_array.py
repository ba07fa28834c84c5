"""Files that are one JSON array of objects, of any size and layout, read piece by piece."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from graph.formats.json_lines import Flatten, Record, one_row
from graph.formats.problem import Outcome, Problem, Reason, excerpt
from graph.formats.raw_batch import BATCH_ROWS, RawBatch, record_columns
from graph.formats.text_stream import MAX_LINE_CHARS, TextStream, open_text

CHUNK = 1 << 20
"""Characters read at a time."""
_BATCH_CHARS = 8 * CHUNK
_BEGINS = re.compile(r"\s*\[\s*(\{|\]\s*$)")
_NEXT = re.compile(r'(?:\}\s*,|(,)|\n)\s*(?=\{\s*"([^"\\\n]{1,200})"\s*:)')
"""Where an object may begin, and its first key; `,` alone tells least."""
_TAIL = 1024
"""Characters that `_NEXT` may need to be told."""
_BETWEEN = re.compile(r"[\s,]*")
_MAY_GO_ON = ("Unterminated string", "Expecting value", "Invalid \\")


def is_array(beginning: str) -> bool:
    """Whether a file that begins so is an array of objects."""
    return _BEGINS.match(beginning) is not None


@dataclass(frozen=True)
class JsonArray:
    """A file `[{...}, {...}]`; a `RowSource`. A bad object costs itself only: reading goes on where the next
    one begins."""

    path: Path
    name: str
    columns: Sequence[str] = ()
    """Keys of the rows, as far as known from the first ones."""
    flatten: Flatten = one_row
    encoding: str = "utf-8"

    def batches(self, wanted: frozenset[str] | None = None) -> Iterator[RawBatch]:
        """See `RowSource`. Raises `UnreadableInput` when the file cannot be opened."""
        with open_text(self.path, self.name, self.encoding) as stream:
            members = _Members(stream, self.name)
            rows: list[Record] = []
            lines: list[int] = []
            for record, line, size in members:
                if record is not None:
                    made = self.flatten(record)
                    rows.extend(made)
                    lines.extend([line] * len(made))
                if len(rows) >= BATCH_ROWS or size >= _BATCH_CHARS:
                    yield _batch(rows, lines, wanted, members.take_problems())
                    rows, lines = [], []
            yield _batch(rows, lines, wanted, members.take_problems() + stream.problems)


def first_members(path: Path, name: str, limit: int = 20) -> list[Record]:
    """The first objects of the array."""
    found: list[Record] = []
    with open_text(path, name) as stream:
        for record, _, _ in _Members(stream, name):
            if record is not None:
                found.append(record)
            if len(found) >= limit:
                break
    return found


class _Members:
    """(object, its line, characters since the problems were last taken); None where there is no object."""

    def __init__(self, stream: TextStream, name: str) -> None:
        self._stream = stream
        self._name = name
        self._text = ""
        self._at = 0
        self._line = 1
        self._size = 0
        self._ended = False
        self._problems: list[Problem] = []
        self._decoder = json.JSONDecoder()
        self._keys: frozenset[str] = frozenset()  # of the last member: they tell members from what is in them

    def __iter__(self) -> Iterator[tuple[Record | None, int, int]]:
        self._more(CHUNK)
        self._go_to(self._text.find("[") + 1)
        while self._at_member():
            line, start = self._line, self._at
            record = self._member()
            self._size += self._at - start
            yield record, line, self._size

    def take_problems(self) -> list[Problem]:
        """What was no object since the last call."""
        taken, self._problems, self._size = self._problems, [], 0
        return taken

    def _at_member(self) -> bool:
        """Go to where the next member begins; False at the array's end."""
        while True:
            between = _BETWEEN.match(self._text, self._at)
            assert between is not None
            self._go_to(between.end())
            if self._at < len(self._text):
                if self._text[self._at] != "]":
                    return True
                if not self._something_after():
                    return False
                self._skip_bad()
                continue
            if not self._more(CHUNK):
                self._reject(Reason.TRUNCATED_INPUT, Outcome.INCOMPLETE, "the array is not closed")
                return False

    def _member(self) -> Record | None:
        chunk = CHUNK
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                goes_on = error.pos >= len(self._text) - 16 or error.msg.startswith(_MAY_GO_ON)
                if goes_on and len(self._text) - self._at < MAX_LINE_CHARS and self._more(chunk):
                    chunk *= 2
                    continue
                self._skip_bad()
                return None
            except RecursionError:
                self._skip_bad()
                return None
            if isinstance(value, dict):
                self._go_to(end)
                self._keys = frozenset(value)
                return value
            self._reject(Reason.BAD_JSON, Outcome.REJECTED, excerpt(self._text[self._at : end]))
            self._go_to(end)
            return None

    def _skip_bad(self) -> None:
        """Reject what begins here, go on where the next member seems to begin."""
        self._reject(Reason.BAD_JSON, Outcome.REJECTED, excerpt(self._text[self._at : self._at + 400]))
        start = self._at + 1
        while True:
            for found in _NEXT.finditer(self._text, start):
                if found[2] in self._keys or (not self._keys and found[1] is None):
                    self._go_to(found.end())
                    return
            self._go_to(min(max(start, len(self._text) - _TAIL), len(self._text)))
            if not self._more(CHUNK):
                self._go_to(len(self._text))
                return
            start = 0

    def _something_after(self) -> bool:
        """Whether more than blanks follows a bracket that ought to end the array."""
        while not self._text[self._at + 1 :].strip():
            if not self._more(CHUNK):
                return False
        return True

    def _reject(self, reason: Reason, outcome: Outcome, text: str) -> None:
        self._problems.append(Problem(self._name, self._line, reason, outcome, text))

    def _more(self, chars: int) -> bool:
        """Read on; False at the end of the file. What was consumed is forgotten."""
        read = "" if self._ended else self._stream.read(chars)
        self._ended = not read
        self._text, self._at = self._text[self._at :] + read, 0
        return bool(read)

    def _go_to(self, end: int) -> None:
        self._line += self._text.count("\n", self._at, end)
        self._at = end


def _batch(
    rows: list[Record], lines: list[int], wanted: frozenset[str] | None, problems: list[Problem]
) -> RawBatch:
    columns, not_utf8 = record_columns(rows, wanted)
    unread = sum(problem.rows for problem in problems if problem.outcome is Outcome.REJECTED)
    return RawBatch(np.array(lines, dtype=np.int64), columns, not_utf8, problems, unread, rows)
