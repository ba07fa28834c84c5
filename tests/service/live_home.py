"""A home whose updater runs in a thread beside a worker that serves."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from gnn.shop_arrays import FloatArray
from graph.event_type import EventType
from graph.interaction import Interaction
from graph.log import EventLog
from graph.store import GraphStore
from service.change_log import ChangeLog
from service.home import Home
from service.live.mirror import MakeMirror
from service.live.updater import Updater
from service.releases.holder import ReleaseHolder
from service.releases.store import ReleaseStore
from service.settings import Settings
from tests.service.live_toys import STEP, ToyMirror
from tests.service.release_toys import ToyShop
from tests.service.releases.test_release_holder import wait_until

SHOP = ToyShop()
OFF = {"user_item": 0, "user": 0, "new_users_item": 0}
FLAGS = {"update": {"quiet_seconds": 0.1, "whole_seconds": 0.5, "poll_seconds": 0.005, "caps": OFF}}


@dataclass
class Live:
    """A home whose updater runs in a thread, and a worker's holder."""

    settings: Settings
    log: EventLog
    store: GraphStore
    changes: ChangeLog
    releases: ReleaseStore
    holder: ReleaseHolder
    stopping: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None
    sent: int = 0

    @property
    def home(self) -> Home:
        return Home(self.settings.home)

    def start(self, make_mirror: MakeMirror = ToyMirror, restarts: int = 0) -> None:
        """restarts: how often it had been started again."""
        self.stopping.clear()
        updater = Updater(self.settings, self.releases, make_mirror, ToyTexts(), restarts)
        self.thread = threading.Thread(target=updater.run, args=(self.stopping,))
        self.thread.start()

    def stop(self) -> None:
        self.stopping.set()
        if self.thread is not None:
            self.thread.join()
            self.thread = None

    def post(
        self, item: str, kind: EventType = EventType.VIEW_ITEM, user: str = "u", review: str | None = None
    ) -> int:
        self.sent += 1
        at = 1_700_000_000_000_000 + self.sent
        event = Interaction(f"x{self.sent}", user, item, kind, at, review_text=review)
        return self.log.append(Interaction.to_frame([event])).last_seq

    def wait(self, sequence: int) -> None:
        self.seen(lambda: self.holder.serving().events_through >= sequence)

    def vector(self, item: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        release = self.holder.serving().release
        row = release.items.index_of(item)
        assert row is not None
        found: np.ndarray[tuple[int, ...], np.dtype[np.float32]] = release.model.item_vectors()[row]
        return found

    def drift(self, item: str) -> float:
        """Steps that an item moved from where its release has it."""
        row = SHOP.ids.index(item)
        return float(((self.vector(item) - SHOP.vectors[row]) / STEP).mean())

    def drifts(self, *items: str) -> list[float]:
        return [self.drift(item) for item in items]

    def seen(self, reached: Callable[[], bool]) -> None:
        wait_until(lambda: (self.holder.poll(), reached())[1])


class ToyTexts:
    """`TextVectors` for which a text that ends in a number n means the same as item n of the toy shop."""

    def of_query(self, text: str, fingerprint: str) -> FloatArray:
        vector: FloatArray = SHOP.vectors[int(text.split()[-1])]
        return vector

    of_item = of_query
