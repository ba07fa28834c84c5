"""Which release the updater follows, and the way to another one, which is made beside the loop."""

import logging
import time
from concurrent.futures import Future
from dataclasses import dataclass

from service.change_log import ChangeLog
from service.home import Home
from service.live.beside import beside
from service.live.folding import FoldingTools, LiveFolding
from service.live.fresh_segments import remove_others
from service.live.live_sources import LiveSources
from service.releases.errors import ReleaseError
from service.releases.release import Release
from service.releases.store import ReleaseStore
from service.stores import closing_both, open_log, open_store

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Made:
    """A folding that is being made for a release."""

    version: str
    through: int
    """Newest event that counts in the release itself."""
    future: Future[LiveFolding]


class ReleaseFollowing:
    """Events are folded into the release that is followed until another one's answers know as much."""

    def __init__(self, releases: ReleaseStore, tools: FoldingTools) -> None:
        self._releases = releases
        self._tools = tools
        self._home = Home(tools.settings.home)
        self._stamp: tuple[int, int, int] | None = None
        self._opening: Future[Release | None] | None = None
        self._made: _Made | None = None
        self._wanted: Release | None = None
        """What serves by the pointer: whatever is read anew is read for it, as its stamp is told but once."""
        self.folding: LiveFolding | None = None
        """What works now."""

    @property
    def opening(self) -> bool:
        """Whether it is not known yet what is to be followed."""
        return self.folding is None and self._opening is not None

    @property
    def followed(self) -> tuple[str, int] | None:
        """(release, newest event that counts in its answers); None: none is followed."""
        if self.folding is not None:
            return self.folding.release.version, self.folding.through
        return None if self._made is None else (self._made.version, self._made.through)

    def poll(self, sources: LiveSources) -> None:
        """Look whether another release serves, and take over what is ready. sources: of the loop."""
        stamp = self._releases.pointer_stamp()
        if stamp != self._stamp and self._opening is None:
            self._stamp = stamp
            self._opening = beside(self._opened, "release")
        if self._opening is not None and self._opening.done():
            release, self._opening = self._opening.result(), None
            if release is not None:
                self._turn_to(release)
        if self._made is not None and self._made.future.done():
            self._take(self._made, sources)
        folding = self.folding
        if folding is not None and self._made is None and folding.wants_reading:
            wanted = self._wanted or folding.release
            if wanted.version != folding.release.version:
                folding.stay()  # the way to it is part of the reading
            self._make(wanted)

    def let_go(self) -> None:
        """Follow nothing; what is being made beside is dropped."""
        self._stamp = self._opening = self._made = self._wanted = None
        if self.folding is not None:
            self.folding.close()
            self.folding = None

    def _opened(self) -> Release | None:
        """The release that API workers serve; None: none, or one that cannot be kept up to date."""
        try:
            if self.folding is None:
                release = self._releases.open_newest_valid().release
            else:
                release = self._releases.open_current()
        except ReleaseError as error:
            logger.warning("%s", error)
            return None
        return release if self._releases.loaders.fresh_rows is not None else None

    def _turn_to(self, release: Release) -> None:
        folding, made = self.folding, self._made
        if made is not None and made.version == release.version:
            return
        self._made, self._wanted = None, release
        if folding is not None:
            folding.stay()
            if folding.release.version == release.version or folding.follow(release, self._settled):
                return
        self._make(release)

    def _make(self, release: Release) -> None:
        """Begin to read everything for a release; with files of its own, so that it may end when it likes."""
        before = self.folding
        # with nothing that works meanwhile, every second counts
        load_rows = self._releases.loaders.fresh_rows if before is None else None

        def make() -> LiveFolding:
            log, store = open_log(self._home), open_store(self._tools.settings, self._home)
            changes = ChangeLog(self._home.changes)
            with closing_both(log, store, changes):
                sources = LiveSources(log, store, changes)
                return LiveFolding(release, sources, self._tools, before, load_rows)

        self._made = _Made(release.version, release.manifest.events_through, beside(make, "reading"))

    def _take(self, made: _Made, sources: LiveSources) -> None:
        try:
            folding = made.future.result()
        except BaseException:
            self._made = self._stamp = None  # it is made again
            raise
        if folding.take_over(sources, self.folding):
            self.folding, self._made = folding, None
            self._settled()

    def _settled(self) -> None:
        folding = self.folding
        assert folding is not None
        remove_others(self._home.fresh, folding.release.version)
        logger.info(
            "following release %s, events through %d; %.2f s of processor time since this process began",
            folding.release.version,
            folding.through,
            time.process_time(),
        )
