"""The release that this process serves, and the switch to a newer one without a pause."""

import logging
import threading
import time
from dataclasses import dataclass, replace

from service.release import Release
from service.release_errors import NoRelease, ReleaseError
from service.release_store import ReleaseStore

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.25


@dataclass(frozen=True)
class Serving:
    """What a process serves at one moment; a request takes it once and keeps it to its end."""

    release: Release
    since: float
    """Unix time at which this process began to serve it."""
    fallback_reason: str | None = None
    """Why the current release does not serve, in one line; None: this is the current one."""


class ReleaseHolder:
    """Follows `current`: one stat per poll, the new release is opened beside the old one, then one reference
    is swapped. A release that cannot be opened leaves the old one serving, labelled."""

    def __init__(self, store: ReleaseStore, poll_seconds: float = POLL_SECONDS) -> None:
        self._store = store
        self._poll_seconds = poll_seconds
        self._serving: Serving | None = None
        self._stamp: tuple[int, int, int] | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._poll_lock = threading.Lock()
        self.why_not = "no release was opened yet"
        """Why nothing serves, while nothing does."""

    def serving(self) -> Serving:
        """What is served now. Raises `NoRelease` before the first release was opened."""
        serving = self._serving
        if serving is None:
            raise NoRelease(self.why_not)
        return serving

    def poll(self) -> bool:
        """Look whether `current` was switched, and follow; returns whether something else serves now."""
        with self._poll_lock:
            stamp = self._store.pointer_stamp()
            if stamp == self._stamp and (stamp is not None or self._serving is not None):
                return False
            before = self._serving
            self._follow(before)
            self._stamp = stamp
            return self._serving is not before

    def start(self) -> None:
        """Open the current release now and follow later ones from a thread, until `stop`."""
        self.poll()
        self._thread = threading.Thread(target=self._run, name="release-holder", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; what serves goes on serving."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(self._poll_seconds):
            try:
                self.poll()
            except Exception:  # whatever it was, the old release serves and the next poll tries again
                logger.exception("looking for a new release failed")

    def _follow(self, before: Serving | None) -> None:
        try:
            if before is None:
                opened = self._store.open_newest_valid()
                self._serving = Serving(opened.release, time.time(), opened.fallback_reason)
            else:
                self._serving = self._next(before, self._store.open_current())
        except NoRelease as error:
            self.why_not = str(error)
        except ReleaseError as error:
            assert before is not None
            logger.warning("still serving release %s: %s", before.release.version, error)
            self._serving = replace(before, fallback_reason=str(error))
        if self._serving is not None and self._serving is not before:
            logger.info("serving release %s", self._serving.release.version)

    @staticmethod
    def _next(before: Serving, release: Release) -> Serving:
        if release.version == before.release.version:
            return replace(before, fallback_reason=None)
        return Serving(release, time.time())
