"""Signals with some rows replaced: how fresh rows enter a fitted model."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from gnn.fresh_rows import FreshRows, RowPatch, widened
from gnn.layered_rows import LayeredRows
from gnn.shop_arrays import FloatArray, IntArray
from gnn.signals import ItemSignals
from gnn.sparse_rows import Csr, empty_csr
from gnn.typed_paths import TypedPaths

_FLATTEN_AT = 1.0
"""A path whose replaced entries reach this share of its base is written anew (memory stays below twice)."""


def replaced_signals(signals: ItemSignals, fresh: FreshRows) -> ItemSignals:
    """The signals after a change; the old ones stay valid. See `FittedIlk.with_fresh` for the cost."""
    if fresh.n_items < signals.n_items:
        raise ValueError(f"rows of a catalogue of {fresh.n_items} items do not fit one of {signals.n_items}")
    n, rows = fresh.n_items, fresh.item_rows
    shape = (n, n)
    matrices = {
        name: _layered(matrix, fresh.paths[name], shape) for name, matrix in signals.paths.matrices.items()
    }
    category, brand = _catalogue(signals, fresh)
    text_changes = len(fresh.text_rows) or n > signals.n_items
    return replace(
        signals,
        paths=TypedPaths(matrices, signals.paths.scales),
        trend=_aged_trend(signals.trend, fresh),
        evidence=_put(signals.evidence, n, rows, fresh.evidence),
        cold=_put(signals.cold, n, rows, fresh.cold, fill=True),
        embedding=_put_optional(signals.embedding, n, rows, fresh.embedding),
        user_side=_put_optional(signals.user_side, n, rows, fresh.user_side),
        text=_put_optional(signals.text, n, fresh.text_rows, fresh.text) if text_changes else signals.text,
        hub=_put_optional(signals.hub, n, fresh.text_rows, fresh.hub),
        category=category,
        brand=brand,
        text_near=None if text_changes else signals.text_near,
        regression=grown_regression(signals.regression, n),
    )


def grown_regression(regression: Csr | None, n: int) -> Csr | None:
    """The same weights in a larger catalogue: new items have none until the next fit."""
    if regression is None or regression.shape[0] == n:
        return regression
    added = np.full(n - regression.shape[0], regression.indptr[-1], regression.indptr.dtype)
    parts = (regression.data, regression.indices, np.concatenate([regression.indptr, added]))
    return sparse.csr_array(parts, shape=(n, n))


def _layered(matrix: Csr | LayeredRows, patch: RowPatch, shape: tuple[int, int]) -> Csr | LayeredRows:
    layered = matrix if isinstance(matrix, LayeredRows) else LayeredRows.over(matrix)
    layered = layered.replaced(patch.rows, patch.values, shape)
    if layered.replaced_entries > _FLATTEN_AT * max(layered.base.nnz, 1_000_000):
        return layered.compacted()
    return layered


def _aged_trend(trend: FloatArray, fresh: FreshRows) -> FloatArray:
    aged = np.log1p(np.expm1(trend) * fresh.trend_decay[:, None].astype(np.float32))
    grown = np.zeros((len(trend), fresh.n_items), np.float32)
    grown[:, : trend.shape[1]] = aged
    grown[:, fresh.item_rows] = fresh.trend
    return grown


def _put(
    values: npt.NDArray[Any], n: int, rows: IntArray, fresh: npt.NDArray[Any], fill: float = 0
) -> npt.NDArray[Any]:
    """A copy with room for `n` rows and some replaced."""
    grown = np.full((n, *values.shape[1:]), fill, values.dtype)
    grown[: len(values)] = values
    grown[rows] = fresh
    return grown


def _put_optional(
    values: FloatArray | None, n: int, rows: IntArray, fresh: FloatArray | None
) -> FloatArray | None:
    """As `_put`; nothing fresh (a release without trained weights): old rows stay, new ones are zero."""
    if values is None:
        return None
    return _put(values, n, rows[:0], values[:0]) if fresh is None else _put(values, n, rows, fresh)


def _catalogue(signals: ItemSignals, fresh: FreshRows) -> tuple[Csr | None, IntArray | None]:
    """(category rows, brands): rewritten where any changed, which is rare and small."""
    category, brand = signals.category, signals.brand
    patch, n = fresh.catalogue, fresh.n_items
    if not len(patch.rows) and n == signals.n_items:
        return category, brand
    if brand is not None or bool((fresh.brand >= 0).any()):
        old = np.full(signals.n_items, -1, np.int64) if brand is None else brand
        brand = _put(old, n, patch.rows, fresh.brand, fill=-1)
    if category is None and not patch.values.nnz:
        return None, brand
    old_rows = empty_csr(signals.n_items, 1) if category is None else category
    columns = max(old_rows.shape[1], patch.values.shape[1])
    grown = sparse.vstack([widened(old_rows, columns), empty_csr(n - signals.n_items, columns)], format="csr")
    layered = LayeredRows.over(grown).replaced(patch.rows, patch.values, (n, columns))
    return layered.flattened(), brand
