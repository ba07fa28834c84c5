"""Read a shop's files once, keep what a report needs: counts, examples, texts, the outline of each event."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import polars as pl

from graph.event_type import EventType
from graph.formats import Batch, Counts, Problem, ShopReader
from graph.frames import EVENT_SCHEMA, LINK_SCHEMA, empty_events, empty_items

NEWEST_EVENTS = 60_000
"""Newest events that are kept whole, for the trial."""
DESCRIPTION_LETTERS = 600
"""More than an encoder reads of a description; the rest need not be held in memory."""
LARGEST_ROWS = 100
"""Rows of the greatest quantities that are kept as examples."""
KINDS = ("items", "events", "links")

OUTLINE_SCHEMA: dict[str, pl.DataType] = {
    "user": pl.UInt64(),  # a hash: 8 bytes however long the id is
    "anonymous": pl.Boolean(),
    "item": pl.UInt64(),
    "event_type": pl.Enum([kind.value for kind in EventType]),
    "at": pl.Int64(),
    "has_text": pl.Boolean(),  # of a review
    "has_votes": pl.Boolean(),
}


@dataclass
class Scan:
    """What was in the files."""

    format: str
    notes: list[str] = field(default_factory=list)
    counts: dict[str, Counts] = field(default_factory=lambda: {kind: Counts() for kind in KINDS})
    examples: dict[tuple[str, str, str], list[Problem]] = field(default_factory=dict)
    """(kind, outcome, reason) -> the first problems of that sort."""
    items: pl.DataFrame = field(default_factory=empty_items)
    """Each item once (the last one wins), of `ITEM_SCHEMA`; descriptions cut, attributes left out."""
    outline: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=OUTLINE_SCHEMA))
    """Every event once."""
    user_names: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(schema={"user": pl.UInt64(), "user_id": pl.String()})
    )
    newest: pl.DataFrame = field(default_factory=empty_events)
    """The newest events, each once, without refunds and review texts."""
    links: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=LINK_SCHEMA))
    quantities: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(schema={"number": pl.Float32(), "rows": pl.UInt32()})
    )
    """Every quantity without its sign, and how many rows have it."""
    largest: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(schema={"item_id": pl.String(), "number": pl.Float32()})
    )
    """The rows of the greatest quantities."""


def scan(reader: ShopReader, examples: int, on_rows: Callable[[int, str], None]) -> Scan:
    """Read everything; nothing is stored. on_rows: called with (rows so far, "items" or "events")."""
    found = Scan(reader.format)
    _scan_items(reader.items(), found, examples, on_rows)
    _scan_events(reader.events(), found, examples, on_rows)
    links = [_counted(batch, "links", found, examples) for batch in reader.links()]
    if links:
        found.links = pl.concat(links)
    found.notes = list(reader.notes)
    return found


def _counted(batch: Batch, kind: str, found: Scan, examples: int) -> pl.DataFrame:
    found.counts[kind].add_batch(batch)
    for problem in batch.problems:
        known = found.examples.setdefault((kind, problem.outcome.value, str(problem.reason)), [])
        if len(known) < examples:
            known.append(problem)
    return batch.frame


def _scan_items(
    batches: Iterable[Batch], found: Scan, examples: int, on_rows: Callable[[int, str], None]
) -> None:
    frames = []
    for batch in batches:
        frame = _counted(batch, "items", found, examples)
        frames.append(
            frame.with_columns(
                pl.col("description").str.slice(0, DESCRIPTION_LETTERS), attributes=pl.lit("{}")
            )
        )
        on_rows(found.counts["items"].read, "items")
    if not frames:
        return
    items = pl.concat(frames)
    found.items = items.unique("item_id", keep="last", maintain_order=True)
    found.counts["items"].mark_duplicates(items.height - found.items.height)


def _scan_events(
    batches: Iterable[Batch], found: Scan, examples: int, on_rows: Callable[[int, str], None]
) -> None:
    outlines = [found.outline.with_columns(event=pl.lit(0, pl.UInt64))]
    names = [found.user_names]
    for batch in batches:
        frame = _counted(batch, "events", found, examples)
        who = pl.when("anonymous").then(pl.lit("s")).otherwise(pl.lit("u")) + pl.col("user_id")
        hashed = frame.with_columns(
            user=who.hash(),
            item=pl.col("item_id").hash(),
            event=pl.col("event_id").hash(),
            has_text=pl.col("review_text").is_not_null(),
            has_votes=pl.col("helpful").is_not_null(),
        )
        columns = [pl.col(name).cast(kind) for name, kind in OUTLINE_SCHEMA.items()]
        outlines.append(hashed.select(*columns, "event"))
        names.append(hashed.select("user", "user_id").unique())
        found.newest = _newer(found.newest, frame)
        _note_quantities(frame, found)
        on_rows(found.counts["events"].read, "events")
    every = pl.concat(outlines)
    once = every.unique("event", keep="first", maintain_order=True)
    found.counts["events"].mark_duplicates(every.height - once.height)
    found.outline = once.drop("event")
    found.user_names = pl.concat(names).unique("user")
    found.newest = found.newest.unique("event_id").sort("at", "event_id").tail(NEWEST_EVENTS)


def _note_quantities(frame: pl.DataFrame, found: Scan) -> None:
    numbers = frame.select("item_id", pl.col("quantity").abs().alias("number")).filter(pl.col("number") > 0)
    counted = numbers.group_by("number").len("rows").cast({"rows": pl.UInt32})
    found.quantities = pl.concat([found.quantities, counted]).group_by("number").sum()
    found.largest = pl.concat([found.largest, numbers]).top_k(LARGEST_ROWS, by="number")


def _newer(newest: pl.DataFrame, frame: pl.DataFrame) -> pl.DataFrame:
    """Both frames' newest events; cut down only now and then, as sorting is what costs."""
    frame = frame.filter(pl.col("event_type") != EventType.REFUND.value)
    frame = frame.with_columns(review_text=pl.lit(None, pl.String)).select(list(EVENT_SCHEMA))
    both = pl.concat([newest, frame])
    if both.height < 4 * NEWEST_EVENTS:
        return both
    return both.unique("event_id").sort("at", "event_id").tail(NEWEST_EVENTS)
