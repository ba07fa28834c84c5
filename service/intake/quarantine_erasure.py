"""Taking personal data out of the lists of rejected and repaired rows."""

import json
import os
from pathlib import Path


def blank_excerpts(folder: Path) -> int:
    """Empty the excerpt of every row of every file; returns how many had one.

    An excerpt is the beginning of a row or a field as it came, cut and spelled in any way, so that nobody can
    tell for certain whose it is: all of them go. File, line and reason stay, and with them a person finds the
    row in the shop's own file. The caller holds the home's write lock.
    """
    return sum(_blank_file(path) for path in sorted(folder.glob("*.jsonl")))


def _blank_file(path: Path) -> int:
    blanked = 0
    temporary = path.with_suffix(".erasing")
    with path.open(encoding="utf-8") as source, temporary.open("w", encoding="utf-8") as out:
        for line in source:
            row = json.loads(line)
            blanked += bool(row["excerpt"])
            out.write(json.dumps({**row, "excerpt": ""}, ensure_ascii=False) + "\n")
        out.flush()
        os.fsync(out.fileno())
    if blanked:
        temporary.replace(path)
    else:
        temporary.unlink()
    return blanked
