"""A home has a name of its own, for a graph that lies outside it."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from service.errors import CallerMistake
from service.home import Home


def names_in(home: Home) -> set[str]:
    return {path.name for path in home.root.iterdir()} - {"name.lock"}


def test_names_stay_and_differ(tmp_path: Path) -> None:
    one, other = Home(tmp_path / "one"), Home(tmp_path / "other")
    assert one.name() == Home(one.root).name() != other.name()
    assert names_in(one) == {"cache", "name"}


@pytest.mark.parametrize("left", ["", " \n"])
def test_an_empty_name_is_none(tmp_path: Path, left: str) -> None:
    """A graph that is opened with the name "" is anybody's."""
    home = Home(tmp_path)
    home.name_file.write_text(left, "utf-8")
    name = home.name()
    assert name
    assert home.name() == name == home.name_file.read_text("utf-8")


def test_all_who_ask_at_once_are_told_the_same(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.name_file.touch()
    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(lambda _: Home(tmp_path).name(), range(16)))) == 1


def test_a_name_is_on_the_disk_before_it_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[bool] = []
    real = os.fsync

    def noted(handle: int) -> None:
        synced.append(stat.S_ISDIR(os.fstat(handle).st_mode))
        real(handle)

    monkeypatch.setattr(os, "fsync", noted)
    Home(tmp_path).name()
    assert synced == [False, True]  # the file, then its folder


def test_a_name_needs_no_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    assert Home(tmp_path).name()


def test_a_name_that_cannot_be_written_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    home = Home(tmp_path)
    with pytest.raises(CallerMistake, match=r"name: No space left on device"):
        home.name()
    assert names_in(home) == {"cache"}


def test_a_file_is_no_home(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CallerMistake, match="is a file, not a folder; choose another with --home"):
        Home(tmp_path / "file").create()
