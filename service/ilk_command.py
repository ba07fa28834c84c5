"""How a process of ours calls `ilk` anew."""

import os
import sys

from service.home import Home


def ilk_command(home: Home, *args: str) -> list[str]:
    """`ilk` of this very installation, whatever is on the path."""
    return [sys.executable, "-c", "from service.cli import main; main()", "--home", str(home.root), *args]


def ilk_environment() -> dict[str, str]:
    """Ours, in which a folder `service/` in the current directory does not shadow the installed one."""
    return {**os.environ, "PYTHONSAFEPATH": "1"}
