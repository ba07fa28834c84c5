"""Times in every accepted spelling."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.errors import InvalidEvent
from graph.instant import BAD, EARLIEST, MAX_AHEAD, MISSING, OUT_OF_RANGE, TimeRules, parse_time, parse_times

NOW = 1_750_000_000_000_000
MOMENTS = st.datetimes(datetime(1990, 1, 2), datetime(2025, 6, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds


def micros(*parts: int, zone: timezone | ZoneInfo = UTC) -> int:
    """Microseconds of a wall-clock time."""
    moment = datetime(*parts, tzinfo=zone)  # type: ignore[arg-type, misc]
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("881250949", micros(1997, 12, 4, 15, 55, 49)),
        ("1546297654677", 1546297654677000),
        ("1546297654677.0", 1546297654677000),
        ("1546297654677123", 1546297654677123),
        ("1546297654677123000", 1546297654677123),
        ("1546297654.5", 1546297654500000),
        ("2020-01-02T03:04:05Z", micros(2020, 1, 2, 3, 4, 5)),
        ("2020-01-02 03:04:05.25+02:00", micros(2020, 1, 2, 1, 4, 5, 250000)),
        ("2020-01-02T03:04-0530", micros(2020, 1, 2, 8, 34)),
        ("2020-01-02 03:04:05.5 +0000 UTC", micros(2020, 1, 2, 3, 4, 5, 500000)),
        ("2020-01-02 03:04:05 +0100 CET", micros(2020, 1, 2, 2, 4, 5)),
        (" 2020-01-02T03:04:05+00 ", micros(2020, 1, 2, 3, 4, 5)),
    ],
)
def test_texts_with_a_zone_or_a_unit(text: str, at: int) -> None:
    parsed = parse_times(pl.Series([text]), TimeRules(timezone="Asia/Tokyo"), NOW)
    assert parsed.at.to_list() == [at]
    assert parsed.problem.to_list() == [None]
    assert parsed.without_zone.to_list() == [False]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("2020-07-02", (2020, 7, 2)),
        ("2020-07-02 03:04", (2020, 7, 2, 3, 4)),
        ("2020-07-02T03:04:05", (2020, 7, 2, 3, 4, 5)),
    ],
)
def test_time_without_zone_is_read_in_the_mapping_zone_and_flagged(text: str, parts: tuple[int, ...]) -> None:
    parsed = parse_times(pl.Series([text]), TimeRules(timezone="Europe/Berlin"), NOW)
    assert parsed.at.to_list() == [micros(*parts, zone=ZoneInfo("Europe/Berlin"))]
    assert parsed.without_zone.to_list() == [True]


def test_day_first_format_and_its_invalid_dates() -> None:
    column = pl.Series(
        ["3/1/2020 18:31", "31/02/2020 10:00", "30/11/-0001 0:00", "2020-01-03T18:31:00Z", None, ""]
    )
    parsed = parse_times(column, TimeRules(("%d/%m/%Y %H:%M",)), NOW)
    assert parsed.at.to_list() == [
        micros(2020, 1, 3, 18, 31),
        None,
        None,
        micros(2020, 1, 3, 18, 31),
        None,
        None,
    ]
    assert parsed.problem.to_list() == [None, BAD, OUT_OF_RANGE, None, MISSING, MISSING]
    assert parsed.without_zone.to_list() == [True, False, False, False, False, False]


def test_format_of_a_date_alone() -> None:
    parsed = parse_times(pl.Series(["02 26, 2014"]), TimeRules(("%m %d, %Y",)), NOW)
    assert parsed.at.to_list() == [micros(2014, 2, 26)]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("-5", OUT_OF_RANGE),
        ("0", OUT_OF_RANGE),
        ("9" * 30, OUT_OF_RANGE),
        ("1989-12-31T23:59:59Z", OUT_OF_RANGE),
        ("2020-02-30", BAD),
        ("yesterday", BAD),
        ("1_000", BAD),
        ("inf", BAD),
        ("", MISSING),
        (None, MISSING),
        (float("nan"), MISSING),
        ([2020], BAD),
        (True, BAD),
        (10**40, OUT_OF_RANGE),
        ("\ud800", BAD),
    ],
)
def test_one_bad_value_says_why(value: object, problem: str) -> None:
    with pytest.raises(InvalidEvent, match=problem):
        parse_time(value, now=NOW)


def test_bounds_of_the_range() -> None:
    column = pl.Series([EARLIEST, EARLIEST - 1, NOW + MAX_AHEAD, NOW + MAX_AHEAD + 1])
    assert parse_times(column, TimeRules(), NOW).problem.to_list() == [None, OUT_OF_RANGE, None, OUT_OF_RANGE]


def test_hour_that_summer_time_leaves_out_and_the_one_it_repeats() -> None:
    column = pl.Series(["2020-03-29 02:30:00", "2020-10-25 02:30:00"])
    parsed = parse_times(column, TimeRules(timezone="Europe/Berlin"), NOW)
    assert parsed.at.to_list() == [micros(2020, 3, 29, 1, 30), micros(2020, 10, 25, 0, 30)]


def test_datetimes_of_every_unit() -> None:
    moment = datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)
    for unit in ("ms", "us", "ns"):
        zoned = pl.Series([moment, None]).cast(pl.Datetime(unit, "UTC"))
        parsed = parse_times(zoned, TimeRules(timezone="Asia/Tokyo"), NOW)
        assert parsed.at.to_list() == [micros(2020, 1, 2, 3, 4, 5), None]
        assert parsed.without_zone.to_list() == [False, False]
        naive = parse_times(zoned.dt.replace_time_zone(None), TimeRules(timezone="Asia/Tokyo"), NOW)
        assert naive.at.to_list() == [micros(2020, 1, 1, 18, 4, 5), None]
        assert naive.without_zone.to_list() == [True, False]


def test_unknown_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="Mars/Olympus"):
        TimeRules(timezone="Mars/Olympus")


@given(MOMENTS)
def test_every_unit_and_spelling_agree(moment: datetime) -> None:
    moment = moment.replace(microsecond=0)
    at = micros(*moment.timetuple()[:6])
    seconds = at // 1_000_000
    spelled = (
        seconds,
        float(seconds),
        seconds * 1000,
        at,
        str(seconds),
        f"{seconds}.0",
        str(at),
        moment.isoformat(),
    )
    assert {parse_time(value, now=NOW) for value in spelled} == {at}


@given(st.lists(st.none() | st.text(max_size=25) | MOMENTS.map(str), max_size=20))
def test_a_column_equals_its_single_values(texts: list[str | None]) -> None:
    column = pl.Series(
        [None if t is None else t.encode("utf-8", "replace").decode() for t in texts], dtype=pl.String
    )
    parsed = parse_times(column, TimeRules(("%d.%m.%Y",)), NOW)
    for row, text in enumerate(column):
        alone = parse_times(pl.Series([text], dtype=pl.String), TimeRules(("%d.%m.%Y",)), NOW)
        assert (parsed.at[row], parsed.problem[row]) == (alone.at[0], alone.problem[0])
        assert (parsed.at[row] is None) == (parsed.problem[row] is not None)
