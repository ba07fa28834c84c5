"""The folder of one shop and who may write to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from filelock import FileLock, Timeout

from service.errors import CallerMistake, HomeBusy
from service.releases.files import replace_text

POLL_SECONDS = 0.2
"""How often a lock that another process holds is tried, where one waits for it."""


@dataclass(frozen=True)
class Home:
    """Names of everything in a home. Nothing is created before it is written to."""

    root: Path

    @property
    def event_log(self) -> Path:
        """Every accepted event, durable."""
        return self.root / "events.db"

    @property
    def graph(self) -> Path:
        """The embedded graph store."""
        return self.root / "graph.db"

    @property
    def text_cache(self) -> Path:
        """Embeddings of texts already encoded."""
        return self.root / "cache" / "text.db"

    @property
    def releases(self) -> Path:
        """One folder per release, and which one is current."""
        return self.root / "releases"

    @property
    def quarantine(self) -> Path:
        """One file per load: every rejected or repaired row."""
        return self.root / "quarantine"

    @property
    def fresh(self) -> Path:
        """What was folded into the served release since it was made, and how the updater stands."""
        return self.root / "live"

    @property
    def increments(self) -> Path:
        """What incremental updates remember of each other."""
        return self.root / "increments.json"

    @property
    def changes(self) -> Path:
        """Which items changed and which events were taken out of the answers, for the updater."""
        return self.root / "changes.db"

    @property
    def rules(self) -> Path:
        """Editors' rules and the trail of what people decided."""
        return self.root / "rules.db"

    @property
    def sync_state(self) -> Path:
        """What `ilk sync` has read of its sources."""
        return self.root / "sync.db"

    @property
    def name_file(self) -> Path:
        """What tells this home from others: a graph outside it says whose it is."""
        return self.root / "name"

    @property
    def reports(self) -> Path:
        """The history of refreshes, and what the schedule did."""
        return self.root / "reports"

    @property
    def work(self) -> Path:
        """Checkpoints of a refresh under way."""
        return self.root / "work"

    def create(self) -> None:
        """Make the folder. Raises `CallerMistake` where that cannot be."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            (self.root / "cache").mkdir(exist_ok=True)
        except OSError as error:
            why = "is a file, not a folder" if self.root.is_file() else error.strerror
            raise CallerMistake(f"home {self.root}: {why}; choose another with --home") from None

    def name(self) -> str:
        """What tells this home from others; made up the first time, on the disk before it is used. Raises
        `CallerMistake` where it can be neither read nor written."""
        try:
            return self._read_name() or self._name_it()
        except OSError as error:
            raise CallerMistake(f"home {self.root}: {self.name_file.name}: {error.strerror}") from None

    def _read_name(self) -> str:
        """Empty where there is none yet, or an empty file as a power cut may leave it."""
        try:
            return self.name_file.read_text("utf-8").strip()
        except FileNotFoundError:
            return ""

    def _name_it(self) -> str:
        self.create()
        temporary = self.root / f".name.{uuid4().hex}"
        with FileLock(self.root / "name.lock"):
            found = self._read_name()
            if found:  # another process was quicker
                return found
            name = uuid4().hex
            try:
                replace_text(self.name_file, name, temporary)
            finally:
                temporary.unlink(missing_ok=True)
            return name

    def require(self) -> None:
        """Raise `CallerMistake` unless something was loaded here."""
        if not self.event_log.exists() and not self.graph.exists():
            raise CallerMistake(
                f"no shop in {self.root}; run `ilk load PATH` first, or name its folder with --home"
            )

    @contextmanager
    def writing(self, what: str, name: str = "write", wait_seconds: float = 0.0) -> Iterator[None]:
        """Hold one of the home's locks (`write`: loading; `refresh`), released by the operating system even
        after kill -9. Raises `HomeBusy` when another process has it for `wait_seconds` to come."""
        self.create()
        lock = FileLock(self.root / f"{name}.lock")
        try:
            lock.acquire(timeout=wait_seconds, poll_interval=POLL_SECONDS)
        except Timeout:
            waited = f" (waited {wait_seconds:,.0f} s)" if wait_seconds else ""
            raise HomeBusy(
                f"another process is writing to {self.root}{waited}; wait for it, then {what} again"
            ) from None
        try:
            yield
        finally:
            lock.release()
