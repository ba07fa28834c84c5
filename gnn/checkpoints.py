"""Where an interrupted fit goes on from: a port, so that training knows nothing of files."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy.typing as npt


@dataclass(frozen=True)
class Checkpoint:
    """What a piece of work had come to."""

    arrays: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    """Plain numbers, by name; any shape, 0-dimensional ones too."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """JSON-able; floats come back as the same floats."""


class Checkpoints(Protocol):
    """Keeps checkpoints by name. Whoever makes one answers for it that all inputs of the fit are the same
    whenever it is handed out again."""

    def load(self, name: str) -> Checkpoint | None:
        """The newest checkpoint of that name; None where there is none that can be trusted."""

    def save(self, name: str, make: Callable[[], Checkpoint], *, final: bool = False) -> None:
        """Keep `make()`, or do nothing when the last one is too fresh to be worth another (`make` is not
        called then). final: the work is done, keep it whatever its age."""


class NoCheckpoints:
    """Keeps nothing: a fit that is killed starts anew."""

    def load(self, name: str) -> Checkpoint | None:
        """Nothing was kept."""
        return None

    def save(self, name: str, make: Callable[[], Checkpoint], *, final: bool = False) -> None:
        """Nothing is kept."""
