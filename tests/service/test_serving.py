"""What keeps `ilk serve` from starting is told once, before any process is started."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from graph.errors import NoAccess, StoreConflict
from service import serving
from service.cli.command import run
from service.home import Home
from service.serving import check_access
from service.stores import open_log
from tests.graph.events import event, frame


@pytest.fixture
def read_only_home(tmp_path: Path) -> Iterator[Path]:
    """A home with an empty log, as a disk that is mounted read-only shows it."""
    home, seen = tmp_path / "home", tmp_path / "seen"
    for folder in (home, seen):
        folder.mkdir()
    open_log(Home(home)).close()
    bind = f"mount --bind {home} {seen} && mount -o remount,ro,bind {seen}"
    if os.geteuid() != 0 or subprocess.run(bind, shell=True, capture_output=True, check=False).returncode:
        pytest.skip("NO READ-ONLY FOLDER: only root may mount one, and permissions do not hold root")
    yield seen
    subprocess.run(["umount", "--lazy", str(seen)], check=True)


def no_process(*arguments: object) -> None:
    raise AssertionError("a process was started")


@pytest.mark.parametrize("workers", ["1", "3"])
def test_a_read_only_home_ends_the_server_with_one_line(
    workers: str, read_only_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(serving, "UpdaterProcess", no_process)
    assert run(["--home", str(read_only_home), "serve", "--port", "0", "--workers", workers]) == 1
    told = capsys.readouterr()
    assert (
        told.err
        == f"ilk: {read_only_home}/events.db: cannot be opened; check the folder and its permissions\n"
    )
    assert told.out == ""


@pytest.mark.parametrize("workers", ["1", "3"])
@pytest.mark.parametrize("place", ["header", "middle"])
def test_a_damaged_log_ends_the_server_with_one_line(
    place: str,
    workers: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    home = Home(tmp_path)
    log = open_log(home)
    log.append(frame(*(event(f"e{n}") for n in range(2000))))
    log.close()
    with home.event_log.open("r+b") as written:
        written.seek({"header": 0, "middle": 8192}[place])
        written.write(b"?" * {"header": 100, "middle": home.event_log.stat().st_size - 2 * 8192}[place])
    monkeypatch.setattr(serving, "UpdaterProcess", no_process)
    assert run(["--home", str(tmp_path), "serve", "--port", "0", "--workers", workers]) == 1
    told = capsys.readouterr()
    (line,) = told.err.splitlines()
    assert line.startswith(f"ilk: {home.event_log}: is damaged or no SQLite database (")
    assert line.endswith("; restore a backup (`ilk restore`) into another folder")
    assert told.out == ""


def test_a_log_that_another_process_holds_is_waited_for_by_the_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    errors: list[Exception] = [StoreConflict("held"), NoAccess("closed to us")]

    def refusing(home: Home) -> None:
        raise errors.pop(0)

    monkeypatch.setattr(serving, "open_log", refusing)
    check_access(Home(tmp_path))
    assert "the event log cannot be opened just now: held" in caplog.text
    with pytest.raises(NoAccess, match="closed to us"):
        check_access(Home(tmp_path))
