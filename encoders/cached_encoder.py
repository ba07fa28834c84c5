"""An encoder that never encodes the same text twice."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from encoders.embedding_cache import EmbeddingCache
from encoders.encoder import ProgressFn, TextEncoder
from encoders.errors import InvalidText

_LOOKED_UP = 10_000
"""Texts whose vectors are held at a time while they are counted."""
BLOCK = 256
"""Texts encoded between two writes: what a kill can cost (seconds on one core)."""


class CachedEncoder:
    """A `TextEncoder` in front of another one; equal texts of one call are encoded once.

    Every finished block is in the cache before the next one begins, so an interrupted run resumes there.
    """

    def __init__(self, encoder: TextEncoder, cache: EmbeddingCache) -> None:
        """The cache stays the caller's to close."""
        self._encoder = encoder
        self._cache = cache
        self.encoded = 0
        """Texts that the encoder behind had to encode, since this object was made."""

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._encoder.dim

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the encoder behind."""
        return self._encoder.fingerprint

    def encode(self, texts: Sequence[str], progress: ProgressFn | None = None) -> npt.NDArray[np.float32]:
        """As the port says; known texts count as done at once. Raises `InvalidText`."""
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        missing = self._fill_known(texts, vectors)
        done = len(texts) - sum(len(rows) for rows in missing.values())
        if progress is not None:
            progress(done, len(texts))
        order = sorted(missing, key=lambda text: (-len(text), text))  # like lengths share a block
        for start in range(0, len(order), BLOCK):
            block = order[start : start + BLOCK]
            fresh = self._encoder.encode(block)
            self._cache.put(self.fingerprint, block, fresh)
            self.encoded += len(block)
            for text, vector in zip(block, fresh, strict=True):
                vectors[missing[text]] = vector
                done += len(missing[text])
            if progress is not None:
                progress(done, len(texts))
        return vectors

    def count_missing(self, texts: Sequence[str]) -> int:
        """How many different texts of these `encode` would have to encode."""
        asked = list({text for text in texts if text.strip()})
        missing = 0
        for start in range(0, len(asked), _LOOKED_UP):
            found = self._cache.get(self.fingerprint, asked[start : start + _LOOKED_UP])
            missing += sum(vector is None for vector in found)
        return missing

    def _fill_known(self, texts: Sequence[str], vectors: npt.NDArray[np.float32]) -> dict[str, list[int]]:
        """Write remembered vectors into `vectors`; returns text -> rows of what is left to encode."""
        rows_of: dict[str, list[int]] = {}
        for row, text in enumerate(texts):
            if not isinstance(text, str):
                raise InvalidText(f"text {row} is a {type(text).__name__}, not a string")
            if text.strip():
                rows_of.setdefault(text, []).append(row)
        asked = list(rows_of)
        for text, found in zip(asked, self._cache.get(self.fingerprint, asked), strict=True):
            if found is not None:
                vectors[rows_of.pop(text)] = found
        return rows_of
