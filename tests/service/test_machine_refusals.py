"""A full disk, met for real and by each library that writes files."""

import errno
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from index import build_index
from service.cli import command
from service.errors import CallerMistake
from service.home import Home
from service.keeping.backup import back_up, restore
from service.machine_refusals import refusal_of
from service.nightly.refresh_result import RefreshResult
from tests.service.small_disk import mounted


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Half a MiB; filled by whoever writes to it."""
    with mounted(tmp_path / "disk", "512k") as folder:
        yield folder


def test_numpy_faiss_and_python_say_that_the_disk_is_full(small_disk: Path) -> None:
    vectors = np.ones((2_000, 128), np.float32)
    with pytest.raises(OSError, match="requested and") as by_numpy:
        np.save(small_disk / "vectors.npy", vectors)
    with pytest.raises(OSError, match="No space") as by_python:
        (small_disk / "text").write_bytes(vectors.tobytes())
    with pytest.raises(RuntimeError) as by_faiss:
        build_index("flat", vectors).save(small_disk / "index.faiss")
    for failed in (by_numpy, by_python, by_faiss):
        told = refusal_of(failed.value)
        assert told is not None
        assert "the disk is full; free space" in told


def test_a_fault_of_ours_stays_one() -> None:
    assert refusal_of(FileNotFoundError(errno.ENOENT, "gone", "x")) is None
    assert refusal_of(RuntimeError("shapes differ")) is None
    assert refusal_of(OSError("odd")) is None


def test_a_backup_needs_room_beside_itself_and_not_in_the_home(
    served_home: tuple[Path, RefreshResult], small_disk: Path, tmp_path: Path
) -> None:
    home = Home(served_home[0])
    with pytest.raises(CallerMistake, match="No space left"):
        back_up(home, small_disk / "backup.tar")
    assert not list(small_disk.iterdir())
    back_up(home, tmp_path / "backup.tar")
    with pytest.raises(CallerMistake, match="make room there; nothing was restored"):
        restore(tmp_path / "backup.tar", Home(small_disk / "home"))
    assert not list(small_disk.iterdir())


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            OSError(errno.ENOSPC, "x", "/shop/work"),
            "/shop/work: the disk is full; free space, then run the same",
        ),
        (OSError(errno.EMFILE, "x"), "too many open files; raise the limit (ulimit -n)"),
        (OSError(errno.EROFS, "x", "/shop"), "/shop: the disk is mounted read-only"),
    ],
)
def test_the_command_line_tells_it_in_one_line(
    error: OSError, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(context: object) -> None:
        raise error

    monkeypatch.setattr(command, "get_command", refused)
    assert command.run(["status"]) == 1
    assert capsys.readouterr().err.startswith(f"ilk: {told}")


def test_a_text_model_that_is_not_there_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = tmp_path / "shop"
    shop.mkdir()
    (shop / "items.jsonl").write_text('{"item_id": "a", "title": "A"}\n{"item_id": "b", "title": "B"}\n')
    monkeypatch.setenv("ILK_HOME", str(tmp_path / "home"))
    command.run(["load", str(shop)])
    monkeypatch.setenv("ILK_ENCODER__MODEL", "/no/such/model")
    capsys.readouterr()
    assert command.run(["refresh"]) == 1
    assert "ilk: there is no folder '/no/such/model'" in capsys.readouterr().err
