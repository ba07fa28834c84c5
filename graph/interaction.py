"""What a shopper did with an item, one object or one frame row each."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, fields

import polars as pl

from graph.errors import InvalidEvent
from graph.event_type import EventType
from graph.frames import EVENT_SCHEMA, SEQUENCED_EVENT_SCHEMA
from graph.ids import MAX_ID_BYTES, check_id

REQUIRED = ("event_id", "user_id", "anonymous", "item_id", "event_type", "at")


@dataclass(frozen=True)
class Interaction:
    """One event. Raises `InvalidEvent` when made with values that break a rule."""

    event_id: str
    """1 to 512 bytes; the shop's own or a hash of the other fields."""
    user_id: str
    """1 to 512 bytes; the session's id where `anonymous`."""
    item_id: str
    event_type: EventType
    at: int
    """Microseconds since 1970-01-01 UTC."""
    anonymous: bool = False
    """True: a session without a user."""
    rating: float | None = None
    review_text: str | None = None
    quantity: float | None = None
    """Pieces; negative means a refund of so many."""
    value: float | None = None
    """Money, in the shop's currency."""
    helpful: int | None = None
    """How many people found the review helpful when the event was first told of; 0 or more."""

    def __post_init__(self) -> None:
        """Check every field."""
        for name in ("event_id", "user_id", "item_id"):
            check_id(getattr(self, name), name)
        if self.event_type not in set(EventType):
            raise InvalidEvent(f"event_type: {self.event_type!r} is none of {', '.join(EventType)}")
        if isinstance(self.at, bool) or not isinstance(self.at, int) or not -(2**63) <= self.at < 2**63:
            raise InvalidEvent(f"at: {self.at!r} is no number of microseconds (64 bits)")
        for name in ("rating", "quantity", "value"):
            number = getattr(self, name)
            if number is not None and not math.isfinite(number):
                raise InvalidEvent(f"{name}: {number} is not a finite number")
        votes = self.helpful
        if votes is not None and (type(votes) is not int or not 0 <= votes < 2**63):
            raise InvalidEvent(f"helpful: {votes!r} is no count")

    @staticmethod
    def to_frame(interactions: Iterable["Interaction"]) -> pl.DataFrame:
        """A frame of `EVENT_SCHEMA`, one row per interaction, in their order."""
        names = [one.name for one in fields(Interaction)]
        rows = [astuple(one) for one in interactions]
        columns: dict[str, tuple[object, ...]] = dict(zip(names, zip(*rows, strict=True), strict=False))
        return pl.DataFrame({name: columns.get(name, ()) for name in EVENT_SCHEMA}, schema=EVENT_SCHEMA)

    @staticmethod
    def from_frame(events: pl.DataFrame) -> list["Interaction"]:
        """The rows of a frame of `EVENT_SCHEMA` as objects."""
        rows = events.select(list(EVENT_SCHEMA)).iter_rows(named=True)
        return [Interaction(**{**row, "event_type": _event_type(row["event_type"])}) for row in rows]


def check_columns(events: pl.DataFrame, schema: Mapping[str, pl.DataType] = EVENT_SCHEMA) -> pl.DataFrame:
    """The columns of the schema, in its order. Raises `InvalidEvent`: one is missing or of another type."""
    found = events.schema
    for name, dtype in schema.items():
        if name not in found:
            raise InvalidEvent(f"{name}: the column is missing")
        if found[name] != dtype:
            raise InvalidEvent(f"{name}: the column is {found[name]}, not {dtype}")
    return events if list(found) == list(schema) else events.select(list(schema))


def check_events(events: pl.DataFrame) -> pl.DataFrame:
    """The columns of `EVENT_SCHEMA`, in its order. Raises `InvalidEvent` for the first broken rule."""
    checked = check_columns(events)
    for name in REQUIRED:
        if checked[name].null_count():
            raise InvalidEvent(f"{name}: missing in row {checked[name].is_null().arg_max()}")
    for name in ("event_id", "user_id", "item_id"):
        bad = ~checked[name].str.len_bytes().is_between(1, MAX_ID_BYTES)
        if bad.any():
            raise InvalidEvent(f"{name}: not 1 to {MAX_ID_BYTES} bytes in row {bad.arg_max()}")
    bad = ~checked["event_type"].is_in(list(EventType))
    if bad.any():
        unknown = checked["event_type"].filter(bad)[0]
        raise InvalidEvent(f"event_type: unknown {unknown!r} in row {bad.arg_max()}")
    bad = (checked["helpful"] < 0).fill_null(value=False)
    if bad.any():
        raise InvalidEvent(f"helpful: less than 0 in row {bad.arg_max()}")
    return checked


def check_sequenced(events: pl.DataFrame, upto_seq: int) -> pl.DataFrame:
    """The columns of `SEQUENCED_EVENT_SCHEMA`, ascending by `seq`.

    Raises `InvalidEvent`: a column is missing or of another type, a `seq` repeats, is missing, or lies
    beyond `upto_seq`.
    """
    checked = check_columns(events, SEQUENCED_EVENT_SCHEMA).sort("seq", nulls_last=False)
    seq = checked["seq"]
    if seq.null_count() or not seq.is_unique().all():
        raise InvalidEvent("seq: missing or repeated")
    if len(seq) and seq[-1] > upto_seq:
        raise InvalidEvent(f"seq: {seq[-1]} lies beyond the announced end {upto_seq}")
    return checked


def _event_type(value: str) -> EventType:
    try:
        return EventType(value)
    except ValueError:
        raise InvalidEvent(f"event_type: {value!r} is none of {', '.join(EventType)}") from None
