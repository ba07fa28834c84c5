"""The text channel while items come and change: projection frozen, neighbours kept exact row by row."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from gnn.shop_arrays import FloatArray, IntArray
from gnn.signals import ItemSignals
from gnn.sparse_rows import Csr
from gnn.text_space import TextSpace, TextSpaceConfig, nearest, space_of_nearest, space_of_vectors

_SMALL = 64
"""Catalogues up to this size, and changes of more than a quarter, are searched anew as a whole."""
_MANY = 2048
"""Also changes of more rows than this: bounds the memory of the search at this many floats an item."""
_BLOCK_ROWS = 4096


@dataclass(frozen=True)
class LiveText:
    """Immutable; `updated` gives the next state. Memory: the text vectors once, 160 bytes an item beside."""

    config: TextSpaceConfig
    space: TextSpace
    cosines: FloatArray
    """Of `space.near`, (n_items, k)."""
    to_text: Csr
    """Transpose of `space.neighbours`."""

    @classmethod
    def of(cls, signals: ItemSignals, config: TextSpaceConfig) -> Self | None:
        """From a release; `None` where it has no texts. Neighbours that it does not hold are searched."""
        if signals.text is None:
            return None
        vectors = np.asarray(signals.text)
        if signals.text_near is None:
            return cls._from(space_of_vectors(vectors, signals.text_projection, config), config)
        ids = np.asarray(signals.text_near)
        cosines = _cosines(vectors, ids)
        return cls._of_nearest(vectors, ids, cosines, signals.text_projection, config)

    @classmethod
    def _of_nearest(
        cls,
        vectors: FloatArray,
        ids: IntArray,
        cosines: FloatArray,
        projection: object,
        config: TextSpaceConfig,
    ) -> Self:
        space = replace(space_of_nearest(vectors, ids, cosines, None, config), projection=projection)  # type: ignore[arg-type]
        return cls(config, space, cosines, space.neighbours.T.tocsr())

    @classmethod
    def _from(cls, space: TextSpace, config: TextSpaceConfig) -> Self:
        near = np.zeros((len(space.vectors), 0), np.int64) if space.near is None else space.near
        return cls(config, space, _cosines(space.vectors, near), space.neighbours.T.tocsr())

    def updated(self, n_items: int, rows: IntArray, vectors: FloatArray) -> Self:
        """Some items' text vectors replaced (m, d), the catalogue grown to `n_items` (without text)."""
        old = len(self.space.vectors)
        grown = np.zeros((n_items, self.space.vectors.shape[1]), np.float32)
        grown[:old] = self.space.vectors
        grown[rows] = vectors
        rows = np.union1d(rows, np.arange(old, n_items))
        near = self.space.near
        if near is None or n_items <= _SMALL or len(rows) > min(n_items // 4, _MANY):
            return self._from(space_of_vectors(grown, self.space.projection, self.config), self.config)
        ids = np.zeros((n_items, near.shape[1]), np.int64)
        cosines = np.full((n_items, near.shape[1]), -1.0, np.float32)
        ids[:old], cosines[:old] = near, self.cosines
        _search_again(grown, rows, ids, cosines)
        return self._of_nearest(grown, ids, cosines, self.space.projection, self.config)


def _search_again(vectors: FloatArray, rows: IntArray, ids: IntArray, cosines: FloatArray) -> None:
    """Bring the nearest up to date, in place, after the vectors of `rows` changed."""
    k = ids.shape[1]
    changed = np.zeros(len(vectors), np.bool_)
    changed[rows] = True
    stale = changed | changed[ids].any(axis=1)
    for start in range(0, len(again := np.flatnonzero(stale)), 512):
        block = again[start : start + 512]
        ids[block], cosines[block] = nearest(vectors, block, k)
    # everybody else can only gain a neighbour among the changed
    cosine = vectors @ vectors[rows].T  # (n_items, r)
    gains = np.flatnonzero(~stale & (cosine.max(axis=1, initial=-1.0) > cosines.min(axis=1)))
    if not len(gains):
        return
    all_ids = np.concatenate([ids[gains], np.broadcast_to(rows, (len(gains), len(rows)))], axis=1)
    all_cosines = np.concatenate([cosines[gains], cosine[gains]], axis=1)
    best = np.argpartition(-all_cosines, k - 1, axis=1)[:, :k]
    ids[gains] = np.take_along_axis(all_ids, best, axis=1)
    cosines[gains] = np.take_along_axis(all_cosines, best, axis=1)


def _cosines(vectors: FloatArray, ids: IntArray) -> FloatArray:
    """Cosine of each item with some others, (n_items, k)."""
    found = np.zeros(ids.shape, np.float32)
    for start in range(0, len(ids), _BLOCK_ROWS):
        block = slice(start, start + _BLOCK_ROWS)
        found[block] = np.einsum("nd,nkd->nk", vectors[block], vectors[ids[block]])
    return found
