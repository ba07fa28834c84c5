"""The folder through which the workers of one server put their metrics together."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

PREFIX = "ilk-metrics-"
LOCK_NAME = ".lock"
YOUNG_SECONDS = 60.0
"""A folder so young may be one whose server is about to lock it."""


@contextmanager
def metrics_folder() -> Iterator[Path]:
    """Make one in the system's folder for temporary files, and remove it at the end. A server that is killed
    cannot: what such ones left goes when the next one starts."""
    _remove_left(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=PREFIX) as name, FileLock(Path(name, LOCK_NAME)):
        yield Path(name)


def _remove_left(root: Path) -> None:
    for folder in root.glob(f"{PREFIX}*"):
        try:
            found = folder.lstat()
            ours = found.st_uid == os.geteuid() and not folder.is_symlink()
            if not ours or time.time() - found.st_mtime < YOUNG_SECONDS or not (folder / LOCK_NAME).exists():
                continue
            with FileLock(folder / LOCK_NAME, timeout=0):  # its server is gone, also from another container
                shutil.rmtree(folder, ignore_errors=True)
        except (OSError, Timeout):  # in use, or another server removes it
            continue
