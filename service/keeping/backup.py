"""A home in one file, taken while it serves, and a home from such a file.

The databases are copied by SQLite's own backup, page by page, the event log last: whatever came in meanwhile
is in the log and enters the copied graph when the restored home is opened. Releases never change once made.
"""

import errno
import hashlib
import json
import os
import secrets
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import apsw

from graph.sqlite_file import translated
from service.errors import CallerMistake, ServiceError
from service.home import Home
from service.machine_refusals import FULL
from service.releases.files import sha256_of, sync_file, sync_folder
from service.releases.store import CURRENT_NAME, ReleaseStore
from service.settings import TOML_NAME

MANIFEST_NAME = "ilk-backup.json"
KIND = "ilk-backup"
PAGES = 2_000
"""Pages of one step of a database's backup: writers wait milliseconds, not for the whole copy."""


class DamagedBackup(ServiceError):
    """The file is no backup, was cut short, or was changed since it was written."""


@dataclass(frozen=True)
class BackupReport:
    """What a backup holds."""

    path: str
    files: int
    bytes: int
    """Of the files in it."""
    release: str | None
    """The release that serves."""

    def to_json(self) -> dict[str, Any]:
        """As in `--json`."""
        return asdict(self)


def back_up(home: Home, target: Path, *, with_cache: bool = True) -> BackupReport:
    """Write a home into one tar file (`.gz`: compressed), whole or not at all; readable by its owner only.

    with_cache: also vectors of texts, which otherwise are encoded again. Events go on being accepted. What is
    left out can be made again: checkpoints, rows folded in since the release. Raises `HomeBusy` during a
    load, an erasure or `ilk gc`, `CallerMistake` where the file cannot be written.
    """
    home.require()
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.writing")
    try:
        with home.writing("backup"), temporary.open("xb") as out:
            temporary.chmod(0o600)
            report = _write(home, out, target, with_cache)
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        if error.filename is not None and Path(os.fsdecode(error.filename)).is_relative_to(home.root):
            raise  # the home refuses, not the backup's folder
        raise CallerMistake(f"{target}: {error.strerror}; choose another file") from None
    finally:
        temporary.unlink(missing_ok=True)
    return report


def restore(source: Path, home: Home) -> BackupReport:
    """Make a home from a backup: every checksum is looked at before anything has the home's name.

    Raises `CallerMistake` (the home is not empty, no such file), `DamagedBackup`.
    """
    if home.root.exists() and any(home.root.iterdir()):
        raise CallerMistake(f"{home.root} is not empty; restore into another folder (--home), then move it")
    home.root.parent.mkdir(parents=True, exist_ok=True)
    staging = home.root.with_name(f".{home.root.name}.{secrets.token_hex(4)}.restoring")
    try:
        report = _extract(source, staging)
        if home.root.exists():
            home.root.rmdir()
        staging.rename(home.root)
        sync_folder(home.root.parent)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return report


def _write(home: Home, out: IO[bytes], target: Path, with_cache: bool) -> BackupReport:
    sums: dict[str, str] = {}
    total = 0
    release = ReleaseStore(home.releases).current_version()
    with tarfile.open(fileobj=out, mode="w:gz" if target.suffix == ".gz" else "w") as tar:
        for name, path in _contents(home, with_cache, target.parent):
            sums[name] = sha256_of(path)
            total += path.stat().st_size
            tar.add(path, arcname=name, recursive=False, filter=_plain)
        manifest = {"kind": KIND, "version": 1, "release": release, "sha256": sums}
        text = json.dumps(manifest, indent=1).encode()
        entry = tarfile.TarInfo(MANIFEST_NAME)
        entry.size, entry.mode = len(text), 0o600
        tar.addfile(entry, BytesIO(text))
    return BackupReport(str(target), len(sums), total, release)


def _contents(home: Home, with_cache: bool, beside: Path) -> Iterator[tuple[str, Path]]:
    """(name in the backup, file to read) of everything; the event log comes last. beside: see `_copied`."""
    current = home.releases / CURRENT_NAME
    for path in [
        home.root / TOML_NAME,
        home.name_file,
        *home.quarantine.glob("*.jsonl"),
        *home.reports.glob("*.json*"),
        current,
    ]:
        if path.is_file():
            yield _name(home, path), path
    for version in ReleaseStore(home.releases).versions():
        for path in sorted((home.releases / version).rglob("*")):
            if path.is_file():
                yield _name(home, path), path
    databases = [home.graph, home.sync_state, home.rules, home.event_log]
    if with_cache:
        databases.insert(0, home.text_cache)
    for path in databases:
        if path.exists():
            with _copied(path, beside) as copy:
                yield _name(home, path), copy


@contextmanager
def _copied(path: Path, beside: Path) -> Iterator[Path]:
    """A copy of a database as it is at one moment, while others write to it. beside: the folder that it lies
    in meanwhile: the backup's, where there has to be room; a home whose disk is full can be backed up."""
    with translated(path), tempfile.TemporaryDirectory(prefix=".backup-", dir=beside) as folder:
        copy = Path(folder) / path.name
        source = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        source.set_busy_timeout(30_000)
        target = apsw.Connection(str(copy))
        try:
            with source, target.backup("main", source, "main") as backup:
                while not backup.done:
                    backup.step(PAGES)
        except apsw.FullError:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(copy)) from None
        finally:
            target.close()
            source.close()
        yield copy


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o600
    return entry


def _name(home: Home, path: Path) -> str:
    return path.relative_to(home.root).as_posix()


def _extract(source: Path, staging: Path) -> BackupReport:
    found: dict[str, str] = {}
    manifest: dict[str, Any] = {}
    total = 0
    try:
        with tarfile.open(source) as tar:
            for entry in tar:
                content = tar.extractfile(entry)
                if content is None or not _inside(entry.name):
                    raise DamagedBackup(f"{source}: {entry.name!r} does not belong into a backup")
                if entry.name == MANIFEST_NAME:
                    manifest = json.load(content)
                    continue
                path = staging / entry.name
                path.parent.mkdir(parents=True, exist_ok=True)
                found[entry.name] = _copy(content, path)
                total += entry.size
    except FileNotFoundError:
        raise CallerMistake(f"there is no file {source}") from None
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        if isinstance(error, OSError) and _of_target(error, staging):
            why = f"{staging.parent}: {error.strerror}; choose another --home, or make room there"
            raise CallerMistake(f"{why}; nothing was restored") from None
        raise DamagedBackup(f"{source} cannot be read to its end ({error}); nothing was restored") from None
    if manifest.get("kind") != KIND:
        raise DamagedBackup(f"{source} is no backup of Ilk, or it was cut short; nothing was restored")
    if manifest["sha256"] != found:
        wrong = sorted(set(manifest["sha256"].items()) ^ set(found.items()))[0][0]
        raise DamagedBackup(f"{source}: {wrong} is missing or was changed; nothing was restored")
    return BackupReport(str(source), len(found), total, manifest.get("release"))


def _of_target(error: OSError, staging: Path) -> bool:
    """Whether writing failed, not reading."""
    named = error.filename is not None and os.fsdecode(error.filename).startswith(str(staging))
    return named or error.errno in FULL


def _copy(content: IO[bytes], path: Path) -> str:
    """Write a file to the disk; its sha256."""
    digest = hashlib.sha256()
    with path.open("wb") as out:
        while chunk := content.read(1 << 20):
            digest.update(chunk)
            out.write(chunk)
    path.chmod(0o644 if "releases" in path.parts else 0o600)
    sync_file(path)
    return digest.hexdigest()


def _inside(name: str) -> bool:
    return not name.startswith("/") and ".." not in Path(name).parts
