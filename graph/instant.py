"""Points in time: every accepted spelling becomes int64 microseconds since 1970 UTC.

Numbers are Unix seconds, milliseconds, microseconds or nanoseconds, told apart by size (no instant that
Ilk accepts is ambiguous); texts are ISO 8601 or one of the formats that a mapping names. A time without
zone is read in the mapping's zone and flagged as such.
"""

import re
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import polars as pl

from graph.errors import InvalidEvent

EARLIEST = 631_152_000_000_000
"""1990-01-01 UTC in microseconds: no shop's event is older."""
MAX_AHEAD = 86_400_000_000
"""One day in microseconds: clocks and zones may err by that much, not more."""

MISSING = "missing_timestamp"
BAD = "bad_timestamp"
OUT_OF_RANGE = "time_out_of_range"

_SECONDS_BELOW = 1e11
_MILLISECONDS_BELOW = 1e14
_MICROSECONDS_BELOW = 1e17
_BEYOND = 4_000_000_000_000_000_000  # no instant, whatever the unit; fits int64

_SPREADSHEET_EPOCH = 25_569
"""1970-01-01 as a spreadsheet's day number."""

_NUMBER = r"^[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?$"
_ISO = re.compile(
    r"^(?P<day>\d{4}-\d{2}-\d{2})"
    r"(?:[T ](?P<hour>\d{2}:\d{2})(?P<second>:\d{2})?(?P<fraction>[.,]\d{1,9})?"
    # a name after the offset, as Go prints times (Gorse's CSV), says nothing that the offset does not
    r" ?(?P<zone>Z|z|UTC|GMT|[+-](?:[01]\d|2[0-3]):?(?:[0-5]\d)?(?: [A-Z]{3,5})?)?)?$"
)


@dataclass(frozen=True)
class TimeRules:
    """How a column's times are written. Raises `ValueError` for an unknown zone."""

    formats: tuple[str, ...] = ()
    """`strptime` formats, tried first and in this order, e.g. `%d/%m/%Y %H:%M`."""
    timezone: str = "UTC"
    """IANA name of the zone of times that carry none."""
    spreadsheet_days: bool = False
    """Numbers are days since 1899-12-30 with the time of day behind the point, as spreadsheets keep them."""
    written_days: bool = False
    """Numbers are days written without marks, `20231114`, perhaps with the time: `202311141005`,
    `20231114100530`. As Unix times these are before 1990 or after 2600."""

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.timezone)
        except (KeyError, OSError, ValueError) as error:
            raise ValueError(f"timezone {self.timezone!r} is not an IANA time zone name") from error


@dataclass(frozen=True)
class ParsedTimes:
    """A column of times, read. All three have the column's length."""

    at: pl.Series
    """Int64 microseconds UTC; null where `problem` is set."""
    problem: pl.Series
    """String: `missing_timestamp`, `bad_timestamp`, `time_out_of_range`, or null."""
    without_zone: pl.Series
    """Boolean: read in the rules' zone for want of its own."""


def now_microseconds() -> int:
    """The present, microseconds since 1970 UTC."""
    return time.time_ns() // 1000


def parse_times(column: pl.Series, rules: TimeRules, now: int | None = None) -> ParsedTimes:
    """Read a column of times.

    column: String, any number, Date or Datetime. now: microseconds UTC against which "more than a day
    ahead" is judged (default: the clock).
    """
    limit = (now_microseconds() if now is None else now) + MAX_AHEAD
    column = column.alias("at")
    if rules.spreadsheet_days:
        column = _from_spreadsheet(column)
    elif rules.written_days:
        column = _from_written_days(column)
    if column.dtype == pl.Date or isinstance(column.dtype, pl.Datetime):
        at, naive = _from_datetimes(column, rules)
        missing = column.is_null()
    elif column.dtype.is_numeric():
        at, naive = _from_numbers(column), pl.Series([False]).new_from_index(0, len(column))
        missing = column.is_null() | column.cast(pl.Float64).is_nan().fill_null(value=True)
    else:
        texts = column.cast(pl.String).str.strip_chars()
        at, naive = _from_texts(texts, rules)
        missing = texts.is_null() | (texts == "").fill_null(value=True)
    frame = pl.DataFrame({"at": at, "missing": missing, "naive": naive})
    problem = (
        pl.when("missing")
        .then(pl.lit(MISSING))
        .when(pl.col("at").is_null())
        .then(pl.lit(BAD))
        .when((pl.col("at") < EARLIEST) | (pl.col("at") > limit))
        .then(pl.lit(OUT_OF_RANGE))
    )
    frame = frame.with_columns(problem=problem)
    kept = pl.col("problem").is_null()
    frame = frame.with_columns(
        at=pl.when(kept).then("at"), naive=pl.col("naive").fill_null(value=False) & kept
    )
    return ParsedTimes(frame["at"], frame["problem"], frame["naive"])


def parse_time(value: object, timezone: str = "UTC", now: int | None = None) -> int:
    """One time -> microseconds UTC. Raises `InvalidEvent` with the reason of `ParsedTimes.problem`."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | date | datetime | None):
        raise InvalidEvent(f"timestamp: {BAD} (a Unix time or an ISO 8601 text is needed)")
    if isinstance(value, int) and abs(value) > _BEYOND:
        raise InvalidEvent(f"timestamp: {OUT_OF_RANGE} ({value})")
    try:
        parsed = parse_times(pl.Series([value], strict=False), TimeRules(timezone=timezone), now)
    except UnicodeEncodeError as error:
        raise InvalidEvent(f"timestamp: {BAD} (not UTF-8)") from error
    problem = parsed.problem[0]
    if problem is not None:
        raise InvalidEvent(f"timestamp: {problem} ({value!s:.40})")
    return int(parsed.at[0])


def _from_datetimes(column: pl.Series, rules: TimeRules) -> tuple[pl.Series, pl.Series]:
    zone = column.dtype.time_zone if isinstance(column.dtype, pl.Datetime) else None
    micros = column.cast(pl.Datetime("us", zone))
    if zone is not None:
        return micros.to_physical(), pl.Series([False]).new_from_index(0, len(column))
    return _in_zone(micros, rules.timezone), micros.is_not_null()


def _from_spreadsheet(column: pl.Series) -> pl.Series:
    """Day numbers -> wall-clock times, to the second; null where there is no number."""
    days = column.cast(pl.Float64, strict=False) - _SPREADSHEET_EPOCH
    days = days.set(~days.is_between(-60_000, 60_000).fill_null(value=True), None)
    return ((days * 86_400).round() * 1_000_000).cast(pl.Int64).cast(pl.Datetime("us"))


def _from_written_days(column: pl.Series) -> pl.Series:
    """Numbers of 8, 12 or 14 digits -> wall-clock times; null where they are none."""
    texts = column.cast(pl.Float64, strict=False).cast(pl.Int64, strict=False).cast(pl.String)
    sized = pl.when(texts.str.len_chars().is_in([8, 12, 14])).then(texts.str.pad_end(14, "0"))
    whole = pl.select(at=sized).to_series()
    return whole.str.to_datetime("%Y%m%d%H%M%S", time_unit="us", strict=False)


def _from_numbers(column: pl.Series) -> pl.Series:
    """Unix times of any unit; the unit follows from the size."""
    if column.dtype.is_integer():
        integers = column.cast(pl.Int64, strict=False).fill_null(_BEYOND)
        integers = pl.select(pl.when(column.is_not_null()).then(integers)).to_series()
        return _scaled(integers, column.cast(pl.Float64).abs())
    floats = column.cast(pl.Float64).fill_nan(None)
    return _scaled(floats, floats.abs())


def _scaled(numbers: pl.Series, size: pl.Series) -> pl.Series:
    frame = pl.DataFrame({"x": numbers, "size": size})
    x = pl.col("x")
    whole = numbers.dtype == pl.Int64
    micros = (
        pl.when(pl.col("size") < _SECONDS_BELOW)
        .then(x * 1_000_000)
        .when(pl.col("size") < _MILLISECONDS_BELOW)
        .then(x * 1000)
        .when(pl.col("size") < _MICROSECONDS_BELOW)
        .then(x)
        .when(pl.col("size") < _BEYOND)
        .then(x // 1000 if whole else x / 1000)
        .otherwise(pl.when(x.is_not_null()).then(pl.lit(_BEYOND)))
    )
    if not whole:
        micros = micros.round()
    return frame.select(at=micros.cast(pl.Int64, strict=False))["at"]


def _from_texts(texts: pl.Series, rules: TimeRules) -> tuple[pl.Series, pl.Series]:
    at = pl.Series("at", [None], dtype=pl.Int64).new_from_index(0, len(texts))
    naive = pl.Series("naive", [False]).new_from_index(0, len(texts))
    for form in rules.formats:
        todo = at.is_null() & texts.is_not_null()
        if todo.any():
            at, naive = _merged(at, naive, todo, *_by_format(texts.filter(todo), form, rules.timezone))
    todo = at.is_null() & texts.str.contains(_NUMBER).fill_null(value=False)
    if todo.any():
        numbers = _from_number_texts(texts.filter(todo))
        at, naive = _merged(at, naive, todo, numbers, pl.Series([False]).new_from_index(0, len(numbers)))
    todo = at.is_null() & texts.is_not_null()
    if todo.any():
        at, naive = _merged(at, naive, todo, *_by_iso(texts.filter(todo), rules.timezone))
    return at, naive


def _merged(
    at: pl.Series, naive: pl.Series, todo: pl.Series, new_at: pl.Series, new_naive: pl.Series
) -> tuple[pl.Series, pl.Series]:
    if len(new_at) == len(at):
        return new_at.alias("at"), new_naive.alias("naive")
    where = todo.arg_true()
    return at.clone().scatter(where, new_at.alias("at")), naive.scatter(where, new_naive.alias("naive"))


def _from_number_texts(texts: pl.Series) -> pl.Series:
    whole = texts.cast(pl.Int64, strict=False)
    if whole.null_count() == 0:
        return _from_numbers(whole)
    floats = _from_numbers(texts.cast(pl.Float64, strict=False))
    exact = _from_numbers(whole)
    return pl.select(pl.coalesce(exact, floats)).to_series()


def _by_format(texts: pl.Series, form: str, timezone: str) -> tuple[pl.Series, pl.Series]:
    """`strptime` over a column; nulls where the format does not fit."""
    if "%z" in form:
        zoned = texts.str.to_datetime(form, time_unit="us", strict=False)
        return zoned.to_physical(), pl.Series([False]).new_from_index(0, len(texts))
    if not re.search(r"%[HIRTcXs]", form):  # a date alone: midnight
        form, texts = form + " %H:%M", texts + " 00:00"
    local = texts.str.to_datetime(form, time_unit="us", strict=False)
    return _in_zone(local, timezone), local.is_not_null()


def _by_iso(texts: pl.Series, timezone: str) -> tuple[pl.Series, pl.Series]:
    parts = texts.str.extract_groups(_ISO.pattern).struct.unnest()
    spelled = (
        pl.col("day")
        + "T"
        + pl.col("hour").fill_null("00:00")
        + pl.col("second").fill_null(":00")
        + pl.col("fraction").str.replace(",", ".").fill_null("")
    )
    local = spelled.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False)
    sign = pl.when(pl.col("zone").str.starts_with("-")).then(-1).otherwise(1)
    digits = pl.col("zone").str.replace_all(r"\D", "").str.pad_end(4, "0")
    minutes = digits.str.slice(0, 2).cast(pl.Int64, strict=False).fill_null(0) * 60 + digits.str.slice(
        2, 2
    ).cast(pl.Int64, strict=False).fill_null(0)
    zoned = local.dt.timestamp("us") - sign * minutes * 60_000_000
    frame = parts.select(local=local, zoned=zoned, naive=pl.col("zone").is_null() & local.is_not_null())
    at = pl.select(pl.when(frame["naive"]).then(_in_zone(frame["local"], timezone)).otherwise(frame["zoned"]))
    return at.to_series(), frame["naive"]


def _in_zone(local: pl.Series, timezone: str) -> pl.Series:
    """Wall-clock times of a zone -> microseconds UTC (the earlier one where a clock was set back)."""
    if timezone == "UTC":
        return local.to_physical()
    at = local.dt.replace_time_zone(timezone, ambiguous="earliest", non_existent="null").to_physical()
    skipped = at.is_null() & local.is_not_null()  # an hour that the change to summer time left out
    if not skipped.any():
        return at
    zone = ZoneInfo(timezone)
    moved = [_microseconds(moment.replace(tzinfo=zone)) for moment in local.filter(skipped)]
    return at.clone().scatter(skipped.arg_true(), pl.Series(moved, dtype=pl.Int64))


def _microseconds(moment: datetime) -> int:
    whole = int(moment.astimezone(UTC).replace(microsecond=0).timestamp())
    return whole * 1_000_000 + moment.microsecond
