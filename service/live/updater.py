"""The updater: every durable event enters graph and served answers within a fraction of a second."""

import logging
import os
import threading
import time
from concurrent.futures import Future, wait
from dataclasses import asdict, replace
from functools import partial

from gnn.freed_memory import keep_few_arenas, settle
from graph.errors import RetryableStoreError
from graph.log import EventLog
from graph.store import GraphStore
from service.catch_up import catch_up
from service.change_log import ChangeLog
from service.errors import HomeBusy
from service.foreign_edges import adopt_foreign
from service.home import Home
from service.live.beside import beside
from service.live.folding import FoldingTools, LiveFolding
from service.live.fresh_segments import HEAL_NAME
from service.live.live_sources import LiveSources
from service.live.mirror import MakeMirror
from service.live.model import make_mirror
from service.live.question_line import QuestionLine
from service.live.release_following import ReleaseFollowing
from service.live.told_trouble import ToldTrouble
from service.live.updater_status import (
    STEADY_SECONDS,
    UpdaterStatus,
    carried_on,
    cause_of,
    read_updater,
    write_status,
)
from service.live.what_if import preview
from service.releases.store import ReleaseStore
from service.settings import Settings
from service.short_turns import take_short_turns
from service.stores import PlansStatements, closing_both, open_log, open_store
from service.text_vectors import LazyTextVectors, TextVectors, open_encoders

logger = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
PATIENCE = 60
"""Rounds in a row that may fail for a store that is away; then everything is opened anew."""
FOREIGN_SECONDS = 1.0
"""How often the graph is asked whether others wrote to it; what that costs does not grow with the graph."""
STATUS_SECONDS = 1.0
MOST_RESTS = 10
"""After so many restarts the rest before everything is computed anew gets no longer."""
CLOSING_SECONDS = 2.0
"""How long the end waits for the store's warming up, before the store is closed under it."""
PACE_SECONDS = 0.03
"""From one round of work to the next: one fold-in of 15 events takes half of what five of 3 take, and what
that leaves is the API worker's. An event that comes alone does not wait."""


class Updater:
    """One round after the other: log into graph, graph into the served release's fresh rows."""

    def __init__(
        self,
        settings: Settings,
        releases: ReleaseStore,
        make_mirror: MakeMirror | None,
        texts: TextVectors,
        restarts: int = 0,
    ) -> None:
        """make_mirror: None: events enter the graph, answers change with a refresh. restarts: how often an
        updater had to be started again: for the figures, and the more often, the longer it works on what the
        one before has left before it computes everything."""
        self._settings = settings
        self._home = Home(settings.home)
        self._releases = releases
        self._restarts = restarts
        self._following: ReleaseFollowing | None = None
        if make_mirror is not None and settings.update.policy != "off":
            rest_until = time.monotonic() + STEADY_SECONDS * min(restarts, MOST_RESTS)
            tools = FoldingTools(make_mirror, texts, settings, self._home.fresh, rest_until=rest_until)
            self._following = ReleaseFollowing(releases, tools)
        self._trouble: str | None = None
        self._cause: str | None = None
        self._told = ToldTrouble(logger)
        self._applied = self._last = 0
        self._counted = False
        """Whether a round told how far this process has come."""
        self._behind_since: float | None = None
        self._next_status = self._look_next = 0.0
        self._shown: str | None = None
        """Release that was followed when the status was written last."""
        self._cold: PlansStatements | None = None
        self._warming: Future[None] | None = None

    @property
    def _folding(self) -> LiveFolding | None:
        return None if self._following is None else self._following.folding

    def run(self, stopping: threading.Event) -> None:
        """Work until `stopping`; a store that is down and a disk that is full are tried again."""
        while not stopping.is_set():
            try:
                with self._home.writing("start the updater", "updater"):
                    self._run_open(stopping)
            except HomeBusy:
                stopping.wait(RETRY_SECONDS)  # another one works; when it ends, this one goes on
            except (RetryableStoreError, OSError) as error:
                self._tell(error)
                stopping.wait(RETRY_SECONDS)

    def _run_open(self, stopping: threading.Event) -> None:
        log, changes = open_log(self._home), ChangeLog(self._home.changes)
        with closing_both(log, changes):
            self._last = log.last_seq()  # how many events wait is told even if the store is away
            store = open_store(self._settings, self._home)
            with closing_both(store):
                try:
                    self._follow(log, store, changes, stopping)
                finally:
                    if self._following is not None:
                        self._following.let_go()
                    self._end_warming(store)

    def _end_warming(self, store: GraphStore) -> None:
        warming, self._warming = self._warming, None
        if warming is not None and wait([warming], CLOSING_SECONDS).not_done:
            # the store is closed under it; a connection that it opens once more is closed behind it
            warming.add_done_callback(lambda _: store.close())

    def _follow(
        self, log: EventLog, store: GraphStore, changes: ChangeLog, stopping: threading.Event
    ) -> None:
        self._applied = store.applied_seq()
        line = QuestionLine(self._home.fresh)
        try:
            self._work(log, store, changes, stopping, line)
        finally:
            line.close()

    def _work(
        self,
        log: EventLog,
        store: GraphStore,
        changes: ChangeLog,
        stopping: threading.Event,
        line: QuestionLine,
    ) -> None:
        sources = LiveSources(log, store, changes)
        worked, began, failures = False, 0.0, 0
        self._cold = store if isinstance(store, PlansStatements) else None
        while not stopping.wait(self._pause(began if worked else None)):
            began = time.monotonic()
            try:
                worked = self._round(sources, line)
                failures = 0
            except RetryableStoreError as error:
                failures += 1
                if failures > PATIENCE:
                    raise
                worked = False
                self._last = log.last_seq()
                self._tell(error)
                stopping.wait(RETRY_SECONDS)

    def _round(self, sources: LiveSources, line: QuestionLine) -> bool:
        """Do what there is to do; whether there was anything."""
        log, store = sources.log, sources.store
        if time.monotonic() >= self._look_next:
            adopt_foreign(log, store)
            self._look_next = time.monotonic() + FOREIGN_SECONDS
        worked = False
        last = self._last = log.last_seq()
        if last > self._applied:
            catch_up(log, store)
            self._applied = max(self._applied, last)
            worked = True
        if self._following is not None:
            self._following.poll(sources)
            if self._folding is not None:
                worked |= self._folding.step()
                self._answer_questions(store, line)
        self._trouble = self._cause = None
        self._told.end()
        self._show(last)
        if self._cold is not None and not worked:
            # beside: on a server that has just started it takes many seconds, and events may come meanwhile
            self._warming = beside(partial(_warm_up, self._cold), "warming")
            self._cold = None
        return worked

    def _pause(self, worked_from: float | None) -> float:
        """Before the next round; worked_from: when the one before began, where it found work."""
        if worked_from is None:
            return self._settings.update.poll_seconds
        return max(0.0, worked_from + PACE_SECONDS - time.monotonic())

    def _answer_questions(self, store: GraphStore, line: QuestionLine) -> None:
        folding = self._folding
        assert folding is not None
        for question in line.waiting():
            try:
                told = preview(
                    question.asked,
                    folding.release.version,
                    folding.mirror,
                    folding.known,
                    store,
                    self._settings.weights,
                    folding.through,
                )
            except Exception as error:  # whoever asked is told by the connection's end; the work goes on
                logger.exception("a what-if question failed")
                question.answer.set_exception(error)
            else:
                question.answer.set_result(told)

    def _show(self, last: int) -> None:
        now = time.monotonic()
        followed = None if self._following is None else self._following.followed
        through = last if followed is None else followed[1]
        if through >= last:
            self._behind_since = None
        elif self._behind_since is None:
            self._behind_since = now
        release = None if self._folding is None else self._folding.release.version
        early = now < self._next_status and release == self._shown
        if early or (self._following is not None and self._following.opening):
            return
        self._next_status, self._shown = now + STATUS_SECONDS, release
        self._heal()
        write_status(self._home.fresh, self._status(last, now))
        self._counted = True

    def _tell(self, error: Exception) -> None:
        """Why nothing can be done just now; else the last status would go stale as if nobody worked. What
        counted before goes on being told: by it the API refuses events where too many wait."""
        self._trouble, self._cause = f"{type(error).__name__}: {error}", cause_of(error)
        self._told.meet(str(error))
        now = time.monotonic()
        self._behind_since = now if self._behind_since is None else self._behind_since
        release = self._releases.current_summary() or {}
        through = release.get("events_through")
        served = None if through is None else (str(release["version"]), int(through))
        status = carried_on(self._status(self._last, now), read_updater(self._home.fresh), served)
        if self._following is None:
            status = replace(status, release=None, visible_sequence=0)
        write_status(self._home.fresh, replace(status, carried=not self._counted))

    def _heal(self) -> None:
        asked = self._home.fresh / HEAL_NAME
        if self._folding is not None and asked.exists():
            asked.unlink(missing_ok=True)
            logger.warning("a record of fresh rows was damaged; a new segment replaces it")
            self._folding.heal()

    def _status(self, last: int, now: float) -> UpdaterStatus:
        figures: dict[str, float] = {"restarts": self._restarts}
        followed = None if self._following is None else self._following.followed
        if self._folding is not None:
            figures |= asdict(self._folding.figures) | dict(self._folding.mirror.figures())
        return UpdaterStatus(
            pid=os.getpid(),
            at=time.time(),
            sequence=last,
            applied_sequence=self._applied,
            visible_sequence=0 if followed is None else followed[1],
            release=None if followed is None else followed[0],
            lag_seconds=0.0 if self._behind_since is None else now - self._behind_since,
            trouble=self._trouble,
            cause=self._cause,
            figures=figures,
        )


def follow(settings: Settings, stopping: threading.Event, restarts: int = 0) -> None:
    """Run the updater of a home until `stopping`."""
    take_short_turns()
    keep_few_arenas()
    home = Home(settings.home)
    texts = LazyTextVectors(partial(open_encoders, settings, home))
    updater = Updater(settings, ReleaseStore(home.releases), make_mirror(settings), texts, restarts)
    settle()
    updater.run(stopping)


def _warm_up(store: PlansStatements) -> None:
    """Nobody waits for it and nothing is lost without it: whatever fails is only told."""
    try:
        store.warm_up()
    except Exception as error:
        logger.warning("the graph's server could not plan its statements ahead: %s", error)
