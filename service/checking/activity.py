"""What the events of a shop say: how many, when, by whom, how fast."""

from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from graph.event_type import EventType

MINUTE = 60_000_000
DAY = 86_400_000_000
FEW_EVENTS = 5
"""Items with fewer events are cold: their neighbours rest on texts and categories."""
MAX_PER_MINUTE = 60
"""A person does less in one minute."""
DEED_AT_ONCE = (EventType.PURCHASE.value, EventType.REFUND.value, EventType.REVIEW.value)
"""Many of these at one time are one deed: an order of forty articles is one click."""


@dataclass(frozen=True)
class Rates:
    """Users who act faster than people do."""

    limit: int
    """Deeds per minute."""
    users: int
    events: int
    """All events of these users."""
    share: float
    """Of all events, 0 to 1."""
    fastest: list[tuple[str, int]]
    """(user or session id, deeds in the busiest minute), fastest first."""
    judged: bool
    """False: the times are whole days, so that rates cannot be seen."""


@dataclass(frozen=True)
class Activity:
    """Events in figures; shares are 0 to 1."""

    events: int
    users: int
    sessions: int
    """Sessions without a user."""
    first: str | None
    """Date of the oldest event, ISO 8601; None without events."""
    last: str | None
    period: str
    """`day`, `month` or `year`."""
    types: list[str]
    by_period: list[tuple[str, list[int]]]
    """(period, events of each type), oldest first."""
    users_with_one_item: float
    """Share of users and sessions that turned to a single item: nothing follows from them."""
    review_texts: int
    """Events with the text of a review."""
    review_votes: int
    """Events that say how many people found the review helpful."""
    rates: Rates


def measure_activity(
    outline: pl.DataFrame, user_names: pl.DataFrame, examples: int, max_per_minute: int = MAX_PER_MINUTE
) -> Activity:
    """outline, user_names: as in `Scan`. max_per_minute: from how many deeds a user is implausible."""
    who = outline.group_by("user").agg(
        pl.col("anonymous").first(), (pl.col("item").n_unique() == 1).alias("one_item")
    )
    sessions = int(who["anonymous"].sum())
    period, by_period, types = _periods(outline)
    return Activity(
        events=outline.height,
        users=who.height - sessions,
        sessions=sessions,
        first=_date(outline["at"].min()),
        last=_date(outline["at"].max()),
        period=period,
        types=types,
        by_period=by_period,
        users_with_one_item=int(who["one_item"].sum()) / max(1, who.height),
        review_texts=int(outline["has_text"].sum()),
        review_votes=int(outline["has_votes"].sum()),
        rates=_rates(outline, user_names, examples, max_per_minute),
    )


def _date(at: object) -> str | None:
    return None if not isinstance(at, int) else datetime.fromtimestamp(at / 1e6, UTC).date().isoformat()


def _periods(outline: pl.DataFrame) -> tuple[str, list[tuple[str, list[int]]], list[str]]:
    first, last = outline["at"].min(), outline["at"].max()
    days = (last - first) / DAY if isinstance(first, int) and isinstance(last, int) else 0
    period, pattern = ("day", "%Y-%m-%d") if days <= 31 else ("month", "%Y-%m")
    if days > 3 * 366:
        period, pattern = "year", "%Y"
    counted = outline.group_by(
        pl.from_epoch("at", time_unit="us").dt.strftime(pattern).alias("period"),
        pl.col("event_type").cast(pl.String),
    ).len()
    types = [kind.value for kind in EventType if kind.value in set(counted["event_type"])]
    rows: dict[str, dict[str, int]] = {}
    for name, kind, events in counted.sort("period").iter_rows():
        rows.setdefault(name, {})[kind] = events
    return period, [(name, [row.get(kind, 0) for kind in types]) for name, row in rows.items()], types


def _rates(outline: pl.DataFrame, user_names: pl.DataFrame, examples: int, limit: int) -> Rates:
    whole_days = bool((outline["at"] % DAY == 0).all())
    at_once = pl.col("event_type").cast(pl.String).is_in(DEED_AT_ONCE)
    deeds = pl.concat(
        [
            outline.filter(~at_once).select("user", "at"),
            outline.filter(at_once).select("user", "at").unique(),
        ]
    )
    busiest = (
        deeds.group_by("user", pl.col("at") // MINUTE)
        .len("deeds")
        .group_by("user")
        .agg(pl.col("deeds").max())
        .filter(pl.col("deeds") > limit)
        .join(user_names, on="user")
        .sort(["deeds", "user_id"], descending=[True, False])
    )
    if whole_days:
        busiest = busiest.clear()
    events = outline.join(busiest, on="user", how="semi").height
    return Rates(
        limit=limit,
        users=busiest.height,
        events=events,
        share=events / max(1, outline.height),
        fastest=list(busiest.select("user_id", "deeds").head(examples).iter_rows()),
        judged=not whole_days,
    )
