"""Backups taken while events come in, restored and checked; garbage that goes and what stays."""

import os
import tarfile
import threading
import time
from pathlib import Path

import polars as pl
import pytest

from graph.frames import EVENT_SCHEMA
from service.catch_up import catch_up
from service.errors import CallerMistake, HomeBusy
from service.home import Home
from service.intake.load import load
from service.keeping.backup import DamagedBackup, back_up, restore
from service.keeping.garbage import collect_garbage
from service.nightly.refresh import refresh
from service.nightly.refresh_result import RefreshResult
from service.releases.store import ReleaseStore
from service.settings import RetentionSettings
from service.stores import closing_both, open_log, open_store
from tests.service.conftest import quiet, trial_settings
from tests.service.release_toys import ToyShop, publish


@pytest.fixture
def home(served_home: tuple[Path, RefreshResult], tmp_path: Path) -> Home:
    """A copy of the served home, by way of a backup."""
    back_up(Home(served_home[0]), tmp_path / "start.tar")
    restored = Home(tmp_path / "home")
    restore(tmp_path / "start.tar", restored)
    return restored


def event(number: int) -> pl.DataFrame:
    row = {
        "event_id": f"late-{number}", "user_id": "late", "anonymous": False, "item_id": "S0001",
        "event_type": "view_item", "at": 1_760_000_000_000_000 + number, "rating": None, "review_text": None,
        "quantity": None, "value": None,
    }  # fmt: skip
    return pl.DataFrame([row], schema=EVENT_SCHEMA)


def test_a_backup_under_writing_is_consistent_and_serves(home: Home, tmp_path: Path) -> None:
    settings, name = trial_settings(home.root), home.name()
    stopping = threading.Event()
    written = 0

    def write() -> None:
        nonlocal written
        log, store = open_log(home), open_store(settings, home)
        with closing_both(log, store):
            while not stopping.is_set():
                log.append(event(written))
                written += 1
                if written % 5 == 0:
                    catch_up(log, store)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while written < 10:
            time.sleep(0.01)
        reports = [back_up(home, tmp_path / f"{n}.tar.gz") for n in range(3)]
    finally:
        stopping.set()
        writer.join()
    assert (tmp_path / "0.tar.gz").stat().st_mode & 0o077 == 0
    for number, report in enumerate(reports):
        other = Home(tmp_path / f"restored-{number}")
        assert restore(tmp_path / f"{number}.tar.gz", other).files == report.files
        assert other.name() == name
        log, store = open_log(other), open_store(trial_settings(other.root), other)
        with closing_both(log, store):
            events = pl.concat(list(log.batches(0)))
            assert store.applied_seq() <= log.last_seq() == events.height
            late = events.filter(pl.col("user_id") == "late")["event_id"].to_list()
            assert late == [f"late-{n}" for n in range(len(late))]
            assert len(late) >= 10
            catch_up(log, store)
            assert store.stats().events == log.last_seq()
        assert ReleaseStore(other.releases).open_current().version == report.release
    assert not list(home.root.rglob(".backup-*"))


def test_a_restored_home_is_the_same_shop(home: Home, served_home: tuple[Path, RefreshResult]) -> None:
    again = refresh(trial_settings(home.root), quiet())
    assert (again.reason, again.release) == ("unchanged", served_home[1].release)


@pytest.mark.parametrize("where", [0.3, 0.6, 0.9])
def test_a_damaged_backup_restores_nothing(home: Home, tmp_path: Path, where: float) -> None:
    back_up(home, tmp_path / "b.tar")
    content = bytearray((tmp_path / "b.tar").read_bytes())
    for name, damaged in (("cut", content[: int(len(content) * where)]), ("changed", content)):
        if name == "changed":
            with tarfile.open(tmp_path / "b.tar") as tar:
                entries = [entry for entry in tar if entry.size > 1000]
            entry = entries[int(len(entries) * where)]
            damaged[entry.offset_data + entry.size // 2] ^= 1
        (tmp_path / name).write_bytes(damaged)
        with pytest.raises(DamagedBackup, match="nothing was restored"):
            restore(tmp_path / name, Home(tmp_path / "target"))
        assert not (tmp_path / "target").exists()
    assert not list(tmp_path.glob(".target*"))


def test_a_foreign_tar_writes_nowhere(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")
    with tarfile.open(tmp_path / "evil.tar", "w") as tar:
        tar.add(tmp_path / "x", arcname="../escaped")
    with pytest.raises(DamagedBackup, match="does not belong"):
        restore(tmp_path / "evil.tar", Home(tmp_path / "target"))
    with pytest.raises(CallerMistake, match="no file"):
        restore(tmp_path / "none.tar", Home(tmp_path / "target"))
    assert not (tmp_path / "escaped").exists()


def test_nothing_is_restored_over_a_home(home: Home, tmp_path: Path) -> None:
    back_up(home, tmp_path / "b.tar")
    with pytest.raises(CallerMistake, match="not empty"):
        restore(tmp_path / "b.tar", home)


def test_a_load_keeps_backup_and_gc_out(home: Home, tmp_path: Path) -> None:
    with home.writing("load"):
        with pytest.raises(HomeBusy):
            back_up(home, tmp_path / "b.tar")
        with pytest.raises(HomeBusy):
            collect_garbage(home, RetentionSettings())
    assert not list(tmp_path.glob("*b.tar*"))


def test_gc_keeps_what_serves_and_its_parent(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    store = ReleaseStore(home.releases)
    versions = [publish(store, ToyShop(), through) for through in range(1, 7)]
    store.rollback(versions[1])
    keep = RetentionSettings(releases=2)
    planned = collect_garbage(home, keep, dry_run=True)
    assert planned.releases == [versions[3], versions[2]]
    assert len(store.versions()) == 6
    done = collect_garbage(home, keep)
    assert done.releases == planned.releases
    assert done.bytes == planned.bytes > 0
    assert set(store.versions()) == {versions[0], versions[1], versions[4], versions[5]}
    assert collect_garbage(home, keep).releases == []


def test_gc_ages_quarantine_and_checkpoints(tmp_path: Path, shop_folder: Path) -> None:
    settings = trial_settings(tmp_path / "home")
    home = Home(settings.home)
    load(shop_folder, settings)
    for folder in (home.quarantine, home.work / "old", home.work / "new"):
        folder.mkdir(parents=True, exist_ok=True)
    for name in ("old", "new"):
        (home.quarantine / f"{name}.jsonl").write_text("{}\n")
    day = 86_400
    for path in (home.quarantine / "old.jsonl", home.work / "old"):
        os.utime(path, (time.time() - 100 * day,) * 2)
    with home.writing("refresh", "refresh"):
        during = collect_garbage(home, RetentionSettings())
    assert during.skipped == ["checkpoints: a refresh is at work"]
    assert during.quarantine_files == 1
    assert collect_garbage(home, RetentionSettings()).checkpoints == 1
    assert [path.name for path in home.work.iterdir()] == ["new"]
    assert [path.name for path in home.quarantine.iterdir()] == ["new.jsonl"]
