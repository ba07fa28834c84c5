"""Rows as they stand in a file: columns of text before any rule of the domain is applied."""

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from graph.formats.problem import Outcome, Problem

BATCH_ROWS = 32_768
"""Rows of one batch; with `BATCH_CHARS` it bounds the memory of a load."""
BATCH_CHARS = 24 * 1024 * 1024

_UNDECODED = re.compile("[\ud800-\udfff]")
_UNDECODED_CLASS = "[\udc80-\udcff]"


@dataclass(frozen=True)
class RawBatch:
    """Some rows of one file, column by column."""

    lines: npt.NDArray[np.int64]
    """Line on which each row starts (Parquet: its number), shape (n,)."""
    columns: dict[str, pl.Series]
    """Text (lists and objects as JSON text) or, from Parquet, numbers and times; null where empty."""
    not_utf8: dict[str, pl.Series] = field(default_factory=dict)
    """Column -> Boolean, for columns in which some text was not UTF-8 (mended by guess)."""
    problems: list[Problem] = field(default_factory=list)
    """Rows that could not be read at all; they are not in `columns`."""
    unread: int = 0
    """Rows among `problems` that count as read."""
    records: list[dict[str, Any]] | None = None
    """The rows as objects, where the file has objects."""

    def __len__(self) -> int:
        return len(self.lines)


class RowSource(Protocol):
    """A file of rows that can be read any number of times."""

    @property
    def name(self) -> str:
        """Name of the file within the folder that was opened."""

    @property
    def columns(self) -> Sequence[str]:
        """Names of its columns (of JSON: the keys of the first records)."""

    def batches(self, wanted: frozenset[str] | None = None) -> Iterator[RawBatch]:
        """Read from the start; of columns beyond `wanted` (None: all) nothing need be delivered."""


def text_column(name: str, values: Sequence[str | None]) -> tuple[pl.Series, pl.Series | None]:
    """Texts -> String series ("" becomes null), and which rows were not UTF-8 (None: all were).

    Bytes that are not UTF-8 (lone surrogates here) are read as Windows-1252, their likeliest origin.
    """
    marks = None
    try:
        series = pl.Series(name, values, dtype=pl.String)
    except UnicodeEncodeError:
        marks = pl.Series(name, [v is not None and _UNDECODED.search(v) is not None for v in values])
        series = pl.Series(name, [mended(v) for v in values], dtype=pl.String)
    empty = series == ""
    if empty.any():
        series = series.set(empty, None)
    return series, marks


def text_batch(
    names: Sequence[str],
    rows: Sequence[Sequence[str | None]],
    lines: Sequence[int],
    problems: list[Problem],
    wanted: frozenset[str] | None,
) -> RawBatch:
    """Rows of texts, each as long as `names`, as a batch of the columns that are wanted (None: all)."""
    columns, not_utf8 = {}, {}
    for name, values in zip(names, zip(*rows, strict=True), strict=False):
        if wanted is not None and name not in wanted:
            continue
        columns[name], marks = text_column(name, values)
        if marks is not None:
            not_utf8[name] = marks
    unread = sum(problem.rows for problem in problems if problem.outcome is Outcome.REJECTED)
    return RawBatch(np.array(lines, dtype=np.int64), columns, not_utf8, problems, unread)


def mended(value: str | None) -> str | None:
    """A text without lone surrogates."""
    if value is None or _UNDECODED.search(value) is None:
        return value
    guessed = re.sub(
        _UNDECODED_CLASS, lambda m: bytes([ord(m[0]) - 0xDC00]).decode("cp1252", "replace"), value
    )
    return _UNDECODED.sub("�", guessed)


def as_text(value: object) -> str | None:
    """A value of a record as text: numbers in decimals (12345.0 is `12345`), objects as JSON."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if abs(value) < 10**300 else "1e300"
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return str(int(value)) if value.is_integer() and abs(value) < 1e18 else repr(value)
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        return None


def record_columns(
    records: list[dict[str, Any]], wanted: frozenset[str] | None
) -> tuple[dict[str, pl.Series], dict[str, pl.Series]]:
    """Objects -> columns of text, and the marks of `text_column`."""
    names: dict[str, None] = {}
    for record in records:
        names.update(dict.fromkeys(record))
    columns, not_utf8 = {}, {}
    for name in names:
        if wanted is not None and name not in wanted:
            continue
        safe = mended(name) or ""
        columns[safe], marks = text_column(safe, [as_text(record.get(name)) for record in records])
        if marks is not None:
            not_utf8[safe] = marks
    return columns, not_utf8
