"""From the words of the settings to the times at which a job runs."""

import re
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

_CLOCK = re.compile(r"^([01]?\d|2[0-3]):([0-5]\d)$")
_DAY_RANGE = re.compile(r"^([0-7])(?:-([0-7])(?:/([1-7]))?)?$")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")


def trigger_of(when: str, zone: str = "UTC", jitter_seconds: int = 0) -> CronTrigger:
    """`03:30` (every day) or the five fields of cron (`30 3 * * 1-5`), read in a time zone.

    Days of the week are cron's: 0 and 7 are Sunday. jitter_seconds: a run comes up to so much earlier or
    later.
    A time that a change of clocks skips comes after it; one that it repeats comes twice, which
    costs a look: the second refresh finds nothing new.
    Raises `ValueError` with what is wrong.
    """
    timezone = zone_of(zone)
    clock = _CLOCK.match(when.strip())
    fields = [str(int(clock[2])), str(int(clock[1])), "*", "*", "*"] if clock else when.split()
    if len(fields) != 5:
        raise ValueError(f"{when!r} is neither a time such as 03:30 nor the five fields of cron")
    minute, hour, day, month, weekday = fields
    return CronTrigger(
        minute=minute,
        hour=hour,
        day=day,
        month=month,
        day_of_week=",".join(_weekdays(part) for part in weekday.lower().split(",")),
        timezone=timezone,
        jitter=jitter_seconds or None,
    )


def _weekdays(part: str) -> str:
    """Cron's numbers as names, ranges spelled out: APScheduler counts from Monday."""
    found = _DAY_RANGE.match(part)
    if not found:
        return part
    first, last = int(found[1]), int(found[2] or found[1])
    days = range(first, last + 1) if first <= last else [*range(first, 7), *range(last + 1)]
    return ",".join(_DAYS[day] for day in list(days)[:: int(found[3] or 1)])


def zone_of(name: str) -> tzinfo:
    """The time zone of an IANA name. Raises `ValueError`."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name!r}; names are like Europe/Berlin or UTC") from None
