"""Texts of several views -> one vector each."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from encoders.encoder import ProgressFn, TextEncoder
from encoders.review_views import split_views


class ViewEncoder:
    """A `TextEncoder` whose texts may have several views and reviews.

    The vector is u(u(sum of own views) + sum of weight x review), u: scaled to unit length. Reviews that
    contradict each other add up to little, so they count less beside the item's own text.
    """

    def __init__(self, encoder: TextEncoder) -> None:
        self._encoder = encoder

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._encoder.dim

    @property
    def fingerprint(self) -> str:
        """That of the encoder behind: a text of one view has the same vector there."""
        return self._encoder.fingerprint

    def encode(self, texts: Sequence[str], progress: ProgressFn | None = None) -> npt.NDArray[np.float32]:
        """As the port says; progress counts views."""
        views = [split_views(text) for text in texts]
        flat = [view for one in views for view in (*(one.own or [""]), *(text for _, text in one.reviews))]
        vectors = self._encoder.encode(flat, progress)
        if len(flat) == len(views):
            return vectors
        counts = [(len(one.own) or 1, len(one.reviews)) for one in views]
        row = np.repeat(np.arange(len(views)), [own + reviews for own, reviews in counts])
        is_own = np.concatenate([np.arange(own + reviews) < own for own, reviews in counts])
        total = _unit(_sums(vectors[is_own], row[is_own], len(views)))
        if not is_own.all():
            weight = np.array([weight for one in views for weight, _ in one.reviews], np.float32)
            pooled = _sums(vectors[~is_own] * weight[:, None], row[~is_own], len(views))
            total = _unit(total + pooled)
        return total


def _sums(vectors: npt.NDArray[np.float32], row: npt.NDArray[np.int64], n: int) -> npt.NDArray[np.float32]:
    total = np.zeros((n, vectors.shape[1]), np.float32)
    np.add.at(total, row, vectors)
    return total


def _unit(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: npt.NDArray[np.float32] = (rows / np.maximum(length, np.float32(1e-9))).astype(np.float32)
    return unit
