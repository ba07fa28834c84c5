"""The file that lists every row a load rejected or repaired."""

import json
import time
from collections.abc import Sequence
from pathlib import Path

from graph.formats import Problem


class Quarantine:
    """Appends one JSON object per touched row or run of rows: file, lines, reason, outcome, excerpt.

    The file appears with its first row: a clean load leaves none.
    """

    def __init__(self, folder: Path, *, excerpts: bool = True) -> None:
        """excerpts: False where a user was erased from the home. Nobody can tell whose a broken row is, so a
        file that is loaded again must bring back the text of none; file, line and reason are kept."""
        self._excerpts = excerpts
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        self._path = folder / f"{stamp}-{time.time_ns() % 10**9:09d}.jsonl"

    @property
    def path(self) -> Path | None:
        """Where the rows are; None while there is none."""
        return self._path if self._path.exists() else None

    def write(self, problems: Sequence[Problem]) -> None:
        """Append the rows of one batch."""
        if not problems:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8", errors="backslashreplace") as out:
            out.writelines(
                json.dumps(
                    {
                        "file": problem.file,
                        "line": problem.line,
                        "last_line": problem.last_line or problem.line,
                        "rows": problem.rows,
                        "reason": problem.reason,
                        "outcome": problem.outcome,
                        "excerpt": problem.excerpt if self._excerpts else "",
                    },
                    ensure_ascii=False,
                )
                + "\n"
                for problem in problems
            )
