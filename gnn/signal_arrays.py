"""`ItemSignals` as plain arrays and back: what a release stores."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from gnn.shop_arrays import FloatArray
from gnn.signals import ItemSignals
from gnn.typed_paths import TypedPaths

_OPTIONAL = ("text", "hub", "embedding", "user_side")


def signals_to_arrays(signals: ItemSignals) -> tuple[dict[str, npt.NDArray[Any]], dict[str, float]]:
    """(arrays by name, scales of the paths); the arrays are not copied."""
    arrays: dict[str, npt.NDArray[Any]] = {
        "trend": signals.trend,
        "evidence": signals.evidence,
        "cold": signals.cold,
    }
    for name in _OPTIONAL:
        value = getattr(signals, name)
        if value is not None:
            arrays[name] = value
    for name, matrix in signals.paths.matrices.items():
        arrays[f"path.{name}.data"] = matrix.data
        arrays[f"path.{name}.indices"] = matrix.indices
        arrays[f"path.{name}.indptr"] = matrix.indptr
    return arrays, dict(signals.paths.scales)


def signals_from_arrays(
    arrays: Mapping[str, np.ndarray[Any, Any]], scales: Mapping[str, float]
) -> ItemSignals:
    """The inverse of `signals_to_arrays`; arrays may be read-only memory maps."""
    n_items = len(arrays["evidence"])
    matrices = {
        name: sparse.csr_array(
            (arrays[f"path.{name}.data"], arrays[f"path.{name}.indices"], arrays[f"path.{name}.indptr"]),
            shape=(n_items, n_items),
        )
        for name in scales
    }
    optional: dict[str, FloatArray] = {name: arrays[name] for name in _OPTIONAL if name in arrays}
    return ItemSignals(
        paths=TypedPaths(matrices, dict(scales)),
        trend=arrays["trend"],
        evidence=arrays["evidence"],
        cold=arrays["cold"],
        **optional,
    )
