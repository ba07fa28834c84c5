"""Large graphs in blocks of shoppers, so that the cost of a training step does not grow with the graph.

What an item hears from its shoppers is a sum over shoppers, A^T A x = sum over u of a_u (a_u^T x). Dealt into
K blocks at random, K times the sum over one block is that sum in the mean, at a K-th of its cost (sampling
parts of a graph: Chiang et al. 2019, Cluster-GCN; with unbiased weights: Zeng et al. 2020,
GraphSAINT). A step's shoppers come from one block and what items hear from another: an item never hears of
itself by the very event that it is to be told by.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from gnn.propagation import Adjacency


@dataclass(frozen=True)
class UserBlocks:
    """A user-item matrix by its rows; block `b` has the users with `block == b`."""

    block: Tensor
    """Of each user, int64 (n_users,)."""
    place: Tensor
    """Of each user within the block, int64 (n_users,)."""
    parts: tuple[Adjacency, ...]
    """Items -> users of one block, (users of the block, n_items), weights as in the whole matrix."""

    @classmethod
    def dealt(cls, interactions: Adjacency, n_blocks: int, generator: torch.Generator) -> "UserBlocks":
        """Deal the users of a matrix (n_users, n_items) at random into blocks of equally many users."""
        matrix = interactions.matrix
        n_users, n_items = matrix.shape
        order = torch.randperm(n_users, generator=generator)
        block, place = torch.empty_like(order), torch.empty_like(order)
        parts = []
        starts, columns, values = matrix.crow_indices(), matrix.col_indices(), matrix.values()
        for number, users in enumerate(order.tensor_split(n_blocks)):
            block[users], place[users] = number, torch.arange(len(users))
            sizes = starts[users + 1] - starts[users]
            row = torch.repeat_interleave(torch.arange(len(users)), sizes)
            first = starts[users] - (sizes.cumsum(0) - sizes)
            edge = torch.arange(len(row)) + first[row]
            shape = (len(users), n_items)
            parts.append(Adjacency.from_edges(torch.stack([row, columns[edge]]), values[edge], shape))
        return cls(block, place, tuple(parts))

    def to(self, device: torch.device) -> "UserBlocks":
        """The same with its matrices on another device."""
        return UserBlocks(self.block, self.place, tuple(part.to(device) for part in self.parts))

    def another(self, block: int, generator: torch.Generator) -> int:
        """Some other block, at random."""
        further = int(torch.randint(1, len(self.parts), (1,), generator=generator))
        return (block + further) % len(self.parts)
