"""What this process serves: the current release with what was folded into it, followed without a pause."""

import logging
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path

from gnn.freed_memory import give_back_freed_memory
from service.live.beside import beside
from service.live.fresh_follower import FreshFollower, FreshState
from service.live.fresh_segments import HEAL_NAME
from service.releases.errors import NoRelease, ReleaseError
from service.releases.release import Release
from service.releases.store import ReleaseStore

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.02
"""One stat of `current` and one listing of a folder with one or two names: some microseconds."""
SWITCH_SECONDS = 60.0
"""How long the old release serves on while the events that are newer than the new one are folded in."""


@dataclass(frozen=True)
class Serving:
    """What a process serves at one moment; a request takes it once and keeps it to its end."""

    release: Release
    """Model, index and items as they answer now: fresh rows are in them."""
    since: float
    """Unix time at which this process began to serve this release."""
    fallback_reason: str | None = None
    """Why the current release does not serve, in one line; None: this is the current one."""
    folded_through: int = 0
    """Newest event that was folded in; 0: none."""
    number: int = 0
    """Changes to the release's answers since it was made."""

    @property
    def events_through(self) -> int:
        """Every event up to this sequence number counts in the answers."""
        return max(self.folded_through, self.release.manifest.events_through)

    @property
    def index_version(self) -> str:
        """Grows with every change of the answers."""
        return f"{self.release.version}.{self.number}" if self.number else self.release.version


@dataclass(frozen=True)
class _Opening:
    """A release that is being opened in another thread."""

    stamp: tuple[int, int, int] | None
    """Of the pointer that named it."""
    release: Future[Release]


@dataclass(frozen=True)
class _Incoming:
    """A release that is to serve as soon as the newest events are in it."""

    serving: Serving
    follower: FreshFollower
    deadline: float
    preliminary: bool = False
    """Whether newer events still go to the release that serves."""
    reading: Future[FreshState | None] | None = None
    """Of the follower, while another thread reads for it."""
    asked: bool = False
    """Whether the updater was told of a damaged record in the file as it is."""


class ReleaseHolder:
    """Follows `current`, and the fresh rows of the release that serves.

    The new release is opened beside the old one, then one reference is swapped. A release that cannot be
    opened leaves the old one serving, labelled. Once `start` was called, rows go on being folded into the old
    one while the new one is opened: that takes a second, and events must not wait for it.
    """

    def __init__(
        self,
        store: ReleaseStore,
        poll_seconds: float = POLL_SECONDS,
        fresh: Path | None = None,
        switch_seconds: float = SWITCH_SECONDS,
    ) -> None:
        """fresh: the home's folder of fresh rows; None: releases are served as they were made."""
        self._store = store
        self._poll_seconds = poll_seconds
        self._fresh = fresh
        self._switch_seconds = switch_seconds
        self._serving: Serving | None = None
        self._follower: FreshFollower | None = None
        self._incoming: _Incoming | None = None
        self._stamp: tuple[int, int, int] | None = None
        self._opening: _Opening | None = None
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

    def poll(self, *, wait: bool = True) -> bool:
        """Look whether `current` was switched or rows were folded in, and follow; returns whether something
        else serves now. wait: until a new release is opened."""
        with self._poll_lock:
            before = self._serving
            while self._look(wait=wait):
                pass
            self._fold_in(wait=wait)
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
                self.poll(wait=False)
            except Exception:  # whatever it was, what serves goes on serving and the next poll tries again
                logger.exception("following the release failed")
                self._stopping.wait(1.0)

    def _look(self, *, wait: bool) -> bool:
        """Follow `current`; whether it may have been switched again meanwhile."""
        stamp = self._store.pointer_stamp()
        before = self._serving
        if before is None:
            if stamp != self._stamp or stamp is None:
                self._follow_first()
                self._stamp = stamp
            return False
        if self._opening is None and stamp != self._stamp:
            self._opening = _Opening(stamp, beside(self._store.open_current, "release-opening"))
        if self._opening is None or not (wait or self._opening.release.done()):
            return False
        self._follow_opened(self._opening, before)
        return True

    def _follow_first(self) -> None:
        try:
            opened = self._store.open_newest_valid()
        except NoRelease as error:
            self.why_not = str(error)
            return
        self._take(Serving(opened.release, time.time(), opened.fallback_reason))

    def _follow_opened(self, opening: _Opening, before: Serving) -> None:
        """Let an opened release serve, or wait for its newest events. Errors that say nothing of the release
        are raised, and it is tried again."""
        self._opening = None
        try:
            release = opening.release.result()
        except NoRelease as error:
            self._stamp, self.why_not = opening.stamp, str(error)
            return
        except ReleaseError as error:
            self._stamp = opening.stamp
            logger.warning("still serving release %s: %s", before.release.version, error)
            self._incoming = None
            self._serving = replace(before, fallback_reason=str(error))
            return
        self._stamp = opening.stamp
        if release.version == before.release.version:
            self._incoming = None
            self._serving = replace(before, fallback_reason=None)
            return
        serving, follower = Serving(release, time.time()), self._follower_of(release)
        if follower is None or before.events_through <= serving.events_through:
            self._take(serving, follower)
        else:
            self._incoming = _Incoming(serving, follower, time.monotonic() + self._switch_seconds)

    def _fold_in(self, *, wait: bool) -> None:
        incoming = self._incoming
        if incoming is not None:
            self._bring_in(incoming, wait=wait)
        if (incoming := self._incoming) is not None and incoming.asked != incoming.follower.broken:
            # once: while the updater is on its way, each request would replace the file of the old one
            self._incoming = replace(incoming, asked=incoming.follower.broken)
            if incoming.follower.broken:
                self._ask_for_healing()
        if self._follower is None or self._serving is None:
            return
        state = self._follower.poll()
        if self._follower.broken:
            self._ask_for_healing()
        if state is not None:
            self._serving = replace(
                self._serving,
                release=state.release,
                folded_through=state.events_through,
                number=state.number,
            )

    def _ask_for_healing(self) -> None:
        """What was read up to the damage serves on; the updater makes the rest anew."""
        assert self._fresh is not None
        try:
            (self._fresh / HEAL_NAME).touch()
        except OSError as error:
            logger.warning("a damaged record of fresh rows cannot be reported: %s", error.strerror)

    def _bring_in(self, incoming: _Incoming, *, wait: bool) -> None:
        """Let the awaited release serve once the newest events are in it, or when that takes too long. Its
        first record holds everything since it was made, tens of megabytes: read in another thread, as events
        must not wait for it."""
        follower, reading = incoming.follower, incoming.reading
        if reading is None and not wait and follower.found and not follower.started:
            reading = beside(follower.poll, "fresh-rows")
        if reading is not None and not reading.done() and not wait:
            self._incoming = replace(incoming, reading=reading)
            return
        self._incoming = incoming = replace(incoming, reading=None)
        state = follower.poll() if reading is None else reading.result()
        if state is not None:
            serving = replace(
                incoming.serving,
                release=state.release,
                folded_through=state.events_through,
                number=state.number,
            )
            incoming = replace(incoming, serving=serving, preliminary=state.preliminary)
            self._incoming = incoming
        before = self._serving
        ready = before is None or (
            incoming.serving.events_through >= before.events_through and not incoming.preliminary
        )
        late = time.monotonic() >= incoming.deadline
        if ready or late:
            if not ready:
                logger.warning(
                    "release %s serves although events after %d are not folded in: does the updater run?",
                    incoming.serving.release.version,
                    incoming.serving.events_through,
                )
            self._take(replace(incoming.serving, since=time.time()), incoming.follower)

    def _take(self, serving: Serving, follower: FreshFollower | None = None) -> None:
        self._incoming = None
        self._follower = follower or self._follower_of(serving.release)
        self._serving = serving
        beside(give_back_freed_memory, "memory")  # of the release before
        logger.info("serving release %s", serving.release.version)

    def _follower_of(self, release: Release) -> FreshFollower | None:
        loaders = self._store.loaders
        if self._fresh is None or loaders.fresh_rows is None:
            return None
        return FreshFollower(release, self._fresh, loaders)
