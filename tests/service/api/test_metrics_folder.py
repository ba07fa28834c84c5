"""What killed servers leave behind, and what is in use."""

import os
import time
from pathlib import Path

import pytest
from filelock import FileLock

from service.api.metrics_folder import LOCK_NAME, PREFIX, metrics_folder


def left(root: Path, name: str, age: float = 3600.0, lock: bool = True) -> Path:
    folder = root / f"{PREFIX}{name}"
    folder.mkdir()
    (folder / "gauge_1.db").write_bytes(b"x")
    if lock:
        (folder / LOCK_NAME).touch()
    then = time.time() - age
    os.utime(folder, (then, then))
    return folder


def test_the_next_server_removes_what_killed_ones_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    killed = left(tmp_path, "killed")
    kept = [left(tmp_path, "starting", age=1.0), left(tmp_path, "unknown", lock=False)]
    serving = left(tmp_path, "serving")
    with FileLock(serving / LOCK_NAME), metrics_folder() as mine:
        assert mine.parent == tmp_path
        assert not killed.exists()
        assert all((folder / "gauge_1.db").exists() for folder in (serving, *kept))
        with metrics_folder() as other:
            assert mine.exists()
            assert other != mine
    assert not mine.exists()
