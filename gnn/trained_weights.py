"""What training leaves behind: the parameters of the graph network as plain arrays.

With them, layer 0 of any item, also of one that arrived after the release, is computed without torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import special

from gnn.shop_arrays import FloatArray, IntArray
from gnn.sparse_rows import Csr
from gnn.text_space import unit_rows

_TOWER = ("text.first", "text.first_bias", "text.second", "text.second_bias")


@dataclass(frozen=True)
class TextTower:
    """Two linear layers with a GELU between (Hendrycks and Gimpel 2016, the exact form)."""

    first: FloatArray
    """(h, t)."""
    first_bias: FloatArray
    """(h,)."""
    second: FloatArray
    """(dim, h)."""
    second_bias: FloatArray
    """(dim,)."""

    def apply(self, text: FloatArray) -> FloatArray:
        """Text vectors (m, >= t), of which the leading t axes are read -> (m, dim)."""
        hidden = text[:, : self.first.shape[1]] @ self.first.T + self.first_bias
        hidden = 0.5 * hidden * (1.0 + special.erf(hidden * np.float32(0.5**0.5)))
        result: FloatArray = (hidden @ self.second.T + self.second_bias).astype(np.float32)
        return result


@dataclass(frozen=True)
class TrainedWeights:
    """Parameters of `gnn.embedding_model.EmbeddingModel`, on the CPU."""

    residual: FloatArray
    """Of the items that were trained on, (n_items then, dim); 0 for items that had no event then, and later
    items have a residual of 0."""
    text: TextTower | None = None
    """`None` where there were no texts."""
    category: FloatArray | None = None
    """(categories then, dim); later categories have a vector of 0."""
    brand: FloatArray | None = None
    """(brands then, dim); later brands have a vector of 0."""

    def layer_zero(
        self,
        rows: IntArray,
        text: FloatArray | None,
        category: Csr | None,
        brand: IntArray | None,
    ) -> FloatArray:
        """Items before propagation, (m, dim), equal to `EmbeddingModel.layer_zero` up to rounding.

        rows: item indices, (m,). text: their text vectors, (m, d), zeros: no text. category: the mean over
        their categories, ancestors included, (m, c). brand: their brands, -1: none, (m,).
        """
        x = _known_rows(self.residual, rows)
        if self.text is not None and text is not None:
            x += unit_rows(self.text.apply(text)) * (text != 0).any(axis=1)[:, None]
        if self.category is not None and category is not None and category.nnz:
            width = min(category.shape[1], len(self.category))
            x += category[:, :width] @ self.category[:width]
        if self.brand is not None and brand is not None:
            x += _known_rows(self.brand, brand)
        return x

    def with_residuals_of(self, engaged: npt.NDArray[np.bool_]) -> Self:
        """Residuals of 0 for all other items. One that had no event while it was trained was only ever a
        negative: its residual has learned to be far from every user, and would go on saying so when events
        come. engaged: items that had an event, (n_items,)."""
        return replace(self, residual=self.residual * engaged[:, None].astype(np.float32))

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """By name."""
        arrays: dict[str, npt.NDArray[Any]] = {"residual": self.residual}
        if self.text is not None:
            parts = (self.text.first, self.text.first_bias, self.text.second, self.text.second_bias)
            arrays |= dict(zip(_TOWER, parts, strict=True))
        if self.category is not None:
            arrays["category"] = self.category
        if self.brand is not None:
            arrays["brand"] = self.brand
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray[Any, Any]]) -> Self | None:
        """The inverse of `to_arrays`; `None` where nothing was trained (or the release is older)."""
        if "residual" not in arrays:
            return None
        tower = TextTower(*(arrays[name] for name in _TOWER)) if _TOWER[0] in arrays else None
        return cls(arrays["residual"], tower, arrays.get("category"), arrays.get("brand"))


def _known_rows(table: FloatArray, rows: IntArray) -> FloatArray:
    """Rows of a table, zeros for places that it does not have; a copy, (m, dim)."""
    known = (rows >= 0) & (rows < len(table))
    found = np.zeros((len(rows), table.shape[1]), np.float32)
    found[known] = table[rows[known]]
    return found
