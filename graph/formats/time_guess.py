"""How a file writes its times, told from its first rows where no mapping says it."""

from dataclasses import dataclass, replace

import polars as pl

from graph.formats.raw_batch import RowSource
from graph.instant import BAD, OUT_OF_RANGE, TimeRules, parse_times

LOOK_ROWS = 5_000
_CLOCKS = (" %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p", "T%H:%M:%S", "T%H:%M", "")
_DAY_FIRST, _MONTH_FIRST = ("%d{0}%m{0}%Y", "%d{0}%m{0}%y"), ("%m{0}%d{0}%Y", "%m{0}%d{0}%y")
_YEAR_FIRST = ("%Y{0}%m{0}%d",)
_SURE = 0.95
"""Share of the first rows that a way of writing must explain."""
_FEW, _MOST = 0.05, 0.5
"""Up to so few that are not read are mistakes in single rows; above half the whole column is another kind."""
_EXCEL_FIRST, _EXCEL_LAST = 32_874, 73_050
"""Days of 1990 and 2099 in a spreadsheet."""


@dataclass(frozen=True)
class TimeGuess:
    """Rules to read a column with, and what a person should know of them ("" nothing)."""

    rules: TimeRules
    note: str = ""


def guess_times(source: RowSource, column: str, rules: TimeRules) -> TimeGuess:
    """Rules that read a column of times; `rules` themselves where they do.

    Day/month/year and month/day/year are told apart by numbers above 12; where none is, nothing is guessed.
    Days as `2023/11/4` or `20231104` are no riddle. Where ISO 8601 is mixed with something else, as where
    zeros are left out (`2023-11-4`), both are read.
    """
    first = next(iter(source.batches(frozenset({column}))), None)
    if first is None or column not in first.columns:
        return TimeGuess(rules)
    values = first.columns[column].drop_nulls().head(LOOK_ROWS)
    problem = parse_times(values, rules).problem
    bad = problem.is_in([BAD, OUT_OF_RANGE]).fill_null(value=False)
    share = float(bad.sum()) / max(len(values), 1)
    if share <= _FEW:
        return TimeGuess(rules)
    others = values.filter(bad)
    numbers = _as_numbers(source.name, others, rules) if share > _MOST else None
    return numbers or _guess(source.name, others.cast(pl.String), rules)


def _as_numbers(name: str, values: pl.Series, rules: TimeRules) -> TimeGuess | None:
    """Numbers that are no Unix times but days; `None` where they are not that."""
    numbers = values.cast(pl.Float64, strict=False)
    if numbers.is_between(_EXCEL_FIRST, _EXCEL_LAST).fill_null(value=False).mean() >= _SURE:  # type: ignore[operator]
        note = f"{name}: times are taken for a spreadsheet's day numbers (such as {values[0]})"
        return TimeGuess(replace(rules, spreadsheet_days=True), note)
    written = replace(rules, written_days=True)
    if parse_times(values, written).at.is_not_null().mean() >= _SURE:  # type: ignore[operator]
        return TimeGuess(written, f"{name}: times are taken for year, month and day (such as {values[0]})")
    return None


def _guess(name: str, texts: pl.Series, rules: TimeRules) -> TimeGuess:
    known, forms = _explained(texts, _YEAR_FIRST)
    if known >= _SURE:
        note = f"{name}: times are read year first ({forms[0]})"
        return TimeGuess(replace(rules, formats=(*rules.formats, *forms)), note)
    day_first, month_first = (_explained(texts, forms) for forms in (_DAY_FIRST, _MONTH_FIRST))
    best = max(day_first, month_first, key=lambda one: one[0])
    if best[0] < _SURE:
        return TimeGuess(rules, f"{name}: times such as {texts[0]!r:.60} are not read: {_HOW_TO}")
    if day_first[0] == month_first[0]:
        order = f"{name}: times such as {texts[0]!r:.60} may begin with the day or the month: {_HOW_TO}"
        return TimeGuess(rules, order)
    order = "day first" if best is day_first else "month first"
    return TimeGuess(replace(rules, formats=best[1]), f"{name}: times are read {order} ({best[1][0]})")


_HOW_TO = "say how in a mapping (`timestamp = { column = ..., formats = [...] }`)"


def _explained(texts: pl.Series, days: tuple[str, ...]) -> tuple[float, tuple[str, ...]]:
    """Share of the texts that some format of the family reads, and the formats that were of use."""
    left, used = texts, []
    for separator in "./-":
        for day in days:
            for clock in _CLOCKS:
                form = day.format(separator) + clock
                rules = TimeRules(formats=(form,))
                problem = parse_times(left, rules).problem
                read = ~problem.is_in([BAD, OUT_OF_RANGE]).fill_null(value=False)
                if read.any():
                    used.append(form)
                    left = left.filter(~read)
                if not len(left):
                    return 1.0, tuple(used)
    return 1 - len(left) / len(texts), tuple(used)
