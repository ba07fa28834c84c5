"""Refreshes a copy of a home, killed at a moment (SIGKILL, or SIGINT as Ctrl-C), and again to the end.

Arguments: a home that is loaded but not refreshed, a folder for the copies. First an undisturbed refresh
tells all moments; then each moment gets a copy of the home, a refresh that dies there, and one that goes on.
One JSON object per line on standard output. The processes are forked: importing takes far longer.
"""

import json
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from service.nightly.refresh import refresh
from service.releases.manifest import read_manifest
from service.reporter import Reporter, Stage
from service.settings import Settings, load_settings
from tests.service.conftest import TRIAL_FLAGS

FLAGS: dict[str, Any] = {
    **TRIAL_FLAGS,
    "model": {"options": {"training": {"max_epochs": 4, "checks": 4}}},
    "refresh": {"checkpoint_seconds": 0},
}
SOON_SECONDS = 0.01
ALL_ALONG = (
    "export", "encode", "train", "train: embeddings 2", "train: mix 1", "train: final embeddings 2", "judge",
    "index", "write", "audit", "publish",
)  # fmt: skip
"""Where the last home is killed, one after the other."""


class KillingReporter(Reporter):
    """Notes the moments of a refresh, and ends the process at one of them."""

    def __init__(self, deadly: str | None, ending: signal.Signals = signal.SIGKILL) -> None:
        super().__init__(Console(quiet=True))
        self.moments: list[str] = []
        self._deadly = deadly
        self._ending = ending

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """As in `Reporter`; a moment at entry, shortly after it, at each step and at the end."""
        self._reached(name)
        self._reached(f"{name} soon", later=True)
        with super().stage(name) as stage:
            stage.progress = lambda done, _: self._reached(f"{name} {done}")
            stage.step = lambda what, done, _: self._reached(f"{name}: {what} {done}")
            yield stage
        self._reached(f"{name} over")

    def _reached(self, moment: str, *, later: bool = False) -> None:
        if moment not in self.moments:
            self.moments.append(moment)
        if moment == self._deadly and later:
            threading.Timer(SOON_SECONDS, self._end).start()
        elif moment == self._deadly:
            self._end()

    def _end(self) -> None:
        os.kill(os.getpid(), self._ending)


def in_child(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `work` returns in a forked process; how that died where it did."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, json.dumps(work()).encode())
        except KeyboardInterrupt:
            os._exit(130)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answers:
        answer = answers.read()
    _, status = os.waitpid(child, 0)
    return json.loads(answer) if answer else {"died": os.waitstatus_to_exitcode(status)}


def refreshed(home: Path, deadly: str | None, ending: signal.Signals = signal.SIGKILL) -> dict[str, Any]:
    """Refresh a home in this process and tell what came of it."""
    settings: Settings = load_settings(home, FLAGS)
    reporter = KillingReporter(deadly, ending)
    result = refresh(settings, reporter)
    manifest = read_manifest(home / "releases" / str(result.release))
    return {
        "release": result.release,
        "reason": result.reason,
        "moments": reporter.moments,
        "skipped": [stage.name for stage in reporter.stages if stage.skipped],
        "files": {name: entry.sha256 for name, entry in manifest.files.items()},
        "gate": manifest.metrics["gate"],
        "left": sorted(path.name for path in (home / "work").glob("*")),
    }


def _telling(moments: list[str]) -> list[str]:
    """Without those that come at the same place as another."""
    same = ("export over", "encode over", "judge over", "index over", "train: text", "train: paths 0")
    return [moment for moment in moments if not moment.startswith(same)]


def walk(loaded: Path, copies: Path) -> Iterator[dict[str, Any]]:
    """An undisturbed refresh, then one for each of its moments; the last home is killed all along."""

    def copy(name: str) -> Path:
        return Path(shutil.copytree(loaded, copies / name))

    whole = in_child(lambda: refreshed(copy("undisturbed"), None))
    yield {"moment": None, **whole}
    for number, moment in enumerate(_telling(whole["moments"])):
        home = copy(f"killed-{number}")
        ending = signal.SIGINT if number % 4 == 3 else signal.SIGKILL
        death = in_child(lambda: refreshed(home, moment, ending))  # noqa: B023 - called at once
        again = in_child(lambda: refreshed(home, None))  # noqa: B023
        yield {"moment": moment, "death": death.get("died"), **again}
    home = copy("killed-everywhere")
    deaths = [in_child(lambda: refreshed(home, moment)).get("died") for moment in ALL_ALONG]  # noqa: B023
    yield {"moment": "everywhere", "death": deaths, **in_child(lambda: refreshed(home, None))}


if __name__ == "__main__":
    for line in walk(Path(sys.argv[1]), Path(sys.argv[2])):
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
