"""Rows of `POST /v1/events` -> a frame of events; each row is judged by itself."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from graph.event_id import event_ids
from graph.event_type import EventType
from graph.frames import EVENT_SCHEMA
from graph.ids import MAX_ID_BYTES, id_problem
from graph.instant import TimeRules, now_microseconds, parse_times

MAX_TEXT_CHARS = 20_000
_MAX_NUMBER = 3e38
"""Ratings and quantities are stored as float32."""
_MAX_INTEGER = 2**63


@dataclass(frozen=True)
class RowProblem:
    """Why a row cannot be accepted."""

    reason: str
    """One of a small set, such as `id_too_long`."""
    detail: str


@dataclass(frozen=True)
class EventRows:
    """What became of the rows of one request."""

    events: pl.DataFrame
    """Valid rows, of `EVENT_SCHEMA`, in their order."""
    positions: list[int]
    """Place of each valid row among all."""
    problems: dict[int, RowProblem]
    """Place of each other row -> why."""


class _BadField(Exception):
    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.problem = RowProblem(reason, detail)


def read_event_rows(rows: Sequence[Any], now: int | None = None) -> EventRows:
    """Check every row against the rules of the domain. now: microseconds UTC (default: the clock)."""
    now = now_microseconds() if now is None else now
    problems: dict[int, RowProblem] = {}
    good: dict[int, dict[str, Any]] = {}
    for place, row in enumerate(rows):
        try:
            good[place] = _fields(row)
        except _BadField as error:
            problems[place] = error.problem
    times = _times({place: row.pop("timestamp") for place, row in good.items()}, now)
    for place, at in times.items():
        if isinstance(at, RowProblem):
            problems[place] = at
            del good[place]
        else:
            good[place]["at"] = at
    columns = {name: [row[name] for row in good.values()] for name in EVENT_SCHEMA}
    events = pl.DataFrame(columns, schema=EVENT_SCHEMA)
    return EventRows(_with_ids(events), list(good), problems)


def _fields(row: Any) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise _BadField("not_an_object", "an event is a JSON object")
    anonymous = row.get("user_id") is None
    return {
        "event_id": None if row.get("event_id") is None else _id(row, "event_id"),
        "user_id": _id(row, "session_id" if anonymous else "user_id"),
        "anonymous": anonymous,
        "item_id": _id(row, "item_id"),
        "event_type": _event_type(row.get("event_type")),
        "timestamp": row.get("timestamp"),
        "rating": _number(row, "rating"),
        "review_text": _text(row, "review_text"),
        "quantity": _number(row, "quantity"),
        "value": _number(row, "value"),
        "helpful": _count(row, "helpful"),
    }


def _id(row: dict[str, Any], name: str) -> str:
    value = row.get(name)
    if value is None:
        wanted = "user_id or session_id" if name == "session_id" else name
        raise _BadField("empty_id", f"{wanted} is missing")
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e18:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18:
        value = str(value)  # a number is its decimal text, in files as here
    if not isinstance(value, str):
        raise _BadField("bad_id", f"{name}: a string is needed")
    reason = id_problem(value)
    if reason is not None:
        raise _BadField(reason, f"{name}: ids are UTF-8 strings of 1 to {MAX_ID_BYTES} bytes")
    return value


def _event_type(value: Any) -> str:
    if value is None:
        return EventType.VIEW_ITEM.value
    if not isinstance(value, str) or value not in set(EventType):
        raise _BadField("unknown_event_type", f"event_type: one of {', '.join(EventType)}")
    return value


def _number(row: dict[str, Any], name: str) -> float | None:
    value = row.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _BadField(f"bad_{name}", f"{name}: a number is needed")
    if not abs(value) < _MAX_NUMBER:
        raise _BadField(f"bad_{name}", f"{name}: a finite number is needed")
    return float(value)


def _count(row: dict[str, Any], name: str) -> int | None:
    number = _number(row, name)
    if number is None:
        return None
    if not 0 <= number < _MAX_INTEGER or not number.is_integer():
        raise _BadField(f"bad_{name}", f"{name}: a whole number from 0 on is needed")
    return int(number)


def _text(row: dict[str, Any], name: str) -> str | None:
    value = row.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise _BadField("bad_text", f"{name}: a string is needed")
    if len(value) > MAX_TEXT_CHARS:
        raise _BadField("text_too_long", f"{name}: at most {MAX_TEXT_CHARS} characters")
    if not _is_utf8(value):
        raise _BadField("text_not_utf8", f"{name}: is not UTF-8")
    return value


def _times(stamps: dict[int, Any], now: int) -> dict[int, int | RowProblem]:
    """Microseconds UTC of each row, column-wise by kind of spelling; a missing time is now."""
    whole: dict[int, Any] = {}
    decimal: dict[int, Any] = {}
    text: dict[int, Any] = {}
    read: dict[int, int | RowProblem] = {}
    for place, stamp in stamps.items():
        if stamp is None:
            read[place] = now
        elif isinstance(stamp, str) and _is_utf8(stamp):
            text[place] = stamp
        elif isinstance(stamp, float) and math.isfinite(stamp):
            decimal[place] = stamp
        elif isinstance(stamp, int) and not isinstance(stamp, bool) and abs(stamp) < _MAX_INTEGER:
            whole[place] = stamp
        else:
            read[place] = _bad_time("bad_timestamp")
    for column, dtype in ((whole, pl.Int64()), (decimal, pl.Float64()), (text, pl.String())):
        if column:
            read |= _parsed(column, dtype, now)
    return read


def _parsed(column: dict[int, Any], dtype: pl.DataType, now: int) -> dict[int, int | RowProblem]:
    parsed = parse_times(pl.Series(list(column.values()), dtype=dtype), TimeRules(), now)
    outcomes = zip(column, parsed.at, parsed.problem, strict=True)
    return {place: at if reason is None else _bad_time(reason) for place, at, reason in outcomes}


def _bad_time(reason: str) -> RowProblem:
    return RowProblem(
        reason, "timestamp: Unix seconds, ms or µs, or ISO 8601; from 1990 to at most one day ahead"
    )


def _with_ids(events: pl.DataFrame) -> pl.DataFrame:
    """Rows without an id get the hash of their other fields."""
    if events["event_id"].null_count() == 0:
        return events
    return events.with_columns(event_id=pl.coalesce(pl.col("event_id"), event_ids(events)))


def _is_utf8(value: str) -> bool:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
