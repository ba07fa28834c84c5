"""Rows of a file that tells no time, dated by their order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from graph.formats.problem import Reason
from graph.formats.raw_batch import RawBatch, RowSource
from graph.formats.verdicts import repairs

TIME_COLUMN = "timestamp"
START = 946_684_800
"""2000-01-01 UTC, Unix seconds: the time of a row is so many seconds later as its line has number."""


@dataclass(frozen=True)
class OrderedRows:
    """A `RowSource` with a column of times (Unix seconds) that the file lacks; every row is counted as
    `time_from_order`. A file that grows at its end keeps the times of its old rows."""

    source: RowSource

    @property
    def name(self) -> str:
        """See `RowSource`."""
        return self.source.name

    @property
    def columns(self) -> Sequence[str]:
        """See `RowSource`."""
        return (*self.source.columns, TIME_COLUMN)

    def batches(self, wanted: frozenset[str] | None = None) -> Iterator[RawBatch]:
        """See `RowSource`."""
        for raw in self.source.batches(wanted):
            times = pl.Series(TIME_COLUMN, START + raw.lines, dtype=pl.Int64)
            every = {Reason.TIME_FROM_ORDER.value: np.ones(len(raw), dtype=bool)}
            yield replace(
                raw,
                columns={**raw.columns, TIME_COLUMN: times},
                problems=[*raw.problems, *repairs(self.name, raw.lines, every)],
            )
