"""The port of readers: any shop's files as clean frames."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import polars as pl

from graph.formats.problem import Outcome, Problem


@dataclass(frozen=True)
class Batch:
    """Some rows of one file, or none where that is all it holds. Over a whole file `read = len(frame) +
    duplicates + rejected rows`."""

    file: str
    """Name of the file within the folder that was opened."""
    frame: pl.DataFrame
    """Clean rows of `ITEM_SCHEMA`, `EVENT_SCHEMA` or `LINK_SCHEMA`, in the file's order."""
    read: int
    """Rows of the file that this batch accounts for."""
    problems: list[Problem] = field(default_factory=list)
    """Every rejected or repaired row, and where a file could not be read to its end."""
    duplicates: int = 0
    """Items, links: rows that repeat another one (items: of any file) and went into it."""

    @property
    def rejected(self) -> int:
        """How many of the rows were left out."""
        return sum(p.rows for p in self.problems if p.outcome is Outcome.REJECTED)


class ShopReader(Protocol):
    """A shop's files, recognised. Each method may be called any number of times and reads anew."""

    @property
    def format(self) -> str:
        """What the files were taken for: one of `FORMATS`, or `table:<mapping>`."""

    @property
    def notes(self) -> Sequence[str]:
        """What a person should know: columns and files that are not read. One line each."""

    def items(self) -> Iterator[Batch]:
        """Items, each id once (the last row wins, its empty fields filled from earlier ones)."""

    def events(self) -> Iterator[Batch]:
        """Events with their ids; the log, not the reader, knows which are duplicates."""

    def links(self) -> Iterator[Batch]:
        """Item-item truth for evaluation."""
