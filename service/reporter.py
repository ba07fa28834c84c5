"""How long work tells people where it stands: named stages, each with a progress bar and its seconds."""

import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

ProgressFn = Callable[[int, int], None]
StepFn = Callable[[str, int, int], None]

_TOLD_SECONDS = 5.0
"""A stage that took so long tells of its parts."""


@dataclass
class Stage:
    """One named part of a long job."""

    name: str
    seconds: float = 0.0
    skipped: bool = False
    peak_memory_bytes: int = 0
    """Largest resident set of the process up to the stage's end."""
    note: str = ""
    """What a reader should know of the outcome, such as "9,671 texts, 0 new"."""
    progress: ProgressFn = field(default=lambda done, total: None)
    """Call with (done, total)."""
    step: StepFn = field(default=lambda what, done, total: None)
    """Call with (what is being done, done, total) where a stage has parts."""
    count: Callable[[int, str], None] = field(default=lambda done, what: None)
    """Call with (done, of what) where the total is not known."""
    parts: dict[str, float] = field(default_factory=dict)
    """Seconds of each part that `step` named, in their order."""


def peak_memory_bytes() -> int:
    """Largest resident set of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


class Reporter:
    """Collects stages; shows them on a console where one is given."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console
        self.expected: Mapping[str, float] = {}
        """Seconds that each stage may take, by the last run; shown beside its bar."""
        self.stages: list[Stage] = []

    def say(self, text: str) -> None:
        """A line for people."""
        if self.console:
            # a file needs no broken lines
            self.console.print(text, soft_wrap=not self.console.is_terminal)

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """Time a stage; its bar disappears at the end and leaves one line."""
        stage = Stage(name)
        self.stages.append(stage)
        started = time.perf_counter()
        try:
            if self.console and self.console.is_terminal:
                with _bar(self.console) as bar:
                    task = bar.add_task(self._told(name), total=None)
                    stage.progress, stage.count = _moving(bar, task), _counting(bar, task, name)
                    clock = _PartClock(stage.parts, _stepping(bar, task, self._told(name)))
                    stage.step = clock.step
                    yield stage
            else:
                clock = _PartClock(stage.parts, stage.step)
                stage.step = clock.step
                yield stage
        finally:
            clock.stop()
            stage.seconds = time.perf_counter() - started
            stage.peak_memory_bytes = peak_memory_bytes()
        outcome = "skipped" if stage.skipped else f"{stage.seconds:6.1f} s"
        self.say(f"  [bold]{name:<10}[/bold] {outcome:>9}  [dim]{stage.note}[/dim]")
        if sum(stage.parts.values()) >= _TOLD_SECONDS:
            told = ", ".join(f"{part} {seconds:,.1f} s" for part, seconds in stage.parts.items())
            self.say(f"  {'':<10} {'':>9}  [dim]{told}[/dim]")

    def skip(self, name: str, why: str) -> None:
        """A stage that need not run."""
        with self.stage(name) as stage:
            stage.skipped, stage.note = True, why

    def _told(self, name: str) -> str:
        return f"{name} (about {self.expected[name]:,.0f} s)" if name in self.expected else name

    def to_json(self) -> list[dict[str, object]]:
        """As in `--json`."""
        return [
            {
                "name": stage.name,
                "seconds": round(stage.seconds, 3),
                "skipped": stage.skipped,
                "peak_memory_bytes": stage.peak_memory_bytes,
                **({"parts": _rounded(stage.parts)} if stage.parts else {}),
            }
            for stage in self.stages
        ]


class _PartClock:
    """Notes how long each part of a stage takes, and hands on what is told."""

    def __init__(self, parts: dict[str, float], told: StepFn) -> None:
        self._parts, self._told = parts, told
        self._name, self._since = "", 0.0

    def step(self, what: str, done: int, total: int) -> None:
        """As `Stage.step`."""
        if what != self._name:
            self.stop()
            self._name, self._since = what, time.perf_counter()
        self._told(what, done, total)

    def stop(self) -> None:
        """The part under way is over."""
        if self._name:
            seconds = time.perf_counter() - self._since
            self._parts[self._name] = self._parts.get(self._name, 0.0) + seconds
            self._name = ""


def _rounded(parts: Mapping[str, float]) -> dict[str, float]:
    return {name: round(seconds, 3) for name, seconds in parts.items()}


def _bar(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )


def _moving(bar: Progress, task: TaskID) -> ProgressFn:
    def progress(done: int, total: int) -> None:
        bar.update(task, completed=done, total=total)

    return progress


def _counting(bar: Progress, task: TaskID, name: str) -> Callable[[int, str], None]:
    def count(done: int, what: str) -> None:
        bar.update(task, completed=done, description=f"{name}: {what}")

    return count


def _stepping(bar: Progress, task: TaskID, stage: str) -> StepFn:
    def step(what: str, done: int, total: int) -> None:
        bar.update(task, completed=done, total=total, description=f"{stage}: {what}")

    return step
