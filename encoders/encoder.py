"""The port of text encoders."""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

ProgressFn = Callable[[int, int], None]
"""Called with (texts done, texts in all) as the work goes on."""


class TextEncoder(Protocol):
    """Turns texts into vectors."""

    @property
    def dim(self) -> int:
        """Length of a vector."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever the vectors may change: model id and revision or weights' sha256, pooling,
        maximum length, precision. The cache and the release manifest are keyed by it."""

    def encode(self, texts: Sequence[str], progress: ProgressFn | None = None) -> npt.NDArray[np.float32]:
        """Texts -> unit-length vectors, float32, shape (n, dim); an empty or blank text gives zeros.

        The vector of a text does not depend on the other texts of the call beyond float tolerance."""
