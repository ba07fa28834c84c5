"""Toy mirrors that tell what was asked of them, and when."""

import threading

from gnn.served_model import ServedModel
from service.live.mirror import MirrorStart
from tests.service.live_toys import ToyMirror, ToyRows


class Watched:
    """Makes mirrors and remembers how each began."""

    def __init__(self) -> None:
        self.starts: list[MirrorStart] = []
        self.lists: list[bool] = []
        """Whether lists were computed, time by time."""
        self.recomputed = threading.Event()

    def __call__(self, model: ServedModel, start: MirrorStart) -> ToyMirror:
        self.starts.append(start)
        watched = self

        class Mirror(ToyMirror):
            def propagate(self, *, lists: bool = True) -> ToyRows:
                watched.lists.append(lists)
                return super().propagate(lists=lists)

            def recomputation(self):  # type: ignore[no-untyped-def]  # as the toy's
                watched.recomputed.set()
                return super().recomputation()

        return Mirror(model, start)

    @property
    def went_on(self) -> list[bool]:
        return [bool(start.handed_out) for start in self.starts]


class HeldReadings:
    """Makes mirrors, every one but the first once it may: the shop is read that long."""

    def __init__(self) -> None:
        self.begun = 0
        self.may_end = threading.Event()

    def __call__(self, model: ServedModel, start: MirrorStart) -> ToyMirror:
        self.begun += 1
        if self.begun > 1:
            assert self.may_end.wait(20)
        return ToyMirror(model, start)
