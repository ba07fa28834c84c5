"""LightGCN on ids alone (He et al. 2020), trained by a sampled softmax (Wu et al. 2022)."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from gnn.baselines.interactions import fitted, interaction_matrix
from gnn.losses import sampled_softmax, sampled_softmax_in_pieces
from gnn.objective import Objective
from gnn.propagation import Adjacency, Propagation, symmetric_normalised
from gnn.shop_arrays import FloatArray, IntArray, ShopArrays


@dataclass(frozen=True)
class LightGcnConfig:
    """Settings of `LightGcn`."""

    dim: int = 64
    """Length of the embeddings, as in the paper."""
    layers: int = 2
    temperature: float = 0.15
    """Of the softmax over cosines."""
    negatives: int = 1024
    """Items drawn per step, shared by the batch."""
    popularity_exponent: float = 0.0
    """They are drawn by (their pairs)^this; 0: uniformly. With 1 a cosine no longer says what is popular, as
    in batches that are their own negatives, and an item's length has to."""
    batch_size: int = 4096
    steps: int = 300
    """At least; a budget of steps makes runs repeatable."""
    epochs: int = 20
    """At least; the larger of the two counts."""
    learning_rate: float = 5e-3
    weight_decay: float = 1e-6
    initial_scale: float = 0.1
    """Standard deviation of the embeddings before training."""
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name in ("dim", "layers", "temperature", "negatives", "batch_size", "learning_rate"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")


PIECE = 1024
"""Pairs that the loss looks at together on a CPU, see `gnn.losses`."""

GRID = tuple(
    LightGcnConfig(layers=layers, temperature=temperature)
    for layers in (2, 3)
    for temperature in (0.1, 0.15, 0.2)
)


class LightGcnNet(nn.Module):
    """e = mean over layers of A^k e0, A = D^-1/2 [[0, X], [X', 0]] D^-1/2; no weights but e0."""

    def __init__(self, n_users: int, n_items: int, adjacency: Adjacency, config: LightGcnConfig) -> None:
        super().__init__()
        self.n_users, self.n_items, self.layers = n_users, n_items, config.layers
        self.adjacency = adjacency
        self.propagation = Propagation()
        self.embedding = nn.Parameter(torch.empty(n_users + n_items, config.dim))

    def reset(self, scale: float, generator: torch.Generator) -> None:
        """Draw the embeddings anew."""
        with torch.no_grad():
            self.embedding.copy_(torch.randn(self.embedding.shape, generator=generator) * scale)

    def forward(self) -> tuple[Tensor, Tensor]:
        """Final embeddings of users (n_users, dim) and items (n_items, dim)."""
        layer = total = self.embedding
        for _ in range(self.layers):
            layer = self.propagation(layer, self.adjacency)
            total = total + layer
        final = total / (self.layers + 1)
        return final[: self.n_users], final[self.n_users :]


class LightGcn:
    """Scores are cosines of final embeddings, item-item or user-item."""

    name = "lightgcn"

    def __init__(self, config: LightGcnConfig = LightGcnConfig()) -> None:
        self.config = config
        self._users: FloatArray | None = None
        self._items: FloatArray | None = None

    def fit(self, shop: ShopArrays, seed: int) -> None:
        """Train. The number of steps is fixed, so that equal seeds give equal models on one machine."""
        generator = torch.Generator().manual_seed(seed)
        user, item = _pairs(shop)
        device = torch.device(self.config.device)
        adjacency = bipartite_adjacency(user, item, shop.n_users, shop.n_items).to(device)
        net = LightGcnNet(shop.n_users, shop.n_items, adjacency, self.config)
        net.reset(self.config.initial_scale, generator)
        net.to(device)
        if len(user):
            train(net, user, item, self.config, generator)
        with torch.no_grad():
            users, items = (functional.normalize(part, dim=1).cpu().numpy() for part in net())
        # nodes without an edge keep their random start: they know nothing
        users[np.bincount(user.numpy(), minlength=shop.n_users) == 0] = 0.0
        items[np.bincount(item.numpy(), minlength=shop.n_items) == 0] = 0.0
        self._users, self._items = users, items

    def score_similar(self, query: IntArray, objective: Objective) -> FloatArray:
        """See `gnn.recommender`."""
        items = fitted(self._items)
        return items[query] @ items.T

    def score_users(self, users: IntArray) -> FloatArray:
        """See `gnn.recommender`."""
        return fitted(self._users)[users] @ fitted(self._items).T


def _pairs(shop: ShopArrays) -> tuple[Tensor, Tensor]:
    """Distinct (user, item) pairs, two int64 tensors (m,)."""
    pairs = interaction_matrix(shop).tocoo()
    return torch.from_numpy(pairs.row.astype(np.int64)), torch.from_numpy(pairs.col.astype(np.int64))


def bipartite_adjacency(user: Tensor, item: Tensor, n_users: int, n_items: int) -> Adjacency:
    """Symmetrically normalised adjacency of users (first) and items, CSR (n, n)."""
    n = n_users + n_items
    rows, columns = torch.cat([user, item + n_users]), torch.cat([item + n_users, user])
    edge_index = torch.stack([rows, columns])
    weight = symmetric_normalised(edge_index, torch.ones(len(rows)), (n, n))
    matrix = Adjacency.from_edges(edge_index, weight, (n, n)).matrix
    return Adjacency(matrix, matrix)


def train(
    net: LightGcnNet, user: Tensor, item: Tensor, config: LightGcnConfig, generator: torch.Generator
) -> None:
    """Adam over shuffled pairs for the configured budget."""
    optimiser = optimiser_of(net, config)
    parts = max(1, len(user) // config.batch_size)
    epochs = max(config.epochs, -(-config.steps // parts))
    rate = negatives_rate(item, net.n_items, config)
    for _ in range(epochs):
        for batch in torch.randperm(len(user), generator=generator).tensor_split(parts):
            step(net, optimiser, user[batch], item[batch], config, generator, rate)


def negatives_rate(item: Tensor, n_items: int, config: LightGcnConfig) -> Tensor | None:
    """How often each item is drawn as a negative, up to a factor, (n_items,); `None`: all alike."""
    if not config.popularity_exponent:
        return None
    return torch.bincount(item, minlength=n_items).double() ** config.popularity_exponent


def optimiser_of(net: LightGcnNet, config: LightGcnConfig) -> torch.optim.Optimizer:
    """Adam as one kernel: several times as cheap as its steps one by one."""
    return torch.optim.Adam(
        [net.embedding], lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
    )


def step(
    net: LightGcnNet,
    optimiser: torch.optim.Optimizer,
    user: Tensor,
    item: Tensor,
    config: LightGcnConfig,
    generator: torch.Generator,
    rate: Tensor | None = None,
) -> None:
    """One gradient step on positive pairs, user (b,) and item (b,); rate: see `negatives_rate`."""
    users, items = net()
    device = items.device
    if rate is None:
        negatives = torch.randint(0, len(items), (config.negatives,), generator=generator)
    else:
        negatives = torch.multinomial(rate, config.negatives, replacement=True, generator=generator)
    negatives = negatives.to(device)
    ends = (
        users.index_select(0, user.to(device)),
        items.index_select(0, item.to(device)),
        items.index_select(0, negatives),
    )
    if device.type == "cpu":
        loss = sampled_softmax_in_pieces(*ends, config.temperature, PIECE)
    else:
        loss = sampled_softmax(*ends, config.temperature)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
