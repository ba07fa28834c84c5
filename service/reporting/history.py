"""One line for every refresh that made a release: what it cost, what the gate and the audit said."""

import json
import logging
from pathlib import Path
from typing import Any

from service.home import Home
from service.releases.files import sync_file

logger = logging.getLogger(__name__)


def history_path(home: Home) -> Path:
    """The file, one JSON object a line, oldest first."""
    return home.reports / "history.jsonl"


def append_history(home: Home, record: dict[str, Any]) -> None:
    """Add a line; durable when it returns."""
    path = history_path(home)
    path.parent.mkdir(parents=True, exist_ok=True)
    torn = path.exists() and not path.read_bytes().endswith(b"\n")
    with path.open("a", encoding="utf-8") as out:
        out.write(("\n" if torn else "") + json.dumps(record, ensure_ascii=False) + "\n")
    sync_file(path)


def read_history(home: Home, newest: int = 400) -> list[dict[str, Any]]:
    """The newest lines, oldest first; a line that a crash tore is left out."""
    try:
        lines = history_path(home).read_text("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return []
    found = []
    for line in lines[-newest:]:
        try:
            record = json.loads(line)
        except ValueError:
            logger.warning("%s: a line is torn and left out", history_path(home))
            continue
        found.append(record)
    return found
