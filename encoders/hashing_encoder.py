"""Vectors without a model."""

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from encoders.encoder import ProgressFn
from encoders.errors import InvalidSetting, InvalidText

_WORD = re.compile(r"\w+")
_NGRAM = 3
_NGRAM_WEIGHT = 0.5
_REPORT_EVERY = 1024


class HashingEncoder:
    """Hashes words and their letter trigrams into signed buckets (Weinberger et al., 2009).

    Deterministic, needs no weights, knows no meaning: texts are alike when they share spelling. For tests
    and for a first look without a download.
    """

    def __init__(self, dim: int = 256) -> None:
        """dim: length of the vectors, 8 to 65,536. Raises `InvalidSetting`."""
        if not 8 <= dim <= 65_536:
            raise InvalidSetting(f"dim is {dim}; it must lie between 8 and 65536")
        self._dim = dim

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._dim

    @property
    def fingerprint(self) -> str:
        """Scheme, its version and the dimension."""
        return f"hashing:1:{self._dim}"

    def encode(self, texts: Sequence[str], progress: ProgressFn | None = None) -> npt.NDArray[np.float32]:
        """As the port says. Raises `InvalidText` when something is not a string."""
        vectors = np.zeros((len(texts), self._dim), dtype=np.float32)
        for row, text in enumerate(texts):
            if not isinstance(text, str):
                raise InvalidText(f"text {row} is a {type(text).__name__}, not a string")
            vectors[row] = self._vector(text)
            if progress is not None and ((row + 1) % _REPORT_EVERY == 0 or row + 1 == len(texts)):
                progress(row + 1, len(texts))
        return vectors

    def _vector(self, text: str) -> npt.NDArray[np.float32]:
        words = _WORD.findall(text.lower()) or ([text.strip()] if text.strip() else [])
        if not words:
            return np.zeros(self._dim, dtype=np.float32)
        features = [_features(word) for word in words]
        hashes = np.concatenate([found for found, _ in features])
        weights = np.concatenate([weight for _, weight in features])
        sums = np.bincount((hashes >> 1) % self._dim, weights=weights, minlength=self._dim)
        length = float(np.linalg.norm(sums))
        if length == 0:  # opposite signs met in one bucket and cancelled
            sums[int(hashes[0] >> 1) % self._dim] = length = 1.0
        return (sums / length).astype(np.float32)


@lru_cache(maxsize=100_000)
def _features(word: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """(hashes, signed weights) of a word and of its letter trigrams; the sign is the hash's last bit."""
    framed = f"<{word}>"
    grams = [framed[at : at + _NGRAM] for at in range(len(framed) - _NGRAM + 1)]
    hashes = np.array([_hash(f"w{word}"), *(_hash(f"g{gram}") for gram in grams)], dtype=np.int64)
    weights = np.full(len(hashes), _NGRAM_WEIGHT)
    weights[0] = 1.0
    return hashes, np.where(hashes & 1, weights, -weights)


def _hash(feature: str) -> int:
    digest = hashlib.blake2b(feature.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
