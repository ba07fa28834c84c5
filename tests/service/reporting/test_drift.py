"""The night's model beside what was learned by day: by an increment, by fold-in; by group, as a history."""

import threading
from pathlib import Path
from typing import Any

import pytest

from service.home import Home
from service.increments.increment import run_increment
from service.intake.load import load
from service.live.updater import follow
from service.live.updater_status import read_updater
from service.nightly.refresh import refresh
from service.releases.store import ReleaseStore
from service.reporting.drift import served_by_day
from service.reporting.history import read_history
from service.reporting.page import report_page
from service.reporting.report import build_report
from service.settings import Settings
from service.stores import closing_both, open_log
from tests.graph.events import event, frame
from tests.service.conftest import quiet
from tests.service.increments.test_increment import LENIENT, halves, settings_of
from tests.service.releases.test_release_holder import wait_until


def folded_in(settings: Settings) -> int:
    """An updater folds everything in; the newest event that is visible then."""
    home, stopping = Home(settings.home), threading.Event()
    log = open_log(home)
    with closing_both(log):
        last = log.last_seq()

    def visible() -> bool:
        status = read_updater(home.fresh)
        return status is not None and status.visible_sequence >= last

    updater = threading.Thread(target=follow, args=(settings, stopping))
    updater.start()
    try:
        wait_until(visible, 60)
    finally:
        stopping.set()
        updater.join()
    return last


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, list[dict[str, Any]]]:
    """A home after three nights: before the second an increment was published, before the third events were
    folded in; the reports."""
    folder = tmp_path_factory.mktemp("days")
    old, new = halves(folder)
    settings = settings_of(folder / "home", LENIENT)
    home = Home(settings.home)
    load(old, settings)
    refresh(settings, quiet())
    reports = [build_report(home)]
    load(new, settings)
    assert run_increment(settings, quiet()).published
    refresh(settings, quiet())
    reports.append(build_report(home, read_history(home)[-1]["release"]))
    log = open_log(home)
    rows = [event(f"late-{n}", item_id=f"S{n % 7:04d}", at=1_760_000_000_000_000 + n) for n in range(60)]
    with closing_both(log):
        log.append(frame(*rows))
    folded_in(settings)
    refresh(settings, quiet())
    reports.append(build_report(home, read_history(home)[-1]["release"]))
    return home, reports


def test_a_night_is_compared_with_what_was_learned_by_day(days: tuple[Home, list[dict[str, Any]]]) -> None:
    _, (first, second, third) = days
    assert first["drift"] is None
    assert second["drift"]["increment"]
    assert second["drift"]["folded_in"] == 0
    assert second["drift"]["overlap"] == second["neighbours"]["overlap"] < 1
    assert third["drift"]["folded_in"] == 60
    assert third["drift"]["against"] == third["neighbours"]["against"]
    for report in (second, third):
        drift = report["drift"]
        assert sum(group["items"] for group in drift["by_popularity"]) == drift["items"] > 50
        assert {"rarest fifth", "most popular fifth"} <= {group["name"] for group in drift["by_popularity"]}
        assert len(drift["by_category"]) > 1


def test_the_trend_of_the_drift_is_plotted(days: tuple[Home, list[dict[str, Any]]]) -> None:
    home, (first, _, third) = days
    told = [point["drift"] for point in third["trend"]]
    assert [drift is None for drift in told] == [True, False, False]
    assert told[-1]["by_popularity"] == {g["name"]: g["overlap"] for g in third["drift"]["by_popularity"]}
    assert told[-1]["by_category"] == {g["name"]: g["overlap"] for g in third["drift"]["by_category"]}
    page = report_page(third)
    assert "Drift of each night, by popularity" in page
    assert "60 events folded in" in page
    alone = report_page({**first, "trend": first["trend"][:1]})
    assert "Nothing was learned by day" in alone
    assert "Drift of each night" not in alone
    assert ReleaseStore(home.releases).current_version() is not None


def test_where_nothing_was_learned_by_day_there_is_no_drift(
    days: tuple[Home, list[dict[str, Any]]], tmp_path: Path
) -> None:
    assert served_by_day(Home(tmp_path)) is None
    home, (_, _, third) = days
    releases = ReleaseStore(home.releases)
    if releases.current_version() != third["release"]["version"]:
        served = served_by_day(home)
        assert served is not None
        assert served.events_through == third["release"]["events_through"]
        releases.publish(third["release"]["version"])
    assert served_by_day(home) is None
