"""`ItemSignals` as plain arrays and back: what a release stores."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from gnn.layered_rows import flat
from gnn.shop_arrays import FloatArray
from gnn.signals import ItemSignals
from gnn.sparse_rows import Csr
from gnn.text_space import TextProjection
from gnn.trend import HALF_LIVES
from gnn.typed_paths import TypedPaths

_OPTIONAL = ("text", "hub", "embedding", "user_side", "brand", "text_near")

_PROJECTION = {"text_mean": "mean", "text_axes": "axes", "text_stretch": "stretch"}
"""Name of the array of each part; releases written before these were stored lack them."""


def signals_to_arrays(signals: ItemSignals) -> tuple[dict[str, npt.NDArray[Any]], dict[str, float]]:
    """(arrays by name, scales of the paths); the arrays are not copied."""
    arrays: dict[str, npt.NDArray[Any]] = {
        "trend": signals.trend,
        "evidence": signals.evidence,
        "cold": signals.cold,
        "trend_events": np.array([signals.trend_events], np.int64),
    }
    for name in _OPTIONAL:
        value = getattr(signals, name)
        if value is not None:
            arrays[name] = value
    if signals.text_projection is not None:
        arrays |= {name: getattr(signals.text_projection, part) for name, part in _PROJECTION.items()}
    for name, matrix in signals.paths.matrices.items():
        arrays |= _csr_to_arrays(f"path.{name}", flat(matrix))
    if signals.regression is not None:
        arrays |= _csr_to_arrays("regression", signals.regression)
    if signals.category is not None:
        arrays |= _csr_to_arrays("category", signals.category)
    return arrays, dict(signals.paths.scales)


def signals_from_arrays(
    arrays: Mapping[str, np.ndarray[Any, Any]], scales: Mapping[str, float]
) -> ItemSignals:
    """The inverse of `signals_to_arrays`; arrays may be read-only memory maps."""
    n_items = len(arrays["evidence"])
    matrices = {name: _csr_from_arrays(arrays, f"path.{name}", (n_items, n_items)) for name in scales}
    category = None
    if "category.indices" in arrays:
        highest = int(arrays["category.indices"].max(initial=0))
        category = _csr_from_arrays(arrays, "category", (n_items, highest + 1))
    optional: dict[str, Any] = {name: arrays[name] for name in _OPTIONAL if name in arrays}
    regression = None
    if "regression.indices" in arrays:
        regression = _csr_from_arrays(arrays, "regression", (n_items, n_items))
    projection = None
    if all(name in arrays for name in _PROJECTION):
        projection = TextProjection(**{part: arrays[name] for name, part in _PROJECTION.items()})
    return ItemSignals(
        text_projection=projection,
        trend_events=int(arrays["trend_events"][0]) if "trend_events" in arrays else 0,
        paths=TypedPaths(matrices, dict(scales)),
        trend=_all_trends(arrays["trend"]),
        evidence=arrays["evidence"],
        cold=arrays["cold"],
        category=category,
        regression=regression,
        **optional,
    )


def _csr_to_arrays(name: str, matrix: Csr) -> dict[str, npt.NDArray[Any]]:
    return {f"{name}.data": matrix.data, f"{name}.indices": matrix.indices, f"{name}.indptr": matrix.indptr}


def _csr_from_arrays(arrays: Mapping[str, np.ndarray[Any, Any]], name: str, shape: tuple[int, int]) -> Csr:
    parts = (arrays[f"{name}.data"], arrays[f"{name}.indices"], arrays[f"{name}.indptr"])
    return sparse.csr_array(parts, shape=shape)


def _all_trends(trend: FloatArray) -> FloatArray:
    """Releases written when there were fewer half-lives: those they lack are zero, and weigh nothing."""
    missing = len(HALF_LIVES) - len(trend)
    return np.pad(trend, ((0, missing), (0, 0))) if missing > 0 else trend
