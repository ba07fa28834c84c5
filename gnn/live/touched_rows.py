"""Which path rows differ from the release, and since which event."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from gnn.fresh_rows import RowPatch
from gnn.layered_rows import LayeredRows, some_rows
from gnn.shop_arrays import IntArray
from gnn.signals import ItemSignals
from gnn.typed_paths import PATH_NAMES, TypedPaths

NEVER = int(np.iinfo(np.int64).min)
"""Before every event."""
ALWAYS = int(np.iinfo(np.int64).max)
"""For rows that moved by something else than an event: no other release is known to have it."""


@dataclass
class TouchedRows:
    """Changes in place. Memory: 40 bytes an item."""

    at: dict[str, IntArray]
    """By path: newest event when each row was replaced last, (n_items,) or fewer: the rest never was."""

    @classmethod
    def none(cls) -> Self:
        """Every row is the release's."""
        return cls({name: np.zeros(0, np.int64) for name in PATH_NAMES})

    def mark(self, patches: Mapping[str, RowPatch], newest: int) -> None:
        """Rows were replaced when `newest` was the newest event."""
        for name, patch in patches.items():
            if not len(patch.rows):
                continue
            missing = int(patch.rows[-1]) + 1 - len(self.at[name])
            if missing > 0:
                self.at[name] = np.append(self.at[name], np.full(missing, NEVER))
            at = self.at[name]
            at[patch.rows] = np.maximum(at[patch.rows], newest)

    def since(self, event: int) -> dict[str, IntArray]:
        """Rows that were replaced after an event (`NEVER`: at all), ascending."""
        return {name: np.flatnonzero(at > event) for name, at in self.at.items()}

    def later(self, event: int) -> Self:
        """Only what was replaced after an event."""
        return type(self)({name: np.where(at > event, at, NEVER) for name, at in self.at.items()})


def paths_of(release: ItemSignals, served: ItemSignals, rows: Mapping[str, IntArray]) -> TypedPaths:
    """A release's path lists with some rows, ascending, from those that are served; `served` has at least as
    many items."""
    shape = (served.n_items, served.n_items)
    matrices = {}
    for name, matrix in release.paths.matrices.items():
        layers = matrix if isinstance(matrix, LayeredRows) else LayeredRows.over(matrix)
        own = some_rows(served.paths.matrices[name], rows[name])
        matrices[name] = layers.replaced(rows[name], own, shape)
    return TypedPaths(matrices, dict(served.paths.scales))
