"""The trained graph network: texts, categories and small residuals, propagated over shared users.

Layer 0 of an item is ``normalise(mlp(text)) + category + brand + dropout(residual)``; a user has no vector of
their own. With A the normalised user-item matrix,

    item = x + A^T A x          (two layers)
    user = A x                  (one layer; a new user needs no training)

which is LightGCN (He et al. 2020) with user layer 0 = 0: the odd layers of items and the even ones of users
vanish, so they are never computed.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch_geometric.data import HeteroData

from gnn.embedding_config import EmbeddingConfig
from gnn.hetero_graph import OF_BRAND, category_edges, interaction_edges
from gnn.propagation import Adjacency, Propagation, row_normalised, symmetric_normalised
from gnn.shop_arrays import FloatArray
from gnn.trained_weights import TextTower, TrainedWeights
from gnn.user_blocks import UserBlocks


@dataclass(frozen=True)
class ModelGraph:
    """What the network propagates over, made once from a `HeteroData`."""

    text: Tensor
    """(n_items, t); t = 0 where there are no texts."""
    has_text: Tensor
    """bool (n_items, 1)."""
    interactions: Adjacency
    """Items -> users, symmetrically normalised."""
    item_degree: Tensor
    """Sum of the weights of an item's edges, (n_items, 1)."""
    category: Adjacency | None
    """Categories -> items, mean."""
    brand: Adjacency | None
    """Brands -> items."""

    @property
    def n_items(self) -> int:
        """Size of the catalogue."""
        return len(self.text)

    def to(self, device: torch.device) -> "ModelGraph":
        """The same on another device."""
        return ModelGraph(
            self.text.to(device),
            self.has_text.to(device),
            self.interactions.to(device),
            self.item_degree.to(device),
            self.category.to(device) if self.category else None,
            self.brand.to(device) if self.brand else None,
        )


def model_graph(data: HeteroData, text_dims: int) -> ModelGraph:
    """Normalised relations of a shop's graph."""
    n_users, n_items = data["user"].num_nodes, data["item"].num_nodes
    text = data["item"].x[:, :text_dims].contiguous()
    edges, weight = interaction_edges(data)
    shape = (n_users, n_items)
    return ModelGraph(
        text=text,
        has_text=(data["item"].x != 0).any(dim=1, keepdim=True),
        interactions=Adjacency.from_edges(edges, symmetric_normalised(edges, weight, shape), shape),
        item_degree=torch.zeros(n_items).index_add_(0, edges[1], weight)[:, None],
        category=_side(category_edges(data), data, "category"),
        brand=_side(data[OF_BRAND].edge_index, data, "brand") if OF_BRAND in data.edge_types else None,
    )


def _side(edges: Tensor, data: HeteroData, kind: str) -> Adjacency | None:
    if not edges.shape[1]:
        return None
    n_items = data["item"].num_nodes
    ones = torch.ones(edges.shape[1])
    return Adjacency.from_edges(edges, row_normalised(edges, ones, n_items), (n_items, data[kind].num_nodes))


class EmbeddingModel(nn.Module):
    """See the module. Parameters are drawn from `generator`, so one seed gives one model."""

    def __init__(self, graph: ModelGraph, config: EmbeddingConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.config = config
        with_text = graph.text.shape[1] > 0
        scale = config.residual_scale if with_text else config.residual_scale_without_text
        self.residual = self._free(graph.n_items, scale, generator)
        self.text = self._tower(graph.text.shape[1], generator) if with_text else None
        self.category = self._side(graph.category, generator)
        self.brand = self._side(graph.brand, generator)
        self.propagation = Propagation()

    def _free(self, rows: int, scale: float, generator: torch.Generator) -> nn.Parameter:
        return nn.Parameter(torch.randn(rows, self.config.dim, generator=generator) * scale)

    def _side(self, relation: Adjacency | None, generator: torch.Generator) -> nn.Parameter | None:
        if relation is None:
            return None
        return self._free(relation.matrix.shape[1], self.config.side_scale, generator)

    def _tower(self, width: int, generator: torch.Generator) -> nn.Sequential:
        layers = [
            nn.Linear(width, 2 * self.config.dim),
            nn.GELU(),
            nn.Linear(2 * self.config.dim, self.config.dim),
        ]
        for layer in layers:
            if isinstance(layer, nn.Linear):
                bound = layer.in_features**-0.5
                nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
                nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
        return nn.Sequential(*layers)

    def layer_zero(self, graph: ModelGraph, kept: Tensor | None = None) -> Tensor:
        """Items before propagation, (n_items, dim). kept: residual factors (n_items, 1), `None`: all 1."""
        x: Tensor = self.residual if kept is None else self.residual * kept
        if self.text is not None:
            x = x + functional.normalize(self.text(graph.text), dim=1) * graph.has_text
        if self.category is not None and graph.category is not None:
            x = x + self.propagation(self.category, graph.category)
        if self.brand is not None and graph.brand is not None:
            x = x + self.propagation(self.brand, graph.brand)
        return x

    def forward(self, graph: ModelGraph, kept: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(users (n_users, dim), items (n_items, dim)): sums over the layers, of any length."""
        to_users = graph.interactions
        return self.through(self.layer_zero(graph, kept), to_users, to_users.flipped())

    def through(self, x: Tensor, to_users: Adjacency, to_items: Adjacency) -> tuple[Tensor, Tensor]:
        """Layer 0 of some items (i, dim) -> (users (u, dim), these items (i, dim)): sums over the layers, by
        messages from items to users and from users to items."""
        items, users = x, self.propagation(x, to_users)
        all_items, all_users = items, users
        for layer in range(1, self.config.layers):
            if layer % 2:
                items = self.propagation(users, to_items)
                all_items = all_items + items
            else:
                users = self.propagation(items, to_users)
                all_users = all_users + users
        return all_users, all_items

    def forward_block(
        self, graph: ModelGraph, blocks: UserBlocks, block: int, other: int, kept: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """As `forward` for the users of one block, (users of the block, dim), and all items, (n_items, dim).

        What items hear from users is what the users of `other` say, as many times as there are blocks: the
        same in the mean over the ways to deal the users.
        """
        items = self.layer_zero(graph, kept)
        all_items, for_users = items, items
        heard, times = blocks.parts[other], float(len(blocks.parts))
        for layer in range(1, self.config.layers):
            if layer % 2:
                items = self.propagation(self.propagation(items, heard), heard.flipped()) * times
                all_items = all_items + items
            else:
                for_users = for_users + items
        return self.propagation(for_users, blocks.parts[block]), all_items

    def user_side(self, graph: ModelGraph) -> Tensor:
        """What an item of weight 1 adds to a user's vector up to the user's length, (n_items, dim).

        A user is compared by cosine, so the user's own degree cancels and the item's stays."""
        x = self.layer_zero(graph)
        if self.config.layers > 2:
            users = self.propagation(x, graph.interactions)
            x = x + self.propagation(users, graph.interactions.flipped())
        degree = graph.item_degree.clamp(min=1.0)
        return x / degree.sqrt()

    def weights(self) -> TrainedWeights:
        """The parameters as they are now, copied to the CPU."""
        tower = None
        if self.text is not None:
            parts = ("0.weight", "0.bias", "2.weight", "2.bias")
            parameters = dict(self.text.named_parameters())
            tower = TextTower(*(_copied(parameters[name]) for name in parts))
        category = None if self.category is None else _copied(self.category)
        brand = None if self.brand is None else _copied(self.brand)
        return TrainedWeights(_copied(self.residual), tower, category, brand)


def _copied(parameter: Tensor) -> FloatArray:
    values: FloatArray = parameter.detach().cpu().numpy().copy()
    return values
