"""The folder of releases: which exist, which one serves, and the switch between them."""

import logging
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from service.errors import HomeBusy
from service.releases.errors import NoRelease, ReleaseError, TornRelease, UnknownRelease
from service.releases.files import replace_text, sync_file, sync_folder
from service.releases.manifest import VERSION_PATTERN, ReleaseManifest, read_manifest, version_counter
from service.releases.reader import ReleaseLoaders, ReleaseReader
from service.releases.release import Release, ReleaseSummary
from service.releases.writer import TEMPORARY_PREFIX, ReleaseDraft, ReleaseWriter

logger = logging.getLogger(__name__)

CURRENT_NAME = "current"
PUBLISHED_NAME = "published"
LOCK_NAME = ".lock"
LOCK_SECONDS = 60.0


@dataclass(frozen=True)
class OpenedRelease:
    """A release, and whether it is the one that should serve."""

    release: Release
    fallback_reason: str | None = None
    """Why the current release could not be opened, in one line; None: this is the current one."""


class ReleaseStore:
    """Releases under one folder. Readers need no lock; whoever writes or switches holds one for a moment."""

    def __init__(self, root: Path, loaders: ReleaseLoaders | None = None) -> None:
        self.root = root
        self._reader = ReleaseReader(root, loaders)
        self._writer = ReleaseWriter(root)

    @property
    def loaders(self) -> ReleaseLoaders:
        """How the parts of releases become objects."""
        return self._reader.loaders

    def write(self, draft: ReleaseDraft) -> str:
        """Write a release that does not serve yet; returns its version. Parent: the current release.

        Leftovers of crashed writers are removed first. Raises `HomeBusy`.
        """
        with self._locked():
            parent = draft.parent or self._pointer()
            return self._writer.write(replace(draft, parent=parent))

    def publish(self, version: str) -> None:
        """Let a written release serve: verify it, then switch `current` at once.

        A crash leaves the old or the new release current. Raises `UnknownRelease`, `TornRelease`,
        `ForeignRelease` (nothing was switched), `HomeBusy`.
        """
        with self._locked():
            self._switch_to(version)

    def rollback(self, version: str | None = None) -> str:
        """Let an earlier published release serve again; returns its version.

        version: None: the newest valid one before the current. Raises `UnknownRelease` (never published, or
        none there), `TornRelease`, `ForeignRelease`, `HomeBusy`.
        """
        with self._locked():
            target = version or self._before_current()
            if not self._is_published(target):
                raise UnknownRelease(f"release {target} was never published; {self._known()}")
            self._switch_to(target)
            return target

    def remove(self, versions: Iterable[str]) -> tuple[str, ...]:
        """Remove these releases, but never the current one; returns what was removed."""
        with self._locked():
            there = set(self.versions()) - {self._pointer()}
            doomed = tuple(version for version in versions if version in there)
            for version in doomed:
                going = self.root / f"{TEMPORARY_PREFIX}removing-{version}"
                (self.root / version).rename(going)  # never half a release under a version's name
                shutil.rmtree(going)
            return doomed

    def versions(self) -> tuple[str, ...]:
        """All versions on disk, newest first."""
        if not self.root.is_dir():
            return ()
        names = [path.name for path in self.root.iterdir() if VERSION_PATTERN.match(path.name)]
        return tuple(sorted(names, key=lambda name: (version_counter(name), name), reverse=True))

    def current_version(self) -> str | None:
        """The version that should serve; None before the first publication.

        Raises `TornRelease` where the `current` file does not name a version.
        """
        try:
            text = (self.root / CURRENT_NAME).read_text("utf-8").strip()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise TornRelease(f"{self.root / CURRENT_NAME} cannot be read ({error})") from None
        if not VERSION_PATTERN.match(text):
            raise TornRelease(f"{self.root / CURRENT_NAME} names no release; `ilk refresh` makes a new one")
        return text

    def pointer_stamp(self) -> tuple[int, int, int] | None:
        """Changes whenever `current` is switched; costs one stat. None: nothing was published."""
        try:
            stat = (self.root / CURRENT_NAME).stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_ino, stat.st_size

    def open_current(self) -> Release:
        """Open the release that should serve. Raises `NoRelease`, `TornRelease`, `ForeignRelease`."""
        version = self.current_version()
        if version is None:
            if self.versions():
                waits = "`ilk release list` says what waits for approval"
                raise NoRelease(f"no release in {self.root} serves yet; run `ilk refresh` ({waits})")
            raise NoRelease(f"no release in {self.root}; run `ilk refresh` to make the first one")
        return self._reader.open(version)

    def open_newest_valid(self) -> OpenedRelease:
        """Open the current release, else the published one before it that is whole (logged, and labelled in
        the result). Raises `NoRelease` where none is."""
        try:
            return OpenedRelease(self.open_current())
        except NoRelease:
            raise
        except ReleaseError as error:
            reason = str(error)
        for version in self._fallbacks():
            try:
                release = self._reader.open(version)
            except ReleaseError as error:
                logger.warning("%s", error)
                continue
            logger.warning("serving release %s instead of the current one: %s", version, reason)
            return OpenedRelease(release, reason)
        raise NoRelease(f"{reason}; no earlier release is whole: run `ilk refresh` to make a new one")

    def open(self, version: str) -> Release:
        """Open one release, current or not. Raises `TornRelease`, `ForeignRelease`."""
        return self._reader.open(version)

    def list(self) -> tuple[ReleaseSummary, ...]:
        """All releases on disk, newest first; manifests are read, other files not checked."""
        current = self._pointer()
        return tuple(self._summary(version, current) for version in self.versions())

    def current_summary(self) -> dict[str, Any] | None:
        """The current release as `list` shows it; None before the first publication."""
        current = self._pointer()
        return asdict(self._summary(current, current)) if current else None

    def _switch_to(self, version: str) -> None:
        if version not in self.versions():
            raise UnknownRelease(f"there is no release {version!r}; {self._known()}")
        self._reader.verify(version)
        marker = self.root / version / PUBLISHED_NAME
        marker.touch()
        sync_file(marker)
        sync_folder(marker.parent)
        pointer = self.root / CURRENT_NAME
        replace_text(pointer, f"{version}\n", self.root / f"{TEMPORARY_PREFIX}{CURRENT_NAME}")

    def _before_current(self) -> str:
        current = self._pointer()
        for version in self._fallbacks():
            if current is None or version_counter(version) < version_counter(current):
                try:
                    self._reader.verify(version)
                except ReleaseError as error:
                    logger.warning("%s", error)
                else:
                    return version
        raise UnknownRelease("there is no earlier release to roll back to")

    def _fallbacks(self) -> tuple[str, ...]:
        """Published versions but the current one: those before it, newest first, then those after it."""
        current = self._pointer()
        limit = version_counter(current) if current else 0
        published = [v for v in self.versions() if v != current and self._is_published(v)]
        return tuple(sorted(published, key=lambda v: bool(limit) and version_counter(v) > limit))

    def _is_published(self, version: str) -> bool:
        return (self.root / version / PUBLISHED_NAME).is_file()

    def _pointer(self) -> str | None:
        try:
            return self.current_version()
        except TornRelease:
            return None

    def _known(self) -> str:
        return f"there are: {', '.join(self.versions()) or 'none'}"

    def _summary(self, version: str, current: str | None) -> ReleaseSummary:
        summary = ReleaseSummary(version, version == current, self._is_published(version))
        try:
            return _filled(summary, read_manifest(self.root / version))
        except ReleaseError as error:
            return replace(summary, problem=str(error))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.root / LOCK_NAME)  # released by the operating system, also after kill -9
        try:
            lock.acquire(timeout=LOCK_SECONDS)
        except Timeout:
            raise HomeBusy(f"another process is writing a release in {self.root}; try again later") from None
        try:
            yield
        finally:
            lock.release()


def _filled(summary: ReleaseSummary, manifest: ReleaseManifest) -> ReleaseSummary:
    return replace(
        summary,
        created_at=manifest.created_at,
        parent=manifest.parent,
        items=manifest.items,
        events_through=manifest.events_through,
        bytes=sum(entry.bytes for entry in manifest.files.values()),
        encoder_fingerprint=manifest.encoder_fingerprint,
        metrics=manifest.metrics,
    )
