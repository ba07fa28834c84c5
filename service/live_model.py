"""Ilk's own model as the updater follows it."""

from service.live_mirror import MakeMirror
from service.settings import Settings


def make_mirror(settings: Settings) -> MakeMirror | None:
    """How a release's model is kept up to date; None: not at all."""
    return None
