"""Message passing as products with CSR matrices: the one layer of the trained model."""

import sys
import tempfile
import warnings
from dataclasses import dataclass
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor
from torch_geometric.nn import MessagePassing


@dataclass(frozen=True)
class Adjacency:
    """A typed relation as a CSR matrix with its transpose, both ready for products."""

    matrix: Tensor
    """Messages to rows from columns, sparse CSR (targets, sources)."""
    transposed: Tensor
    """Sparse CSR (sources, targets); the same object as `matrix` for symmetric relations."""

    @classmethod
    def from_edges(cls, edge_index: Tensor, weight: Tensor, shape: tuple[int, int]) -> Self:
        """edge_index (2, m) of (target, source), weight (m,)."""
        return cls(_csr(edge_index, weight, shape), _csr(edge_index.flip(0), weight, shape[::-1]))

    def flipped(self) -> "Adjacency":
        """Messages the other way."""
        return Adjacency(self.transposed, self.matrix)

    def to(self, device: torch.device) -> "Adjacency":
        """The same on another device."""
        return Adjacency(self.matrix.to(device), self.transposed.to(device))


def _csr(edge_index: Tensor, weight: Tensor, shape: tuple[int, int]) -> Tensor:
    with warnings.catch_warnings():
        # torch calls its CSR layout beta at every first use; the products used here are covered by tests
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support")
        return (
            torch.sparse_coo_tensor(edge_index, weight, shape, check_invariants=True)
            .coalesce()
            .to_sparse_csr()
        )


def symmetric_normalised(edge_index: Tensor, weight: Tensor, shape: tuple[int, int]) -> Tensor:
    """weight / sqrt(degree of the row x degree of the column), degrees being sums of weights; (m,).

    Kipf and Welling 2017, as in LightGCN (He et al. 2020)."""
    row = torch.zeros(shape[0]).index_add_(0, edge_index[0], weight)
    column = torch.zeros(shape[1]).index_add_(0, edge_index[1], weight)
    return weight / (row[edge_index[0]] * column[edge_index[1]]).clamp(min=1e-12).sqrt()


def row_normalised(edge_index: Tensor, weight: Tensor, n_rows: int) -> Tensor:
    """weight / degree of the row: messages become a mean; (m,)."""
    row = torch.zeros(n_rows).index_add_(0, edge_index[0], weight)
    return weight / row[edge_index[0]].clamp(min=1e-12)


class _Product(torch.autograd.Function):
    """matrix @ x with the transpose kept ready: autograd would build it anew in every step."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, transposed: Tensor, x: Tensor) -> Tensor:
        ctx.transposed = transposed
        return matrix @ x

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, None, Tensor]:
        return None, None, ctx.transposed @ gradients[0]


class Propagation(MessagePassing):
    """x'_i = sum over the neighbours j of i of a_ij x_j, as one sparse product forth and one back."""

    def __init__(self) -> None:
        super().__init__(aggr="add")
        _remove_generated(type(self))

    def forward(self, x: Tensor, adjacency: Adjacency) -> Tensor:
        """x (sources, d) -> (targets, d)."""
        result: Tensor = self.propagate(adjacency.matrix, x=x, transposed=adjacency.transposed)
        return result

    def message(self, x_j: Tensor) -> Tensor:
        """The message of a neighbour is its vector; never called, `message_and_aggregate` does it."""
        return x_j

    def message_and_aggregate(self, edge_index: Tensor, x: Tensor, transposed: Tensor) -> Tensor:
        """All messages and their sums at once."""
        result: Tensor = _Product.apply(edge_index, transposed, x)
        return result


def _remove_generated(layer: type[MessagePassing]) -> None:
    """Remove the file that PyG generated `propagate` into: loaded already, and left by each process."""
    module = sys.modules[layer.propagate.__module__]
    path = Path(module.__file__ or "")
    if path.parent == Path(tempfile.gettempdir()):
        path.unlink(missing_ok=True)
        Path(cache_from_source(str(path))).unlink(missing_ok=True)
