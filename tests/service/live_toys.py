"""A toy model that follows events: an item's vector drifts by one step for every event of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gnn.served_model import ServedModel
from gnn.shop_arrays import FloatArray, IntArray
from graph.store import EdgeBlock
from service.live.mirror import ArrivedItems, MirrorStart
from service.releases.reader import ReleaseLoaders
from service.releases.store import ReleaseStore
from tests.service.release_toys import TOY_LOADERS, ToyIndex, ToyModel

STEP = np.float32(0.25)


@dataclass(frozen=True)
class ToyRows:
    """Rows with their vectors; `n` items in all."""

    rows: IntArray
    vectors: FloatArray
    n: int

    @property
    def vector_rows(self) -> IntArray:
        return self.rows

    def to_arrays(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        return {"rows": self.rows, "vectors": self.vectors}, {"n": self.n}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]], config: Mapping[str, Any]) -> "ToyRows":
        return cls(arrays["rows"], arrays["vectors"], config["n"])


class LiveToyModel(ToyModel):
    """`ToyModel` that takes fresh rows."""

    def with_fresh(self, rows: ToyRows) -> "LiveToyModel":
        vectors = np.zeros((max(rows.n, len(self.vectors)), self.vectors.shape[1]), np.float32)
        vectors[: len(self.vectors)] = self.vectors
        vectors[rows.rows] = rows.vectors
        trend = np.zeros(len(vectors), np.float32)
        trend[: len(self.trend)] = self.trend
        return LiveToyModel(vectors, trend)


@dataclass
class ToyRecomputation:
    """All vectors anew, with those of a release."""

    base: FloatArray
    counts: FloatArray
    ran: bool = False

    def run(self) -> None:
        self.ran = True

    def catch_up(self) -> None:
        assert self.ran

    def rows(self) -> ToyRows:
        assert self.ran
        return ToyRows(np.arange(len(self.base)), toy_vectors(self.base, self.counts), len(self.base))


class ToyMirror:
    """`Mirror`: an item's vector depends on its text (or the release) and on how many events it has."""

    def __init__(self, model: ServedModel, start: MirrorStart) -> None:
        assert isinstance(model, ToyModel)
        shop = start.shop
        self._base = model.vectors
        self._origin = np.zeros((max(shop.n_items, len(self._base)), self._base.shape[1]), np.float32)
        self._origin[: len(self._base)] = self._base
        self._counts = np.bincount(shop.item[shop.weight > 0], minlength=len(self._origin)).astype(np.float32)
        self._take(start.items)

    @property
    def n_items(self) -> int:
        return len(self._origin)

    def fold_in(self, edges: EdgeBlock, items: ArrivedItems) -> ToyRows:
        self._take(items)
        np.add.at(self._counts, edges.item, np.float32(1))
        return self._rows(np.union1d(edges.item, items.rows))

    def propagate(self, *, lists: bool = True) -> ToyRows:
        """lists: not of this model."""
        return self._rows(np.arange(self.n_items))

    def recomputation(self) -> ToyRecomputation:
        return ToyRecomputation(self._origin, self._counts.copy())

    def succession(self, model: ServedModel, through: int) -> ToyRecomputation | None:
        assert isinstance(model, ToyModel)
        if len(model.vectors) != self.n_items:
            return None
        return ToyRecomputation(model.vectors, self._counts.copy())

    def adopt(self, done: ToyRecomputation) -> ToyRows:
        """All vectors once more: with what was folded in since."""
        assert done.ran
        self._origin[: len(done.base)] = done.base
        return self.propagate()

    def everything(self) -> Callable[[], ToyRows]:
        rows = self.propagate()
        return lambda: rows

    def preview(self, edges: EdgeBlock) -> ToyRows:
        counts = self._counts.copy()
        np.add.at(counts, edges.item, np.float32(1))
        rows = np.unique(edges.item)
        return ToyRows(rows, toy_vectors(self._origin, counts)[rows], self.n_items)

    def figures(self) -> Mapping[str, int]:
        return {"damped_events": 0}

    def _take(self, items: ArrivedItems) -> None:
        if not len(items.rows):
            return
        size = max(self.n_items, int(items.rows.max()) + 1)
        self._origin = np.vstack([self._origin, np.zeros((size - self.n_items, 8), np.float32)])
        self._counts = np.pad(self._counts, (0, size - len(self._counts)))
        if items.text is not None:
            self._origin[items.rows] = items.text[:, :8]

    def _rows(self, rows: IntArray) -> ToyRows:
        return ToyRows(rows, toy_vectors(self._origin, self._counts)[rows], self.n_items)


def toy_vectors(origin: FloatArray, counts: FloatArray) -> FloatArray:
    """What the toy mirror makes of items with so many events; shape (n, d)."""
    vectors: FloatArray = (origin + STEP * counts[:, None]).astype(np.float32)
    return vectors


LIVE_LOADERS: ReleaseLoaders = replace(
    TOY_LOADERS,
    models={"ToyModel": LiveToyModel.from_arrays},
    fresh_rows=ToyRows.from_arrays,
    build=ToyIndex,
)


def live_store(root: Path) -> ReleaseStore:
    """A release store whose toy models take fresh rows."""
    return ReleaseStore(root, LIVE_LOADERS)
