"""Rows of the signals that events since a release have changed: what the live path publishes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from gnn.shop_arrays import FloatArray, IntArray
from gnn.sparse_rows import Csr, empty_csr
from gnn.typed_paths import PATH_NAMES


@dataclass(frozen=True)
class RowPatch:
    """Some rows of a sparse matrix, replaced as a whole."""

    rows: IntArray
    """Ascending, unique, (m,)."""
    values: Csr
    """(m, columns)."""

    def __post_init__(self) -> None:
        if len(self.rows) != self.values.shape[0]:
            raise ValueError(f"{self.values.shape[0]} rows of values for {len(self.rows)} rows")

    @classmethod
    def empty(cls, columns: int) -> Self:
        """Nothing is replaced."""
        return cls(np.zeros(0, np.int64), empty_csr(0, columns))

    def merged(self, newer: Self, columns: int) -> Self:
        """Both; where they overlap the newer row stands."""
        rows, place = newest_places(self.rows, newer.rows)
        wide = [widened(patch.values, columns) for patch in (self, newer)]
        return type(self)(rows, sparse.vstack(wide, format="csr")[place])


@dataclass(frozen=True)
class FreshRows:
    """Increment or accumulated change: rows named here are replaced, all others only age (`trend_decay`).

    Raises `ValueError` when parts disagree in length or a row is out of range.
    """

    n_items: int
    """Size of the catalogue afterwards."""
    item_rows: IntArray
    """Items whose counts or embedding changed, ascending, (m,)."""
    evidence: FloatArray
    """(m,)."""
    cold: npt.NDArray[np.bool_]
    """(m,)."""
    trend: FloatArray
    """`gnn.trend.trend_features` of these items, (4, m)."""
    trend_decay: npt.NDArray[np.float64]
    """Factor on the decayed counts of every item that is not among `item_rows`, (h,)."""
    embedding: FloatArray | None
    """(m, d); `None` where the release has none."""
    user_side: FloatArray | None
    """(m, d)."""
    text_rows: IntArray
    """Items whose text vector or hub correction changed, ascending, (t,)."""
    text: FloatArray | None
    """(t, e); `None` where the release has no texts."""
    hub: FloatArray | None
    """(t,)."""
    catalogue: RowPatch
    """Category rows (`gnn.catalogue_relations.category_rows`) of items that changed theirs."""
    brand: IntArray
    """Brands of `catalogue.rows`, (c,)."""
    paths: Mapping[str, RowPatch]
    """By `PATH_NAMES`, values (., n_items)."""
    counters: Mapping[str, int] = field(default_factory=dict)
    """What was damped and why, in events; what was put off to the next full recomputation, in rows."""

    def __post_init__(self) -> None:
        m = len(self.item_rows)
        lengths = {"evidence": len(self.evidence), "cold": len(self.cold), "trend": self.trend.shape[1]}
        lengths |= {n: len(v) for n in ("embedding", "user_side") if (v := getattr(self, n)) is not None}
        for name, length in lengths.items():
            if length != m:
                raise ValueError(f"{name} has {length} rows for {m} items")
        if len(self.brand) != len(self.catalogue.rows):
            raise ValueError("brand and category rows differ in number")
        rows = self.rows
        if len(rows) and (rows[0] < 0 or rows[-1] >= self.n_items):
            raise ValueError("row out of range")

    @property
    def rows(self) -> IntArray:
        """Items with any change besides ageing, ascending."""
        lists = [patch.rows for patch in self.paths.values()]
        return np.unique(np.concatenate([self.item_rows, self.text_rows, self.catalogue.rows, *lists]))

    @property
    def vector_rows(self) -> IntArray:
        """Items whose search vector (`FittedIlk.item_vectors`) changed besides ageing, ascending."""
        return np.union1d(self.item_rows, self.text_rows)

    def merged(self, newer: Self) -> Self:
        """One change that does what both do one after the other."""
        rows, place = newest_places(self.item_rows, newer.item_rows)
        text_rows, text_place = newest_places(self.text_rows, newer.text_rows)
        aged = np.log1p(np.expm1(self.trend.astype(np.float64)) * newer.trend_decay[:, None])
        width = max(self.catalogue.values.shape[1], newer.catalogue.values.shape[1])
        _, catalogue_place = newest_places(self.catalogue.rows, newer.catalogue.rows)
        return type(self)(
            n_items=max(self.n_items, newer.n_items),
            item_rows=rows,
            evidence=_joined(self.evidence, newer.evidence, place),
            cold=_joined(self.cold, newer.cold, place),
            trend=_joined(aged.astype(np.float32).T, newer.trend.T, place).T,
            trend_decay=self.trend_decay * newer.trend_decay,
            embedding=_joined_optional(self.embedding, newer.embedding, place),
            user_side=_joined_optional(self.user_side, newer.user_side, place),
            text_rows=text_rows,
            text=_joined_optional(self.text, newer.text, text_place),
            hub=_joined_optional(self.hub, newer.hub, text_place),
            catalogue=self.catalogue.merged(newer.catalogue, width),
            brand=_joined(self.brand, newer.brand, catalogue_place),
            paths={
                name: self.paths[name].merged(newer.paths[name], max(self.n_items, newer.n_items))
                for name in PATH_NAMES
            },
            counters={
                name: self.counters.get(name, 0) + newer.counters.get(name, 0)
                for name in sorted({*self.counters, *newer.counters})
            },
        )

    def to_arrays(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        """(arrays by name, JSON-able configuration)."""
        arrays: dict[str, npt.NDArray[Any]] = {}
        for name in _COLUMNS:
            value = getattr(self, name)
            if value is not None:
                arrays[name] = np.ascontiguousarray(value)
        for name, patch in (("catalogue", self.catalogue), *_named(self.paths)):
            arrays[f"{name}.rows"] = patch.rows
            arrays[f"{name}.indptr"] = patch.values.indptr.astype(np.int64)
            arrays[f"{name}.indices"] = patch.values.indices.astype(np.int32)
            arrays[f"{name}.data"] = patch.values.data
        config = {
            "n_items": self.n_items,
            "categories": self.catalogue.values.shape[1],
            "counters": dict(self.counters),
        }
        return arrays, config

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray[Any, Any]], config: Mapping[str, Any]) -> Self:
        """The inverse of `to_arrays`; raises `KeyError` or `ValueError` for arrays that are none of its."""
        n_items = int(config["n_items"])
        columns: dict[str, Any] = {name: arrays[name] for name in _COLUMNS if name in arrays}
        for name in ("embedding", "user_side", "text", "hub"):
            columns.setdefault(name, None)
        return cls(
            n_items=n_items,
            catalogue=_patch_of(arrays, "catalogue", int(config["categories"])),
            paths={name: _patch_of(arrays, f"path.{name}", n_items) for name in PATH_NAMES},
            counters={name: int(count) for name, count in config["counters"].items()},
            **columns,
        )


_COLUMNS = (
    "item_rows",
    "evidence",
    "cold",
    "trend",
    "trend_decay",
    "embedding",
    "user_side",
    "text_rows",
    "text",
    "hub",
    "brand",
)


def newest_places(older: IntArray, newer: IntArray) -> tuple[IntArray, IntArray]:
    """(rows of both, ascending; where each stands in the concatenation, the newer one where both have it)."""
    both = np.concatenate([newer, older])  # unique takes the first
    rows, first = np.unique(both, return_index=True)
    return rows, np.where(first < len(newer), first + len(older), first - len(newer)).astype(np.int64)


def widened(matrix: Csr, columns: int) -> Csr:
    """The same entries with room for more columns."""
    return sparse.csr_array(
        (matrix.data, matrix.indices, matrix.indptr), shape=(matrix.shape[0], max(columns, matrix.shape[1]))
    )


def _joined(older: npt.NDArray[Any], newer: npt.NDArray[Any], place: IntArray) -> npt.NDArray[Any]:
    return np.concatenate([older, newer])[place]


def _joined_optional(
    older: FloatArray | None, newer: FloatArray | None, place: IntArray
) -> FloatArray | None:
    return None if older is None or newer is None else _joined(older, newer, place)


def _named(paths: Mapping[str, RowPatch]) -> list[tuple[str, RowPatch]]:
    return [(f"path.{name}", paths[name]) for name in PATH_NAMES]


def _patch_of(arrays: Mapping[str, np.ndarray[Any, Any]], name: str, columns: int) -> RowPatch:
    rows = arrays[f"{name}.rows"]
    parts = (arrays[f"{name}.data"], arrays[f"{name}.indices"], arrays[f"{name}.indptr"])
    return RowPatch(rows, sparse.csr_array(parts, shape=(len(rows), columns)))
