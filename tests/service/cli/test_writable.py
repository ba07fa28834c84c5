"""Every file that a command is to write is looked at before the command's work."""

import os
from pathlib import Path

import pytest

from service.cli.command import run
from service.cli.writable import check_writable
from service.errors import CallerMistake

WRITING = [
    ["check", "shop", "--html"],
    ["evaluate", "shop", "--html"],
    ["report", "--html"],
    ["tune", "shop", "--out"],
    ["explain", "a", "b", "--graphml"],
    ["inspect", "item", "a", "--html"],
    ["backup"],
    *(
        [*command, "--json"]
        for command in (
            ["load", "shop"],
            ["sync"],
            ["refresh"],
            ["increment"],
            ["check", "shop"],
            ["evaluate", "shop"],
            ["tune", "shop"],
            ["copy", "--to", "sqlite"],
            ["export", "--out", "out"],
            ["gc"],
            ["status"],
        )
    ),
]


@pytest.mark.parametrize("args", WRITING, ids=" ".join)
def test_every_command_looks_at_its_file_first(
    args: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "is a folder").mkdir()
    for file, says in (
        ("no/such/file", "there is no folder"),
        ("is a folder", "it is a folder; name a file"),
    ):
        assert run(["--home", "home", *args, file]) == 2
        told = capsys.readouterr().err
        assert f"{file}: {says}" in told, "not what comes first in the work: the shop and the home are absent"
        assert told.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["is a folder"]


def test_export_looks_at_all_its_files_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "out" / "events.parquet").mkdir(parents=True)
    for out, says in (
        ("file/deep/out", "is a file, not a folder"),
        ("out", "events.parquet: it is a folder"),
    ):
        assert run(["--home", str(tmp_path / "home"), "export", "--out", str(tmp_path / out)]) == 2
        assert says in capsys.readouterr().err


def problem(path: Path, **options: bool) -> str | None:
    try:
        check_writable(path, "--json", **options)
    except CallerMistake as error:
        return str(error)
    return None


def test_what_can_be_written_passes_and_nothing_is_made(tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    (tmp_path / "link").symlink_to("not yet")
    for name in ("new", "there", "link"):
        assert problem(tmp_path / name) is None
    assert problem(tmp_path / "a" / "b" / "new", makes_folders=True) is None
    assert problem(Path("/dev/null")) is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "there"]


def test_what_cannot_be_written_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "lost").symlink_to("absent/deeper")
    assert "is a file, not a folder" in str(problem(tmp_path / "file" / "x"))
    assert "there is no folder" in str(problem(tmp_path / "lost"))
    assert "too long" in str(problem(tmp_path / ("x" * 300)))
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)  # root may write anywhere
    assert "the file may not be written" in str(problem(tmp_path / "file"))
    assert "nothing may be written into" in str(problem(tmp_path / "new"))
