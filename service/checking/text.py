"""A check as text."""

from collections.abc import Sequence
from textwrap import TextWrapper

from service.checking.words import Section, Table

WIDTH = 100
MAX_CELL = 90

_WRAPPER = TextWrapper(WIDTH, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False)


def as_text(title: str, parts: Sequence[Section]) -> str:
    """Headings underlined, sentences wrapped, tables in columns."""
    lines = [title, "=" * len(title)]
    for part in parts:
        lines += ["", part.title, "-" * len(part.title)]
        lines += _wrapped(part.lines)
        for table in part.tables:
            lines += _table(table)
        lines += _wrapped(part.after)
    return "\n".join(lines) + "\n"


def _wrapped(sentences: Sequence[str]) -> list[str]:
    return [line for sentence in sentences for line in _WRAPPER.wrap(sentence)]


def _table(table: Table) -> list[str]:
    rows = [tuple(_cell(cell) for cell in row) for row in (table.header, *table.rows)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(table.header))]
    return ["  " + "  ".join(_padded(row, widths)).rstrip() for row in rows]


def _padded(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [
        cell.ljust(width) if place == 0 else cell.rjust(width)
        for place, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]


def _cell(text: str) -> str:
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return printable if len(printable) <= MAX_CELL else printable[: MAX_CELL - 1] + "…"
