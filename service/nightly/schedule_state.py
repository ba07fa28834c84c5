"""What the schedule has done and will do, in a file that every process of the home may read."""

import json
import logging
import secrets
import threading
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from service.home import Home
from service.releases.files import replace_text

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class JobState:
    """Where one job stands; times are Unix seconds."""

    next_run: float | None = None
    """None: it is not planned any more."""
    running_since: float | None = None
    """None: it does not run."""
    last_start: float | None = None
    last_seconds: float | None = None
    last_outcome: str | None = None
    """`published`, `waits` (for a person), `rejected`, `unchanged`, `read`, `failed` or `ended`; None: it
    never ran."""
    last_message: str = ""
    """One line for people."""
    runs: int = 0
    failures: int = 0
    """Runs in a row that failed."""


def schedule_path(home: Home) -> Path:
    """The state file."""
    return home.reports / "schedule.json"


def read_schedule(home: Home) -> dict[str, JobState]:
    """Job -> where it stands; empty where nothing was ever planned."""
    try:
        found = json.loads(schedule_path(home).read_text("utf-8"))
        return {str(name): JobState(**state) for name, state in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        logger.warning("%s cannot be read and is begun anew: %s", schedule_path(home), error)
        return {}


def schedule_status(home: Home) -> dict[str, Any]:
    """As `ilk status` and `/v1/status` show it."""
    return {name: asdict(state) for name, state in read_schedule(home).items()}


class ScheduleState:
    """Changes the file; safe from several threads of the one process that plans."""

    def __init__(self, home: Home) -> None:
        self._path = schedule_path(home)
        self._lock = threading.Lock()
        self._jobs = read_schedule(home)

    def of(self, job: str) -> JobState:
        """Where a job stands."""
        with self._lock:
            return self._jobs.get(job, JobState())

    def change(self, job: str, **fields: Any) -> None:
        """Change some fields; durable when it returns."""
        with self._lock:
            self._jobs[job] = replace(self._jobs.get(job, JobState()), **fields)
            self._write()

    def only(self, jobs: set[str]) -> None:
        """Forget jobs that the settings no longer name, and what was running when the last process died."""
        with self._lock:
            self._jobs = {
                name: replace(state, running_since=None) for name, state in self._jobs.items() if name in jobs
            }
            if self._jobs or self._path.exists():
                self._write()

    def _write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({name: asdict(state) for name, state in self._jobs.items()}, indent=1) + "\n"
        replace_text(self._path, text, self._path.with_name(f".schedule-{secrets.token_hex(4)}.writing"))
