"""LightGCN's split: `train.txt` and `test.txt`, each line a user and the items that they took.

The files tell no time. The k-th item of a user's line gets the k-th second after a fixed instant, the test
file's the same a year later: every user's own order is kept, all of train precedes all of test, and no two
items of one user share a time, so no baskets are made up. Every row is counted as `time_from_order`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from graph.cleaning import CleaningRules
from graph.errors import UnreadableInput
from graph.formats.event_rows import event_batch
from graph.formats.fields import EventFields, Field
from graph.formats.probe import Kind, Probe
from graph.formats.problem import Outcome, Problem, Reason, excerpt
from graph.formats.raw_batch import BATCH_ROWS, RawBatch, text_column
from graph.formats.shop_reader import Batch
from graph.formats.text_stream import open_text
from graph.formats.verdicts import repairs

TRAIN, TEST = "train", "test"
_START = {TRAIN: 946_684_800, TEST: 978_307_200}  # 2000-01-01 and 2001-01-01 UTC
_ARE_IDS = re.compile(r"[0-9]+( [0-9]+)*\s*")
_FIELDS = EventFields(Field(("item_id",)), Field(("timestamp",)), user_id=Field(("user_id",)))


@dataclass(frozen=True)
class LightGcnShop:
    """A `ShopReader` of a given split; `part_events` reads one side of it."""

    parts: dict[str, Probe]
    """`train` and `test`, where present."""
    format: str = "lightgcn"
    notes: Sequence[str] = ("the files tell no time: events are dated by their order",)

    def items(self) -> Iterator[Batch]:
        """None: the format has no items of its own."""
        return iter(())

    def links(self) -> Iterator[Batch]:
        """None."""
        return iter(())

    def events(self) -> Iterator[Batch]:
        """See `ShopReader`; train first."""
        for part in self.parts:
            yield from self.part_events(part)

    @property
    def test_from(self) -> int | None:
        """Time of the earliest test event, microseconds; None without a test file."""
        return _START[TEST] * 1_000_000 if TEST in self.parts else None

    def part_events(self, part: str) -> Iterator[Batch]:
        """Events of `train` or `test`. Raises `KeyError` for a part that the folder lacks."""
        probe = self.parts[part]
        for raw in _batches(probe, _START[part]):
            batch = event_batch(probe.name, raw, _FIELDS, CleaningRules())
            dated = repairs(
                probe.name, raw.lines, {Reason.TIME_FROM_ORDER.value: np.ones(len(raw), dtype=bool)}
            )
            yield Batch(batch.file, batch.frame, batch.read, [*batch.problems, *dated])


def recognises(probes: Sequence[Probe]) -> bool:
    """Whether there is a file of bare ids named `train` or `test`."""
    return any(p.kind is Kind.NUMBERS and p.stem in (TRAIN, TEST) for p in probes)


def read_lightgcn(probes: Sequence[Probe]) -> LightGcnShop:
    """A reader of the split. Raises `UnreadableInput` when it has neither side."""
    parts = {part: p for part in (TRAIN, TEST) for p in probes if p.kind is Kind.NUMBERS and p.stem == part}
    if not parts:
        raise UnreadableInput("no train.txt or test.txt with lines of `user item item ...`")
    return LightGcnShop(parts)


def _batches(probe: Probe, start: int) -> Iterator[RawBatch]:
    with open_text(probe.path, probe.name) as stream:
        no_ids: list[Problem] = []
        users: list[str] = []
        items: list[str] = []
        times: list[int] = []
        lines: list[int] = []
        for line in stream:
            user, *taken = line.split() or [""]
            if not _ARE_IDS.fullmatch(line):
                kept = [item for item in taken if _may_be_id(item)] if _may_be_id(user) else []
                bad = len(taken) - len(kept)
                no_ids += [
                    Problem(probe.name, stream.number, Reason.BAD_ID, Outcome.REJECTED, excerpt(line))
                ] * bad
                taken = kept
            items += taken
            users += [user] * len(taken)
            times += range(start, start + len(taken))
            lines += [stream.number] * len(taken)
            if len(items) >= BATCH_ROWS:
                yield _raw(users, items, times, lines, no_ids)
                users, items, times, lines, no_ids = [], [], [], [], []
        yield _raw(users, items, times, lines, no_ids + stream.problems)


def _may_be_id(text: str) -> bool:
    """Ids of the format are numbers; bytes that are no text are told of by `id_not_utf8`."""
    return text.isdecimal() or any("\ud800" <= letter <= "\udfff" for letter in text)


def _raw(
    users: list[str], items: list[str], times: list[int], lines: list[int], problems: list[Problem]
) -> RawBatch:
    columns = {"timestamp": pl.Series("timestamp", times, dtype=pl.Int64)}
    not_utf8 = {}
    for name, ids in (("user_id", users), ("item_id", items)):
        columns[name], marks = text_column(name, ids)
        if marks is not None:
            not_utf8[name] = marks
    rejected = sum(problem.outcome is Outcome.REJECTED for problem in problems)
    return RawBatch(np.array(lines, dtype=np.int64), columns, not_utf8, problems, rejected)
