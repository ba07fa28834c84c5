"""One increment on a home: learned from, judged, published or rejected, in the manifest."""

import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from gnn import FittedIlk
from service.change_log import ChangeLog
from service.demo.sample_shop import SampleShop
from service.errors import CallerMistake
from service.home import Home
from service.increments import increment
from service.increments.increment import run_increment
from service.increments.increment_result import IncrementResult
from service.increments.state import trained_through
from service.intake.load import load
from service.nightly.refresh import refresh
from service.releases.store import ReleaseStore
from service.settings import Settings, load_settings
from service.shop_snapshot import take_snapshot
from service.stores import closing_both, open_log, open_store
from tests.service.conftest import TRIAL_FLAGS, quiet

SHOP = SampleShop(users=300, variants=3, events_per_user=12)
LENIENT = {
    "margin": 1.0,
    "tolerance": 1.0,
    "max_forgetting": 1.0,
    "max_neighbour_drift": 1.0,
    "min_pairs": 20,
}
"""Everything passes: the shop is too small to tell much."""


def settings_of(home: Path, gate: Mapping[str, Any]) -> Settings:
    flags = TRIAL_FLAGS | {"increment": {"gate": dict(gate)}}
    return load_settings(home, flags)


def halves(folder: Path) -> tuple[Path, Path]:
    """The shop's files, older events and newer ones apart."""
    SHOP.write(folder / "all")
    events = pl.read_ndjson(folder / "all" / "events.jsonl").sort("timestamp", maintain_order=True)
    cut = events.height * 7 // 10
    for name, part in (("old", events[:cut]), ("new", events[cut:])):
        (folder / name).mkdir()
        part.write_ndjson(folder / name / "events.jsonl")
        (folder / name / "items.jsonl").write_bytes((folder / "all" / "items.jsonl").read_bytes())
    return folder / "old", folder / "new"


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of the older events, and the newer ones loaded since."""
    folder = tmp_path_factory.mktemp("increment")
    old, new = halves(folder)
    settings = settings_of(folder / "home", {})
    load(old, settings)
    assert refresh(settings, quiet()).published
    load(new, settings)
    return folder / "home"


@pytest.fixture
def home(learned: Path, tmp_path: Path) -> Path:
    """A copy to write to."""
    return Path(shutil.copytree(learned, tmp_path / "home"))


def test_an_increment_is_a_release_with_a_parent_and_its_own_events(home: Path) -> None:
    settings = settings_of(home, LENIENT)
    releases = ReleaseStore(Home(home).releases)
    parent = releases.open_current()
    result = run_increment(settings, quiet())
    assert result.published, result.reason
    made = releases.open_current()
    assert made.version == result.release != parent.version
    manifest = made.manifest
    assert manifest.parent == parent.version
    assert manifest.sequence_ranges[:-1] == parent.manifest.sequence_ranges
    first, last = manifest.sequence_ranges[-1]
    assert first == parent.manifest.events_through + 1
    assert first < last == trained_through(manifest) < manifest.events_through
    assert manifest.metrics["gate"]["lift"] == parent.manifest.metrics["gate"]["lift"]
    assert manifest.metrics["increment"]["edge_gradients"] > 0
    assert manifest.metrics["index"] == {"kind": "auto", "recall@10": 1.0}
    assert isinstance(made.model, FittedIlk)
    assert isinstance(parent.model, FittedIlk)
    assert made.model.weights is not None
    assert made.model.signals.trend_events == parent.model.signals.trend_events


def test_an_increments_index_that_misses_much_is_said_so(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(increment, "recall_of", lambda index, matrix, queries: 0.5)
    settings = settings_of(home, LENIENT)
    settings = settings.model_copy(update={"index": settings.index.model_copy(update={"kind": "half"})})
    assert run_increment(settings, quiet()).published
    found = ReleaseStore(Home(home).releases).open_current().manifest.metrics["index"]
    assert found["recall@10"] == 0.5
    assert 'index.kind = "flat"' in found["warning"]


@pytest.mark.skipif(sys.platform != "linux", reason="of Linux's scheduler")
def test_what_others_wait_for_is_never_idle(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread without a processor that holds the releases' lock would keep everybody from a rollback."""
    told: dict[str, list[int]] = {}

    def noted(place: Any, name: str) -> None:
        work = getattr(place, name)

        def note(*arguments: Any) -> Any:
            told.setdefault(name, []).append(os.sched_getscheduler(0))
            return work(*arguments)

        monkeypatch.setattr(place, name, note)

    noted(increment, "update")
    noted(increment, "build_index")
    noted(ReleaseStore, "_locked")
    over: list[list[str]] = []
    settings = settings_of(home, LENIENT)
    assert run_increment(settings, quiet(), idle=True, idled=lambda: over.append(list(told))).published
    assert over == [["update", "build_index"]], "told once, before the lock is asked for"
    assert told == {
        "update": [os.SCHED_IDLE],
        "build_index": [os.SCHED_IDLE],
        "_locked": [os.SCHED_OTHER, os.SCHED_OTHER],  # write, publish
    }


def reviewing(home: Path, share: float) -> Settings:
    encoder = {"encoder": TRIAL_FLAGS["encoder"] | {"reviews": {"share": share}}}
    return load_settings(home, TRIAL_FLAGS | {"increment": {"gate": LENIENT}} | encoder)


def test_an_increment_reads_reviews_as_its_release_does_whatever_is_set_by_now(tmp_path: Path) -> None:
    old, new = halves(tmp_path)
    settings = reviewing(tmp_path / "home", 0.3)
    load(old, settings)
    assert refresh(settings, quiet()).published
    load(new, settings)
    releases = ReleaseStore(Home(settings.home).releases)
    parent = releases.open_current()
    assert run_increment(reviewing(settings.home, 0.0), quiet()).published
    made = releases.open_current()
    assert isinstance(made.model, FittedIlk)
    assert isinstance(parent.model, FittedIlk)
    assert parent.reviews is not None
    assert made.reviews is not None
    n = parent.model.n_items
    reviewed = np.flatnonzero(made.reviews[:n] != parent.reviews[:n])
    assert len(reviewed) > 0
    assert made.model.signals.text is not None
    assert parent.model.signals.text is not None
    moved = np.flatnonzero(np.abs(made.model.signals.text[:n] - parent.model.signals.text).max(axis=1) > 1e-6)
    assert set(moved.tolist()) == set(reviewed.tolist())


def test_reviews_enter_texts_with_a_refresh_not_with_an_increment(home: Path) -> None:
    releases = ReleaseStore(Home(home).releases)
    parent = releases.open_current()
    assert run_increment(reviewing(home, 0.3), quiet()).published
    made = releases.open_current()
    assert made.reviews is None
    assert isinstance(made.model, FittedIlk)
    assert isinstance(parent.model, FittedIlk)
    assert made.model.signals.text is not None
    assert parent.model.signals.text is not None
    np.testing.assert_array_equal(made.model.signals.text[: parent.model.n_items], parent.model.signals.text)


def test_the_next_increment_learns_from_what_judged_this_one(home: Path) -> None:
    settings = settings_of(home, LENIENT)
    run_increment(settings, quiet())
    releases = ReleaseStore(Home(home).releases)
    through = trained_through(releases.open_current().manifest)
    again = run_increment(settings, quiet())
    assert again.published
    assert releases.open_current().manifest.sequence_ranges[-1][0] == through + 1


def test_same_parent_same_events_same_release(home: Path) -> None:
    settings = settings_of(home, LENIENT)
    releases = ReleaseStore(Home(home).releases)
    parent = releases.current_version()
    assert parent is not None
    first = run_increment(settings, quiet())
    releases.publish(parent)
    Home(home).increments.unlink()
    second = run_increment(settings, quiet())
    assert first.release.split("-")[1] == second.release.split("-")[1]  # hash of the content


def rejected(home: Path) -> IncrementResult:
    return run_increment(settings_of(home, {**LENIENT, "max_neighbour_drift": 0.0}), quiet())


def test_a_rejected_increment_leaves_the_old_release_and_takes_its_events_out(home: Path) -> None:
    releases = ReleaseStore(Home(home).releases)
    parent = releases.open_current()
    result = rejected(home)
    assert not result.published
    assert result.release == parent.version == releases.current_version()
    assert "changed at once" in result.reason
    assert result.unfolded is not None
    first, last = result.unfolded
    assert first == parent.manifest.events_through + 1
    changes = ChangeLog(Home(home).changes)
    (out,) = changes.unfolded()
    changes.close()
    assert (out.first, out.last) == (first, last)
    assert "rejected" in out.reason
    kept = [one for one in releases.list() if one.metrics and not one.metrics["gate"]["passed"]]
    assert len(kept) == 1
    assert not kept[0].published
    state = json.loads(Home(home).increments.read_text("utf-8"))
    assert state == {"edges": 4000, "failures": 1, "through": last}
    log, store = open_log(Home(home)), open_store(settings_of(home, {}), Home(home))
    with closing_both(log, store):
        assert log.last_seq() > last  # nothing left the log
        assert not np.isin(take_snapshot(store, [out]).edges.seq, np.arange(first, last + 1)).any()


def test_repeated_rejection_asks_for_a_full_refresh(home: Path) -> None:
    Home(home).increments.write_text('{"edges": 8000, "failures": 2, "through": 0}', "utf-8")
    assert rejected(home).full_refresh_wanted


def test_frozen_items_stay_as_their_refresh_has_them(home: Path) -> None:
    releases = ReleaseStore(Home(home).releases)
    parent = releases.open_current()
    frozen, other = parent.items.table["item_id"].to_list()[:2]
    settings = settings_of(home, LENIENT)
    update = settings.update.model_copy(update={"freeze": (frozen,)})
    assert run_increment(settings.model_copy(update={"update": update}), quiet()).published
    made = releases.open_current()
    before, after = (release.model.item_vectors() for release in (parent, made))
    rows = [parent.items.index_of(item_id) for item_id in (frozen, other)]
    assert made.items.index_of(frozen) == rows[0]
    np.testing.assert_array_equal(after[rows[0]], before[rows[0]])
    assert np.abs(after[rows[1]] - before[rows[1]]).max() > 0


def test_nothing_new_is_said_so(home: Path) -> None:
    settings = settings_of(home, LENIENT)
    refresh(settings, quiet())
    with pytest.raises(CallerMistake, match="only 0 events are new"):
        run_increment(settings, quiet())


def test_new_items_come_with_their_texts(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "more"
    folder.mkdir()
    items = [{"item_id": "brand-new", "title": "A lamp of smoked glass", "brand": "Newcomer"}]
    (folder / "items.jsonl").write_text("\n".join(map(json.dumps, items)), "utf-8")
    event = {"user_id": "u-new", "item_id": "brand-new", "timestamp": 1_700_000_000}
    (folder / "events.jsonl").write_text(json.dumps(event), "utf-8")
    settings = settings_of(home, LENIENT)
    load(folder, settings)
    result = run_increment(settings, quiet())
    assert result.published, result.reason
    release = ReleaseStore(Home(home).releases).open_current()
    row = release.items.index_of("brand-new")
    assert row is not None
    assert isinstance(release.model, FittedIlk)
    assert release.model.signals.text is not None
    assert np.linalg.norm(release.model.signals.text[row]) > 0.5


def test_a_flood_does_not_count_in_full_from_the_next_increment_on(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "flood"
    folder.mkdir()
    settings = settings_of(home, LENIENT)
    (item,) = ReleaseStore(Home(home).releases).open_current().items.ids_of(np.array([0]))
    rows = [{"user_id": "script", "item_id": item, "timestamp": 1_700_000_000 + n} for n in range(400)]
    (folder / "events.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    load(folder, settings)
    made = run_increment(settings, quiet())
    assert made.metrics["increment"]["damped_user_item"] >= 397  # three of the script count
    release = ReleaseStore(Home(home).releases).open_current()
    assert release.manifest.refreshed_through < release.manifest.sequence_ranges[-1][0]
