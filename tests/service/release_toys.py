"""A small shop whose neighbours are known by construction, and releases of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from gnn.objective import Objective
from gnn.served_model import MAX_CANDIDATES, Source
from gnn.shop_arrays import FloatArray, IntArray
from service.releases.items import RELEASE_ITEM_SCHEMA
from service.releases.reader import ReleaseLoaders
from service.releases.store import ReleaseStore
from service.releases.writer import ReleaseDraft

ODD_IDS = [
    "plain",
    "with/slash/es",
    "a/similar",
    "quote'\"s; DROP TABLE items--",
    "<script>alert(1)</script>",
    "😀 emoji ünï",
    "percent%2Fsign",
    "line\nbreak",
    "plus+and space",
    "q?u=e#ry&",
    "ё" * 256,  # 512 bytes
    "end/similar/similar",
]


class ToyModel:
    """A `ServedModel` that scores by inner product; what trends is a stored number per item."""

    def __init__(self, vectors: FloatArray, trend: FloatArray) -> None:
        self.vectors = vectors
        self.trend = trend

    @property
    def n_items(self) -> int:
        return len(self.vectors)

    def item_vectors(self, rows: IntArray | None = None) -> FloatArray:
        return self.vectors if rows is None else self.vectors[rows]

    def query_vectors(self, query: IntArray, objective: Objective) -> FloatArray:
        return self._sign(objective) * self.vectors[query]

    def text_query_vectors(self, text: FloatArray) -> FloatArray | None:
        return text[:, : self.vectors.shape[1]]

    def candidates(self, query: int, objective: Objective, near: IntArray) -> IntArray:
        near = near[near >= 0]
        return np.unique(near[near != query][:MAX_CANDIDATES])

    def score_candidates(self, query: int, candidates: IntArray, objective: Objective) -> FloatArray:
        scores: FloatArray = self.vectors[candidates] @ self.vectors[query] * self._sign(objective)
        return scores

    def sources(self, query: int, candidates: IntArray, objective: Objective) -> list[Source]:
        return ["graph" if c % 2 == query % 2 else "text" for c in candidates]

    def contributions(self, query: int, candidates: IntArray, objective: Objective) -> dict[str, FloatArray]:
        per_axis = self._sign(objective) * self.vectors[candidates] * self.vectors[query]
        return {"text": per_axis[:, 0], "co_engaged": per_axis[:, 1:].sum(axis=1)}

    def intermediates(self, query: int, target: int, limit: int) -> IntArray:
        rows: IntArray = np.delete(np.arange(self.n_items, dtype=np.int64), [query, target])[:limit]
        return rows

    def rising(self) -> FloatArray:
        return self.trend

    def user_query_vector(self, history: IntArray) -> FloatArray:
        vector: FloatArray = self.vectors[history].sum(axis=0, dtype=np.float32)
        return vector

    def user_candidates(self, history: IntArray, near: IntArray) -> IntArray:
        near = near[near >= 0]
        return np.unique(near[~np.isin(near, history)])[:MAX_CANDIDATES]

    def score_user_candidates(self, history: IntArray, candidates: IntArray) -> FloatArray:
        scores: FloatArray = self.vectors[candidates] @ self.user_query_vector(history)
        return scores + self.trend[candidates]

    def to_arrays(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        return {"vectors": self.vectors, "trend": self.trend, "nothing": np.empty((0, 3))}, {"made": "toy"}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]], config: Mapping[str, Any]) -> Self:
        if config["made"] != "toy":
            raise ValueError("not a toy")
        return cls(arrays["vectors"], arrays["trend"])

    @staticmethod
    def _sign(objective: Objective) -> np.float32:
        return np.float32(-1.0 if objective is Objective.NEXT else 1.0)


class ToyIndex:
    """A `VectorIndex` over a matrix, by brute force."""

    def __init__(self, matrix: FloatArray) -> None:
        self.matrix = matrix

    @property
    def size(self) -> int:
        return len(self.matrix)

    @property
    def dim(self) -> int:
        return int(self.matrix.shape[1])

    def search(
        self, queries: FloatArray, k: int, allowed: npt.NDArray[np.bool_] | None = None
    ) -> tuple[IntArray, FloatArray]:
        scores = queries @ self.matrix.T
        if allowed is not None:
            scores[:, ~allowed] = -np.inf
        ids = np.argsort(-scores, axis=1, kind="stable")[:, : min(k, self.size)].astype(np.int64)
        best = np.take_along_axis(scores, ids, axis=1)
        ids[np.isneginf(best)] = -1
        return ids, best

    def save(self, path: Path) -> None:
        with path.open("wb") as out:
            np.save(out, self.matrix, allow_pickle=False)


def load_toy_index(path: Path) -> ToyIndex:
    with path.open("rb") as source:
        return ToyIndex(np.load(source, allow_pickle=False))


TOY_LOADERS = ReleaseLoaders(index=load_toy_index, models={"ToyModel": ToyModel.from_arrays})


@dataclass(frozen=True)
class ToyShop:
    """`n` items (the first ones with odd ids), some dead, vectors from a seed."""

    n: int = 40
    seed: int = 0
    dead: tuple[int, ...] = ()
    dim: int = 8

    @property
    def ids(self) -> list[str]:
        return [*ODD_IDS, *(f"item-{row}" for row in range(len(ODD_IDS), self.n))][: self.n]

    @property
    def vectors(self) -> FloatArray:
        return np.random.default_rng(self.seed).normal(size=(self.n, self.dim)).astype(np.float32)

    @property
    def model(self) -> ToyModel:
        return ToyModel(self.vectors, np.linspace(0, 1, self.n, dtype=np.float32))

    @property
    def items(self) -> pl.DataFrame:
        rows = range(self.n)
        return pl.DataFrame(
            {
                "item_id": self.ids,
                "alive": [row not in self.dead for row in rows],
                "title": [f"Title <b>{row}</b>" for row in rows],
                "brand": ["Acme"] * self.n,
                "categories": [["A > Even", "A"] if row % 2 == 0 else ["A > Odd", "A"] for row in rows],
                "price": [None if row % 3 == 0 else float(row) for row in rows],
                "currency": ["EUR"] * self.n,
                "availability": ["in_stock"] * self.n,
                "image_url": [""] * self.n,
            },
            schema=RELEASE_ITEM_SCHEMA,
        )

    def draft(self, events_through: int = 7, **changes: Any) -> ReleaseDraft:
        fields: dict[str, Any] = {
            "model": self.model,
            "index": ToyIndex(self.vectors),
            "items": self.items,
            "encoder_fingerprint": "hashing-8",
            "seed": self.seed,
            "events_through": events_through,
            "sequence_ranges": ((1, events_through),),
            "config": {"weights": {"purchase": np.float32(2)}},
            "metrics": {"ndcg@10": 0.5, "cold": float("nan")},
        }
        return ReleaseDraft(**{**fields, **changes})


def toy_store(root: Path) -> ReleaseStore:
    return ReleaseStore(root, TOY_LOADERS)


def publish(store: ReleaseStore, shop: ToyShop, events_through: int = 7) -> str:
    version = store.write(shop.draft(events_through))
    store.publish(version)
    return version
