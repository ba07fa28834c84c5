"""Texts as a space in which inner products tell likeness: half-whitening, hubs, nearest neighbours."""

from dataclasses import dataclass

import numpy as np

from gnn.shop_arrays import FloatArray, IntArray
from gnn.sparse_rows import Csr, empty_csr, to_csr

_NO_TEXT = 1e-6
"""A row shorter than this has no text."""


@dataclass(frozen=True)
class TextSpaceConfig:
    """How raw text embeddings become the text channel."""

    whitening: float = 0.35
    """Principal axes are divided by (singular value)^whitening: 0 leaves them, 1 whitens fully. Embeddings
    of one shop share a few dominant axes that say little; full whitening amplifies noise."""
    hub_correction: float = 0.25
    """Share of an item's mean similarity to its neighbours that is taken off its score as a target:
    hubs are near to everything (Dinu et al. 2015; CSLS, Conneau et al. 2018)."""
    neighbours: int = 10
    """Out-degree of the text-neighbour relation."""
    temperature: float = 0.1
    """Of the softmax that weighs the neighbours (cosine units)."""
    min_similarity: float = 0.2
    """An item whose nearest neighbour is farther than this cosine has no text neighbours."""
    block_rows: int = 512
    """Rows of one block of the neighbour search: memory is block_rows x n_items floats."""


@dataclass(frozen=True)
class TextSpace:
    """The text channel of a shop."""

    vectors: FloatArray
    """Half-whitened, unit length; zeros where there is no text; shape (n_items, d)."""
    hub: FloatArray
    """What is taken off an item's cosine as a target, shape (n_items,)."""
    neighbours: Csr
    """Softmax weights over each item's nearest texts; rows sum to 1 or are empty; (n_items, n_items)."""
    projection: "TextProjection | None" = None
    """How `vectors` came from the embeddings: takes texts of later arrival into the same space."""
    near: IntArray | None = None
    """Nearest other items of each, in no order, also those too far to be `neighbours`; (n_items, k)."""


def unit_rows(matrix: FloatArray) -> FloatArray:
    """Rows of unit length; rows of zeros stay."""
    length = np.linalg.norm(matrix, axis=1, keepdims=True)
    unit: FloatArray = (matrix / np.maximum(length, 1e-9)).astype(np.float32)
    return unit


@dataclass(frozen=True)
class TextProjection:
    """Centre, rotate to the principal axes, divide them by s^whitening."""

    mean: FloatArray
    """Of the shop's texts, shape (d,)."""
    axes: FloatArray
    """Principal axes as columns, the strongest first, shape (d, d)."""
    stretch: FloatArray
    """Factor of each axis, shape (d,)."""

    def apply(self, text: FloatArray) -> FloatArray:
        """Embeddings (n, d) -> unit-length rows of the text channel; rows of zeros (no text) stay zeros."""
        present = np.linalg.norm(text, axis=1) > _NO_TEXT
        centred = np.where(present[:, None], text - self.mean, 0.0).astype(np.float32)
        return unit_rows((centred @ self.axes) * self.stretch)


def fit_projection(text: FloatArray, whitening: float) -> TextProjection | None:
    """Learn the projection from embeddings (n_items, d); rows of zeros (no text) take no part.

    `None` where no row has a text.
    """
    present = np.linalg.norm(text, axis=1) > _NO_TEXT
    if not present.any():
        return None
    mean = text[present].mean(axis=0)
    centred = np.where(present[:, None], text - mean, 0.0).astype(np.float32)
    squared, axes = np.linalg.eigh((centred.T @ centred).astype(np.float64))
    singular = np.sqrt(np.maximum(squared, 1e-12))[::-1]
    stretch = (singular / singular[0] + 1e-3) ** -whitening
    return TextProjection(mean, axes[:, ::-1].astype(np.float32), stretch.astype(np.float32))


def nearest(vectors: FloatArray, rows: IntArray, k: int) -> tuple[IntArray, FloatArray]:
    """(ids, cosines) of the `k` nearest other items of some rows, in no order; each of shape (r, k)."""
    cosine = vectors[rows] @ vectors.T
    cosine[np.arange(len(rows)), rows] = -1.0
    ids = np.argpartition(-cosine, k - 1, axis=1)[:, :k]
    return ids.astype(np.int64), np.take_along_axis(cosine, ids, axis=1)


def neighbour_weights(cosines: FloatArray, config: TextSpaceConfig) -> FloatArray:
    """Cosines of the nearest -> softmax weights; zeros where even the nearest is far; shape (r, k)."""
    best = cosines.max(axis=1, keepdims=True)
    weight = np.exp((cosines - best) / config.temperature)
    weight /= weight.sum(axis=1, keepdims=True)
    kept: FloatArray = (weight * (best > config.min_similarity)).astype(np.float32)
    return kept


def build_text_space(text: FloatArray | None, n_items: int, config: TextSpaceConfig) -> TextSpace | None:
    """Text embeddings (n_items, d) -> the text channel; `None` where no item has a text."""
    if text is None or n_items == 0 or not np.any(text):
        return None
    text = np.asarray(text, np.float32)
    projection = fit_projection(text, config.whitening)
    if projection is None:
        return None
    return space_of_vectors(projection.apply(text), projection, config)


def space_of_vectors(
    vectors: FloatArray, projection: TextProjection | None, config: TextSpaceConfig
) -> TextSpace:
    """The text channel of vectors that are projected already, (n_items, d)."""
    n_items = len(vectors)
    k = min(config.neighbours, n_items - 1)
    if k < 1:
        return TextSpace(vectors, np.zeros(n_items, np.float32), empty_csr(n_items, n_items), projection)
    ids = np.zeros((n_items, k), np.int64)
    cosines = np.zeros((n_items, k), np.float32)
    for start in range(0, n_items, config.block_rows):
        rows = np.arange(start, min(start + config.block_rows, n_items))
        ids[rows], cosines[rows] = nearest(vectors, rows, k)
    return space_of_nearest(vectors, ids, cosines, projection, config)


def space_of_nearest(
    vectors: FloatArray,
    ids: IntArray,
    cosines: FloatArray,
    projection: TextProjection | None,
    config: TextSpaceConfig,
) -> TextSpace:
    """The text channel where each item's nearest (n_items, k) and their cosines are known."""
    n_items, k = ids.shape
    weights = neighbour_weights(cosines, config)
    used = weights > 0
    source = np.repeat(np.arange(n_items), k).reshape(n_items, k)
    graph = to_csr(weights[used], source[used], ids[used], (n_items, n_items))
    hub = (config.hub_correction * cosines.mean(axis=1)).astype(np.float32)
    return TextSpace(vectors, hub, graph, projection, ids)
