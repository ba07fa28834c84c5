"""What the home itself remembers of deleted items: for good, and until they come back."""

from pathlib import Path

import apsw
import pytest

from service.change_log import KEPT_CHANGES, ChangeKind, ChangeLog
from service.home import Home
from service.intake.load import load
from service.stores import open_changes
from tests.service.conftest import trial_settings


@pytest.fixture
def changes(tmp_path: Path) -> ChangeLog:
    return ChangeLog(tmp_path / "changes.db")


def test_a_deletion_is_remembered_however_much_is_written_after_it(changes: ChangeLog) -> None:
    changes.note(ChangeKind.DELETED, ["a", "b"])
    changes.note(ChangeKind.PUT, ["c"] * (KEPT_CHANGES + 1))
    assert changes.deleted(["a", "c"]) == {"a"}
    assert changes.deleted() == {"a", "b"}
    changes.note(ChangeKind.PUT, ["a"])
    assert changes.deleted(["a"]) == set()


def test_a_file_of_the_version_before_is_upgraded(tmp_path: Path) -> None:
    path = tmp_path / "changes.db"
    log = ChangeLog(path)
    log.note(ChangeKind.DELETED, ["gone", "back"])
    log.note(ChangeKind.PUT, ["back"])
    log.close()
    older = apsw.Connection(str(path))
    older.execute("DROP TABLE gone; PRAGMA user_version = 1")
    older.close()
    assert ChangeLog(path).deleted() == {"gone"}


def test_a_load_brings_back_what_it_holds(shop_folder: Path, tmp_path: Path) -> None:
    settings = trial_settings(tmp_path / "home")
    load(shop_folder, settings)
    changes = open_changes(Home(settings.home))
    changes.note(ChangeKind.DELETED, ["S0000", "nowhere"])
    items = tmp_path / "again"
    items.mkdir()
    (items / "items.jsonl").write_text('{"item_id": "S0000", "title": "Another title"}\n', "utf-8")
    load(items, settings)
    assert changes.deleted() == {"nowhere"}
