"""Which rows of the signals moved: what a full recomputation has to publish."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gnn.fresh_rows import FreshRows, RowPatch, widened
from gnn.layered_rows import LayeredRows, flat, some_rows
from gnn.shop_arrays import FloatArray, IntArray
from gnn.signals import ItemSignals
from gnn.sparse_rows import Csr, empty_csr, row_numbers
from gnn.typed_paths import PATH_NAMES


@dataclass(frozen=True)
class Tolerance:
    """Rows that moved less are not published; the largest entry of a row decides."""

    dense: float = 2e-5
    """Of embeddings, texts, evidence and trend: well below the promised 1e-4."""
    paths: float = 1e-3
    """Of log-scaled path entries: a weight of at most 0.6 makes that 0.0006 of a score."""


def signal_difference(
    old: ItemSignals,
    new: ItemSignals,
    tolerance: Tolerance,
    path_rows: Mapping[str, IntArray] | None = None,
) -> FreshRows:
    """Rows that take `old` to `new` within `tolerance`; `new` has at least as many items.

    path_rows: those that may differ, by path, ascending: taken over without a look at the others. Comparing
    all of them takes seconds, in which other threads wait."""
    n = new.n_items
    item_rows = np.flatnonzero(_item_moved(old, new, tolerance.dense))
    text_rows = np.flatnonzero(_text_moved(old, new, tolerance.dense))
    catalogue_rows = _catalogue_moved(old, new)
    none = empty_csr(n, 1)
    return FreshRows(
        n_items=n,
        item_rows=item_rows,
        evidence=new.evidence[item_rows],
        cold=new.cold[item_rows],
        trend=new.trend[:, item_rows],
        trend_decay=np.ones(len(new.trend)),
        embedding=None if new.embedding is None else new.embedding[item_rows],
        user_side=None if new.user_side is None else new.user_side[item_rows],
        text_rows=text_rows,
        text=None if new.text is None else new.text[text_rows],
        hub=None if new.hub is None else new.hub[text_rows],
        catalogue=RowPatch(
            catalogue_rows, none[catalogue_rows] if new.category is None else new.category[catalogue_rows]
        ),
        brand=np.full(len(catalogue_rows), -1, np.int64) if new.brand is None else new.brand[catalogue_rows],
        paths={
            name: _path_patch(old.paths.matrices[name], new.paths.matrices[name], tolerance.paths)
            if path_rows is None
            else RowPatch(path_rows[name], some_rows(new.paths.matrices[name], path_rows[name]))
            for name in PATH_NAMES
        },
    )


def moved_rows(old: Csr, new: Csr, tolerance: float) -> IntArray:
    """Rows in which any entry differs by more than `tolerance`; `old` may have fewer rows and columns."""
    grown = LayeredRows.over(old).replaced(np.zeros(0, np.int64), empty_csr(0, 1), new.shape).flattened()
    difference = (grown - new).tocsr()
    rows = row_numbers(difference)[np.abs(difference.data) > tolerance]
    return np.unique(rows)


def _path_patch(old: Csr | LayeredRows, new: Csr | LayeredRows, tolerance: float) -> RowPatch:
    if old is new:
        return RowPatch.empty(new.shape[1])
    rows = moved_rows(flat(old), flat(new), tolerance)
    return RowPatch(rows, some_rows(new, rows))


def _moved(old: FloatArray | None, new: FloatArray | None, tolerance: float, n: int) -> npt.NDArray[np.bool_]:
    """Whether any value of a row differs, (n,); rows that the old one lacks count as zeros."""
    if old is None or new is None:
        return np.zeros(n, np.bool_)
    flat_new = new.reshape(n, -1)
    grown = np.zeros_like(flat_new)
    grown[: len(old)] = old.reshape(len(old), flat_new.shape[1])
    moved: npt.NDArray[np.bool_] = (np.abs(grown - flat_new) > tolerance).any(axis=1)
    return moved


def _item_moved(old: ItemSignals, new: ItemSignals, tolerance: float) -> npt.NDArray[np.bool_]:
    n = new.n_items
    moved = _moved(old.evidence, new.evidence, tolerance, n) | _moved(old.trend.T, new.trend.T, tolerance, n)
    moved |= _moved(old.embedding, new.embedding, tolerance, n)
    moved |= _moved(old.user_side, new.user_side, tolerance, n)
    known = ~new.cold
    known[: old.n_items] = old.cold != new.cold[: old.n_items]
    return moved | known


def _text_moved(old: ItemSignals, new: ItemSignals, tolerance: float) -> npt.NDArray[np.bool_]:
    n = new.n_items
    return _moved(old.text, new.text, tolerance, n) | _moved(old.hub, new.hub, tolerance, n)


def _catalogue_moved(old: ItemSignals, new: ItemSignals) -> IntArray:
    n = new.n_items
    moved = np.zeros(0, np.int64)
    if new.category is not None:
        before = empty_csr(old.n_items, 1) if old.category is None else old.category
        width = max(before.shape[1], new.category.shape[1])
        moved = moved_rows(widened(before, width), widened(new.category, width), 0.0)
    if new.brand is None:
        return moved
    grown = np.full(n, -1, np.int64)
    if old.brand is not None:
        grown[: old.n_items] = old.brand
    return np.union1d(moved, np.flatnonzero(grown != new.brand))
