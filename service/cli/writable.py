"""Whether a file that the user names can be written, asked before the work begins: hours later is late to
learn that its result has no place."""

import os
from collections.abc import Callable
from pathlib import Path

from service.errors import CallerMistake


def check_writable(path: Path, option: str, *, makes_folders: bool = False) -> None:
    """Raise `CallerMistake`, which names the option and says what to do, where `path` cannot be written.

    makes_folders: the command makes the folders of the path that are not there.
    """
    try:
        problem = _problem(path, makes_folders)
    except (OSError, ValueError) as error:  # a name too long, or with a NUL in it
        problem = f"{getattr(error, 'strerror', None) or error}; name another file"
    if problem is not None:
        raise CallerMistake(f"{option} {path}: {problem}")


def writable(option: str) -> Callable[[Path | None], Path | None]:
    """`check_writable` as the callback of an option or argument."""

    def checked(path: Path | None) -> Path | None:
        if path is not None:
            check_writable(path, option)
        return path

    return checked


def _problem(path: Path, makes_folders: bool) -> str | None:
    if path.is_dir():
        return f"it is a folder; name a file in it, such as {path / 'FILE'}"
    if path.exists():
        return None if os.access(path, os.W_OK) else "the file may not be written; name another one"
    folder = Path(os.path.realpath(path)).parent  # also where a link leads that leads nowhere yet
    while makes_folders and not folder.exists():
        folder = folder.parent
    if not folder.exists():
        return f"there is no folder {folder}; make it first, or name another file"
    if not folder.is_dir():
        return f"{folder} is a file, not a folder; name another file"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"nothing may be written into the folder {folder}; name another file"
    return None
