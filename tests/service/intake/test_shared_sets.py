"""Real shops' files into a home: every row of every file accounted for, nothing new the second time."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from graph.formats import Counts
from service.home import Home
from service.intake.load import load
from service.status import read_status
from tests.service.conftest import trial_settings


@dataclass(frozen=True)
class Expected:
    """What is known of a set; `events` and `items`: rows read, accepted, duplicates."""

    format: str
    events: tuple[int, int, int]
    items: tuple[int, int, int] = (0, 0, 0)
    rejected: dict[str, int] = field(default_factory=dict)
    """Of events."""
    repaired: dict[str, int] = field(default_factory=dict)
    """Of events and items together, the reasons that are known."""
    events_by_file: dict[str, tuple[int, int, int]] = field(default_factory=dict)


SETS = {
    "amazon18-magazine": Expected(
        "amazon",
        events=(2_375, 2_333, 42),
        items=(3_385, 2_320, 1_065),
        repaired={"html_title": 2_163},
        events_by_file={"Magazine_Subscriptions_5.json.gz": (2_375, 2_333, 42)},
    ),
    "amazon23-electronics": Expected("ilk", events=(131_154, 130_500, 654), items=(9_671, 9_671, 0)),
    "gowalla-lightgcn": Expected(
        "lightgcn", events=(1_027_370, 1_027_370, 0), repaired={"time_from_order": 1_027_370}
    ),
    "hasaki-vi": Expected(
        "table:vi-shop-reviews",
        events=(21_575, 21_574, 0),
        items=(1_200, 1_200, 0),
        rejected={"time_out_of_range": 1},
        repaired={"time_without_zone": 21_574},
    ),
    "ml-100k": Expected("recbole", events=(100_000, 100_000, 0), items=(1_682, 1_682, 0)),
    "uci-online-retail-2": Expected(
        "table:online-retail",
        events=(1_067_370, 1_032_981, 34_389),
        items=(1_061_163, 4_932, 1_056_231),
        repaired={"cancellation": 19_494, "negative_quantity": 3_457, "time_without_zone": 1_067_370},
        # 22,523 rows of the second year stand in the first year, too
        events_by_file={
            "year1_2009-2010.parquet": (525_461, 518_583, 6_878),
            "year2_2010-2011.parquet": (541_909, 514_398, 27_511),
        },
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_every_row_is_accounted_for_and_a_second_load_adds_nothing(
    tmp_path: Path, shared_data: Path, name: str
) -> None:
    expected = SETS[name]
    settings = trial_settings(tmp_path / "home")
    first = load(shared_data / name, settings)
    between = read_status(settings, Home(settings.home))
    assert first.format == expected.format
    assert three(first.events) == expected.events
    assert three(first.items) == expected.items
    assert (first.events.rejected, first.items.rejected) == (expected.rejected, {})
    for reason, rows in expected.repaired.items():
        assert first.events.repaired.get(reason, 0) + first.items.repaired.get(reason, 0) == rows
    for file, counts in expected.events_by_file.items():
        assert three(first.files[file]["events"]) == counts
    again = load(shared_data / name, settings)
    after = read_status(settings, Home(settings.home))
    assert (again.events.accepted, again.items.accepted) == (0, 0)
    assert (again.events.read, again.items.read) == (first.events.read, first.items.read)
    assert again.events.rejected == first.events.rejected
    for report in (first, again):
        for kinds in report.files.values():
            assert all(counts.balanced for counts in kinds.values())
    for count in ("items", "users", "events", "categories", "sequence", "applied_sequence"):
        assert after[count] == between[count]
    assert between["sequence"] == expected.events[1]


def three(counts: Counts) -> tuple[int, int, int]:
    """Rows read, accepted, duplicates."""
    return counts.read, counts.accepted, counts.duplicates
