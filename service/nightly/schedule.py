"""The schedule inside `ilk serve`: refresh and sync, each in a niced process, never two of one kind."""

import json
import logging
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

from apscheduler.events import EVENT_JOB_EXECUTED, EVENT_JOB_MISSED, EVENT_JOB_SUBMITTED
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from service.home import Home
from service.ilk_command import ilk_command, ilk_environment
from service.nightly.schedule_state import ScheduleState
from service.nightly.schedule_times import trigger_of, zone_of
from service.settings import Settings

logger = logging.getLogger(__name__)

STOP_SECONDS = 10.0
LATE_SECONDS = 3600
"""A run that the machine could not begin for so long (asleep, say) is a missed one."""
WAIT_SECONDS = 1800
"""How long a refresh waits for an increment, or one that a person began: a night without one is worse."""
SAID_SECONDS = 1.0
"""A wait below this is none."""
INTERRUPTED = 130
"""Exit code of `ilk` after Ctrl-C, which reaches all processes of a terminal."""
Clock = Callable[[], float]


@contextmanager
def scheduling(settings: Settings, clock: Clock = time.time) -> Iterator[None]:
    """Run what the settings plan while the block runs; nothing where they plan nothing.

    Leaving the block ends a run under way, which is safe: the next one goes on from there.
    """
    schedule = Schedule(settings, clock)
    schedule.start()
    try:
        yield
    finally:
        schedule.stop()


class Schedule:
    """Plans jobs, starts them, remembers how they ended."""

    def __init__(self, settings: Settings, clock: Clock = time.time) -> None:
        """clock: Unix seconds, by which a missed run is told."""
        self._settings = settings.schedule
        self._home = Home(settings.home)
        self._clock = clock
        self._state = ScheduleState(self._home)
        self._running: dict[str, subprocess.Popen[str]] = {}
        self._lock = threading.Condition()
        self._stopping = False
        self._scheduler = BackgroundScheduler(
            timezone=zone_of(self._settings.timezone),
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": LATE_SECONDS},
        )

    def start(self) -> None:
        """Plan everything; a run missed while nobody served is made up for at once where that is wanted."""
        triggers = self._triggers()
        self._state.only(set(triggers))
        if not triggers:
            return
        for job, trigger in triggers.items():
            planned = self._state.of(job).next_run
            missed = planned is not None and planned < self._clock() and self._settings.missed == "run"
            self._scheduler.add_job(self._run, trigger, args=[job], id=job)
            if missed:
                logger.info("%s was due while nothing ran; it runs now", job)
                self._scheduler.add_job(self._run, args=[job], id=f"{job} (missed)")
        self._scheduler.add_listener(
            self._note_times, EVENT_JOB_EXECUTED | EVENT_JOB_SUBMITTED | EVENT_JOB_MISSED
        )
        self._scheduler.start()
        self._note_times(None)

    def stop(self) -> None:
        """End the runs under way and the planning."""
        with self._lock:
            self._stopping = True
            running = list(self._running.values())
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
        with self._lock:  # how they ended is still written down
            self._lock.wait_for(lambda: not self._running, STOP_SECONDS)
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)  # waiting here would lock its own listeners out

    def _triggers(self) -> dict[str, Any]:
        wanted: dict[str, Any] = {}
        if self._settings.refresh:
            wanted["refresh"] = trigger_of(
                self._settings.refresh, self._settings.timezone, self._settings.jitter_seconds
            )
        if self._settings.sync_seconds:
            wanted["sync"] = IntervalTrigger(seconds=self._settings.sync_seconds)
        return wanted

    def _note_times(self, _event: object) -> None:
        if (
            self._stopping
        ):  # what is planned stays written down: whether it was missed shows at the next start
            return
        for job in self._scheduler.get_jobs():
            if job.id in ("refresh", "sync"):
                at: datetime | None = job.next_run_time
                self._state.change(job.id, next_run=None if at is None else at.timestamp())

    def _run(self, job: str) -> None:
        process = self._begin(job)
        if process is None:
            return
        begun = self._clock()
        self._state.change(job, running_since=begun, last_start=begun)
        out, err = process.communicate()
        outcome, message = outcome_of(job, process.returncode, out, err)
        before = self._state.of(job)
        self._state.change(
            job,
            running_since=None,
            last_seconds=round(self._clock() - begun, 1),
            last_outcome=outcome,
            last_message=message,
            runs=before.runs + 1,
            failures=before.failures + 1 if outcome == "failed" else 0,
        )
        with self._lock:
            del self._running[job]
            self._lock.notify_all()
        level = logging.WARNING if outcome in ("failed", "rejected") else logging.INFO
        logger.log(level, "scheduled %s: %s: %s", job, outcome, message)

    def _begin(self, job: str) -> "subprocess.Popen[str] | None":
        """Start the job's process; None where it runs already, or nothing shall start any more."""
        with self._lock:
            if self._stopping or job in self._running:
                return None
            process = subprocess.Popen(  # noqa: S603 - our own program
                ilk_command(self._home, *arguments_of(job)),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=ilk_environment(),
                text=True,
            )
            self._running[job] = process
        with suppress(OSError):  # it may have ended already
            os.setpriority(os.PRIO_PROCESS, process.pid, self._settings.nice)
        return process


def arguments_of(job: str) -> tuple[str, ...]:
    """What `ilk` is called with for a job."""
    patient = ("--wait", str(WAIT_SECONDS)) if job == "refresh" else ()
    return (job, *patient, "--json", "-")


def outcome_of(job: str, code: int, out: str, err: str) -> tuple[str, str]:
    """(outcome, one line for people) of a run, from its exit code and what it printed."""
    last_line = (err.strip().splitlines() or [""])[-1].removeprefix("ilk: ")
    if code < 0 or code == INTERRUPTED:
        how = "ended by Ctrl-C" if code == INTERRUPTED else f"ended by signal {-code}"
        return "ended", f"{how}; the next run goes on from there"
    try:
        told: Mapping[str, Any] = json.loads(out)
    except ValueError:
        return "failed", last_line or f"exit code {code}"
    if job == "sync":
        if code:
            return "failed", last_line
        read = [str(source["name"]) for source in told["sources"] if source["outcome"] == "read"]
        return ("read", f"read {', '.join(read)}") if read else ("unchanged", "nothing new")
    outcome, message = _refreshed(told)
    waited = float(told["waited_seconds"])
    said = f" (waited {waited:,.0f} s for another refresh or increment)" if waited >= SAID_SECONDS else ""
    return outcome, f"{message}{said}"


def _refreshed(told: Mapping[str, Any]) -> tuple[str, str]:
    reason = str(told["reason"])
    if told["published"]:
        return "published", f"{told['release']}: {reason}"
    if reason == "unchanged":
        return "unchanged", "nothing new"
    return "rejected" if told["rejected"] else "waits", reason
