"""The part of the graph that new events reach, and what the rest of the graph says to it."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import HeteroData
from torch_geometric.sampler import HeteroSamplerOutput

from gnn.csr_sampler import CsrSampler
from gnn.hetero_graph import EdgeType
from gnn.item_propagation import normalised
from gnn.propagation import Adjacency
from gnn.shop_arrays import FloatArray, IntArray
from gnn.sparse_rows import Csr

TO_ITEM: EdgeType = ("user", "engaged", "item")
TO_USER: EdgeType = ("item", "rev_engaged", "user")


@dataclass(frozen=True)
class StoredLayers:
    """Embeddings of every node with the weights before: sums over the layers, of any length."""

    users: FloatArray
    """(n_users, dim)."""
    items: FloatArray
    """(n_items, dim)."""
    messages: int
    """Edges that messages passed over."""


def stored_layers(layer_zero: FloatArray, interactions: Csr, layers: int) -> StoredLayers:
    """One forward pass over the whole graph, see `gnn.embedding_model`. interactions: (n_users, n_items)."""
    to_users = normalised(interactions)
    to_items = to_users.T.tocsr()
    users, items = to_users @ layer_zero, layer_zero
    all_users, all_items = users, items
    for layer in range(1, layers):
        if layer % 2:
            items = to_items @ users
            all_items = all_items + items
        else:
            users = to_users @ items
            all_users = all_users + users
    return StoredLayers(all_users, all_items, interactions.nnz * max(layers, 1))


@dataclass(frozen=True)
class AffectedSubgraph:
    """Some users and items with sampled edges among them; positions below are within `users` and `items`."""

    users: IntArray
    """User indices, (u,)."""
    items: IntArray
    """Item indices, (i,)."""
    to_users: Adjacency
    """Items -> users, (u, i)."""
    to_items: Adjacency
    """Users -> items, (i, u)."""

    @property
    def n_edges(self) -> int:
        """Edges in both directions."""
        return int(self.to_users.matrix.values().numel() + self.to_items.matrix.values().numel())

    def to(self, device: torch.device) -> "AffectedSubgraph":
        """The same with its edges on another device."""
        return AffectedSubgraph(self.users, self.items, self.to_users.to(device), self.to_items.to(device))


class AffectedGraph:
    """Draws the subgraphs that messages to some users and items come from.

    Where a node has more edges than its fan-out, the drawn ones weigh more, so that their sum is right in the
    mean. With stored embeddings for everything that does not move, only the *change* of the trained rows goes
    through sampled edges: the control variate of VR-GCN (Chen et al. 2018).
    """

    def __init__(
        self, interactions: Csr, moving: IntArray, fan_out: tuple[int, int], layers: int, seed: int
    ) -> None:
        """interactions: (n_users, n_items). moving: items that are trained; up to two layers nothing but
        their change comes to a user, so edges from others are left out. fan_out: (users of an item, items of
        a user)."""
        self._data = _bipartite(normalised(interactions), moving if layers <= 2 else None)
        of_item, of_user = fan_out
        hops = max(layers, 1)
        self._sampler = CsrSampler(
            self._data, {TO_ITEM: [of_item] * (hops - 1) + [0], TO_USER: [of_user] * hops}, seed
        )
        self._degree = {
            kind: torch.bincount(self._data[kind].edge_index[1], minlength=self._data[kind[2]].num_nodes)
            for kind in (TO_ITEM, TO_USER)
        }

    def around(self, users: IntArray, items: IntArray) -> AffectedSubgraph:
        """A new draw around some seeds, each given once."""
        out = self._sampler.sample({"user": torch.from_numpy(users), "item": torch.from_numpy(items)})
        n_users, n_items = len(out.node["user"]), len(out.node["item"])
        return AffectedSubgraph(
            users=out.node["user"].numpy(),
            items=out.node["item"].numpy(),
            to_users=self._adjacency(out, TO_USER, (n_users, n_items)),
            to_items=self._adjacency(out, TO_ITEM, (n_items, n_users)),
        )

    def _adjacency(self, out: HeteroSamplerOutput, kind: EdgeType, shape: tuple[int, int]) -> Adjacency:
        target, source, edge = out.col[kind], out.row[kind], out.edge[kind]
        drawn = torch.bincount(target, minlength=shape[0])
        share = drawn[target] / self._degree[kind][out.node[kind[2]][target]]
        weight = self._data[kind].edge_weight[edge] / share
        return Adjacency.from_edges(torch.stack([target, source]), weight, shape)


def _bipartite(weights: Csr, moving: IntArray | None) -> HeteroData:
    """Users and items with their edges in both directions, to users from `moving` items alone (None: from
    all); `edge_weight` as given."""
    edges = weights.tocoo()
    index = torch.from_numpy(np.stack([edges.row, edges.col]).astype(np.int64))
    weight: Tensor = torch.from_numpy(edges.data)
    moves = torch.ones(weights.shape[1], dtype=torch.bool)
    if moving is not None:
        moves = torch.zeros_like(moves).index_fill(0, torch.from_numpy(moving), True)
    speaks = moves[index[1]]
    data = HeteroData()
    data["user"].num_nodes, data["item"].num_nodes = weights.shape
    data[TO_ITEM].edge_index, data[TO_ITEM].edge_weight = index, weight
    data[TO_USER].edge_index, data[TO_USER].edge_weight = index.flip(0)[:, speaks], weight[speaks]
    return data
