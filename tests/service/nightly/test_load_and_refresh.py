"""From files to a release, on a small made-up shop."""

import json
from io import StringIO
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from rich.console import Console

from service.errors import CallerMistake, HomeBusy
from service.home import Home
from service.intake.load import load
from service.nightly.refresh import refresh
from service.nightly.refresh_result import RefreshResult
from service.releases.store import ReleaseStore
from service.reporter import Reporter
from service.reporting.report import build_report
from service.settings import load_settings
from service.shop_snapshot import brand_indices, take_snapshot
from service.status import read_status
from service.stores import closing_both, open_store
from tests.service.conftest import TRIAL_FLAGS, quiet, trial_settings


def test_loading_twice_adds_nothing(tmp_path: Path, shop_folder: Path) -> None:
    settings = trial_settings(tmp_path / "home")
    first = load(shop_folder, settings)
    again = load(shop_folder, settings)
    assert first.events.balanced
    assert again.events.balanced
    assert first.events.accepted == first.events.read > 1000
    assert again.events.accepted == again.items.accepted == 0
    assert again.events.duplicates == first.events.read
    status = read_status(settings, Home(settings.home))
    assert status["events"] + 0 == first.events.accepted
    assert status["sequence"] == status["applied_sequence"] == first.events.accepted


def test_a_bad_row_is_quarantined_with_its_line(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    shop.mkdir()
    (shop / "items.jsonl").write_text('{"item_id": "a", "title": "A"}\nnot json\n', "utf-8")
    (shop / "events.jsonl").write_text(
        '{"user_id": "u", "item_id": "a", "timestamp": 1700000000}\n{"user_id": "u", "item_id": "a"}\n',
        "utf-8",
    )
    report = load(shop, trial_settings(tmp_path / "home"))
    assert report.events.rejected == {"missing_timestamp": 1}
    assert report.items.rejected == {"bad_json": 1}
    assert report.quarantine is not None
    rows = [json.loads(line) for line in report.quarantine.read_text("utf-8").splitlines()]
    assert {(row["file"], row["line"], row["reason"]) for row in rows if row["outcome"] == "rejected"} == {
        ("items.jsonl", 2, "bad_json"),
        ("events.jsonl", 2, "missing_timestamp"),
    }


def test_one_writer_at_a_time(tmp_path: Path, shop_folder: Path) -> None:
    settings = trial_settings(tmp_path / "home")
    with Home(settings.home).writing("test"), pytest.raises(HomeBusy, match="another process"):
        load(shop_folder, settings)


def test_the_release_serves_and_says_what_it_is(served_home: tuple[Path, RefreshResult]) -> None:
    home, result = served_home
    assert result.published
    assert [stage["name"] for stage in result.stages] == [
        "export", "encode", "train", "judge", "index", "write", "audit", "publish",
    ]  # fmt: skip
    release = ReleaseStore(home / "releases").open_current()
    assert release.version == result.release
    assert release.manifest.events_through == read_status(trial_settings(home), Home(home))["sequence"]
    assert result.metrics["gate"]["passed"]


def test_nothing_new_is_noticed(served_home: tuple[Path, RefreshResult]) -> None:
    home, result = served_home
    again = refresh(trial_settings(home), quiet())
    assert (again.published, again.reason, again.release) == (False, "unchanged", result.release)
    assert [stage["name"] for stage in again.stages] == ["export"]


def test_same_data_same_seed_same_bytes(
    tmp_path: Path, shop_folder: Path, served_home: tuple[Path, RefreshResult]
) -> None:
    home, result = served_home
    settings = trial_settings(tmp_path / "home")
    load(shop_folder, settings)
    twin = refresh(settings, quiet())
    assert twin.release == result.release
    ours = sorted(path.relative_to(home) for path in (home / "releases" / str(result.release)).rglob("*.npy"))
    assert ours
    for path in ours:
        assert (home / path).read_bytes() == (settings.home / path).read_bytes()


def test_another_seed_is_another_release(
    tmp_path: Path, shop_folder: Path, served_home: tuple[Path, RefreshResult]
) -> None:
    flags = {**TRIAL_FLAGS, "model": {**TRIAL_FLAGS["model"], "seed": 1}}
    settings = load_settings(tmp_path / "home", flags)
    load(shop_folder, settings)
    assert refresh(settings, quiet()).release != served_home[1].release


def test_the_gate_keeps_a_broken_model_out(tmp_path: Path, shop_folder: Path) -> None:
    settings = trial_settings(tmp_path / "home")
    load(shop_folder, settings)
    good = refresh(settings, quiet())
    nothing_works = {"use_paths": False, "use_embedding": False, "use_trend": False, "learn_mix": False}
    broken = load_settings(
        settings.home,
        {**TRIAL_FLAGS, "model": {"options": nothing_works}, "gate": {"max_drop": 0.0}},
    )
    rejected = refresh(broken, quiet())
    assert not rejected.published
    assert rejected.reason.startswith("rejected: NDCG@10")
    assert rejected.release == good.release == ReleaseStore(settings.home / "releases").current_version()


def test_an_empty_home_is_the_callers_mistake(tmp_path: Path) -> None:
    with pytest.raises(CallerMistake, match="ilk load"):
        refresh(trial_settings(tmp_path / "nothing"), quiet())


def test_the_snapshot_does_not_depend_on_the_order_of_loading(tmp_path: Path, shop_folder: Path) -> None:
    events = (shop_folder / "events.jsonl").read_text("utf-8").splitlines(keepends=True)
    halves = {"late": events[len(events) // 2 :], "early": events[: len(events) // 2]}
    for name, lines in halves.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "items.jsonl").write_bytes((shop_folder / "items.jsonl").read_bytes())
        (tmp_path / name / "events.jsonl").write_text("".join(lines), "utf-8")
    settings = trial_settings(tmp_path / "home")
    for name in halves:
        load(tmp_path / name, settings)
    whole = trial_settings(tmp_path / "whole")
    load(shop_folder, whole)
    snapshots = []
    for each in (settings, whole):
        store = open_store(each, Home(each.home))
        with closing_both(store):
            snapshots.append(take_snapshot(store))
    named = [
        [(s.user_ids[u], i, at) for u, i, at in zip(s.edges.user, s.edges.item, s.edges.at, strict=True)]
        for s in snapshots
    ]
    assert named[0] == named[1]


def test_brands_are_numbered_by_folded_name() -> None:
    found = brand_indices(pl.Series(["Sony", "", " sony", "Apple", None]))
    np.testing.assert_array_equal(found, [1, -1, 1, 0, -1])


def test_one_item_and_no_event_is_served(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    shop.mkdir()
    (shop / "items.jsonl").write_text('{"item_id": "only", "title": "The only thing"}\n', "utf-8")
    settings = trial_settings(tmp_path / "home")
    load(shop, settings)
    assert refresh(settings, quiet()).published
    (shop / "items.jsonl").write_text('{"item_id": "only", "title": "The only thing, renamed"}\n', "utf-8")
    load(shop, settings)
    assert refresh(settings, quiet()).published


def test_a_torn_release_is_made_again(tmp_path: Path, shop_folder: Path) -> None:
    settings = trial_settings(tmp_path / "home")
    load(shop_folder, settings)
    first = refresh(settings, quiet())
    torn = settings.home / "releases" / str(first.release) / "items.parquet"
    torn.write_bytes(torn.read_bytes()[:-100])
    console = Console(record=True, file=StringIO(), width=300)
    again = refresh(settings, Reporter(console))
    assert again.published
    assert again.release != first.release
    assert "the serving release is not compared with" in console.export_text()
    assert ReleaseStore(settings.home / "releases").open_current().version == again.release


def test_a_compact_index_says_what_it_saves_and_misses(
    tmp_path: Path, shop_folder: Path, served_home: tuple[Path, RefreshResult]
) -> None:
    settings = load_settings(tmp_path / "home", {**TRIAL_FLAGS, "index": {"kind": "sq8"}})
    load(shop_folder, settings)
    assert refresh(settings, quiet()).published
    flat, compact = (build_report(Home(home))["index"] for home in (served_home[0], settings.home))
    assert compact["kind"] == "sq8"
    assert 0.8 < compact["recall@10"] <= flat["recall@10"] == 1.0
    assert compact["index_bytes"] < 0.35 * flat["index_bytes"]
