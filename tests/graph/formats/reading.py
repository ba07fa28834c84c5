"""What the tests of readers share: a whole pass over a reader, files made on the spot."""

import gzip
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from graph.formats import Batch, Counts, Problem
from graph.frames import EVENT_SCHEMA, ITEM_SCHEMA, LINK_SCHEMA


@dataclass
class Pass:
    """Everything that one pass gave."""

    frame: pl.DataFrame
    counts: Counts
    problems: list[Problem]
    by_file: dict[str, Counts] = field(default_factory=dict)

    def lines(self, reason: str) -> list[int]:
        """Lines of the problems of one reason."""
        return [problem.line for problem in self.problems if problem.reason == reason]


def read(batches: Iterable[Batch], schema: dict[str, pl.DataType]) -> Pass:
    """Run through batches; every frame must have the schema and every file's counts must balance."""
    frames, counts = [pl.DataFrame(schema=schema)], Counts()
    problems: list[Problem] = []
    by_file: dict[str, Counts] = {}
    for batch in batches:
        assert dict(batch.frame.schema) == schema
        frames.append(batch.frame)
        counts.add_batch(batch)
        by_file.setdefault(batch.file, Counts()).add_batch(batch)
        problems += batch.problems
    assert all(tally.balanced for tally in by_file.values())
    return Pass(pl.concat(frames), counts, problems, by_file)


def events(batches: Iterator[Batch]) -> Pass:
    """A pass over events."""
    return read(batches, EVENT_SCHEMA)


def items(batches: Iterator[Batch]) -> Pass:
    """A pass over items; each id once per file."""
    return read(batches, ITEM_SCHEMA)


def links(batches: Iterator[Batch]) -> Pass:
    """A pass over links."""
    return read(batches, LINK_SCHEMA)


def write(path: Path, content: str | bytes) -> Path:
    """Write a file; gzip where its name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path
