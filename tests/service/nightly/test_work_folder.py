"""Checkpoints come back as they were, or not at all."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from gnn.checkpoints import Checkpoint
from service.nightly.work_folder import WorkFolder

KEPT = Checkpoint(
    {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3),
        "step": np.array(3, np.float32),
        "none": np.zeros((0, 4)),
    },
    {"score": 0.1 + 0.2, "best": None, "names": ["x"]},
)


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    WorkFolder(tmp_path / "work", "same", 0).save("final paths", lambda: KEPT)
    found = WorkFolder(tmp_path / "work", "same", 0).load("final paths")
    assert found is not None
    assert found.values == KEPT.values
    for name, array in KEPT.arrays.items():
        np.testing.assert_array_equal(found.arrays[name], array)
        assert found.arrays[name].dtype == array.dtype
        assert found.arrays[name].shape == array.shape
    assert WorkFolder(tmp_path / "work", "other", 0).load("final paths") is None


@pytest.mark.parametrize("where", [0, 60, -1])
def test_a_damaged_one_is_taken_for_absent(
    tmp_path: Path, where: int, caplog: pytest.LogCaptureFixture
) -> None:
    work = WorkFolder(tmp_path / "work", "same", 0)
    work.save("one", lambda: KEPT)
    path = tmp_path / "work" / "same" / "one.safetensors"
    content = bytearray(path.read_bytes())
    content[where] ^= 1
    path.write_bytes(content)
    assert work.load("one") is None
    assert "done anew" in caplog.text
    path.write_bytes(path.read_bytes()[:-7])
    assert work.load("one") is None


def test_fresh_ones_are_not_worth_another(tmp_path: Path) -> None:
    work = WorkFolder(tmp_path / "work", "same", 3600)

    def refused() -> Checkpoint:
        raise AssertionError("too soon")

    work.save("one", refused)
    work.save("one", lambda: KEPT, final=True)
    assert work.load("one") is not None


def test_others_are_removed(tmp_path: Path) -> None:
    old, new = (WorkFolder(tmp_path / "work", name, 0) for name in ("old", "new"))
    for work in (old, new):
        work.save("one", lambda: KEPT)
    new.remove_others()
    assert old.load("one") is None
    assert new.load("one") is not None
    new.clear()
    assert not (tmp_path / "work").exists()
    new.clear()


def test_half_a_checkpoint_does_not_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    work = WorkFolder(tmp_path / "work", "same", 0)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        work.save("one", lambda: KEPT, final=True)
    assert not [path for path in (tmp_path / "work").rglob("*") if path.is_file()]
