"""Mini-batches for graphs whose edges are too many to propagate over: pairs with their sampled neighbourhood.

Hamilton et al. 2017 (GraphSAGE), by PyTorch Geometric's `LinkLoader` with `gnn.csr_sampler`. A node with
more edges than the fan-out hears the drawn ones, that much louder: what it hears is right in the mean. A step
costs batch x fan-out^2 edges whatever the graph has.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

import torch
from torch import Tensor
from torch_geometric.data import HeteroData
from torch_geometric.loader import LinkLoader
from torch_geometric.sampler import BaseSampler, EdgeSamplerInput, HeteroSamplerOutput, NodeSamplerInput

from gnn.affected_subgraph import TO_ITEM, TO_USER
from gnn.csr_sampler import CsrSampler
from gnn.hetero_graph import EdgeType
from gnn.propagation import Adjacency
from gnn.sampling import PairSampler

FOLLOWED_BY: EdgeType = ("item", "followed_by", "item")
"""Pairs of consecutive items: labels, no edges to pass messages along."""


@dataclass(frozen=True)
class LinkBatch:
    """Pairs of one kind, the negatives that they share, and what messages to all of them come from.

    Places are within `users` and `items`; every tensor int64 and on the CPU."""

    users: Tensor
    """(u,)."""
    items: Tensor
    """(i,)."""
    to_users: Adjacency
    """Items -> users, (u, i)."""
    to_items: Adjacency
    """Users -> items, (i, u)."""
    anchor: Tensor
    """Places of users, or of items where items follow each other, (b,)."""
    positive: Tensor
    """Places of items, (b,)."""
    negatives: Tensor
    """Places of items, (n,)."""
    of_items: bool
    """Whether the anchors are items."""

    def to(self, device: torch.device) -> "LinkBatch":
        """The same on another device."""
        return replace(
            self,
            items=self.items.to(device),
            to_users=self.to_users.to(device),
            to_items=self.to_items.to(device),
            anchor=self.anchor.to(device),
            positive=self.positive.to(device),
            negatives=self.negatives.to(device),
        )


class _PairsWithNegatives(BaseSampler):
    """Seeds a neighbourhood with the ends of some pairs and with negatives of its own draw: PyG's come from
    the process's one generator and are as many as the pairs. Their places stand where labels would."""

    def __init__(
        self, neighbours: CsrSampler, rate: Tensor, negatives: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        self._neighbours, self._rate = neighbours, rate
        self._negatives, self._generator = negatives, generator

    def sample_from_nodes(self, index: NodeSamplerInput, **kwargs: Any) -> HeteroSamplerOutput:
        """As the sampler below."""
        return self._neighbours.sample_from_nodes(index, **kwargs)

    def sample_from_edges(self, index: EdgeSamplerInput, neg_sampling: Any = None) -> HeteroSamplerOutput:
        """The neighbourhood of pairs and negatives; `neg_sampling` plays no part."""
        drawn = torch.multinomial(self._rate, self._negatives, replacement=True, generator=self._generator)
        anchors, b = index.row, len(index.row)
        if index.input_type == FOLLOWED_BY:
            items, place = torch.unique(torch.cat([anchors, index.col, drawn]), return_inverse=True)
            out = self._neighbours.sample({"item": items})
            anchor, place = place[:b], place[b:]
        else:
            users, anchor = torch.unique(anchors, return_inverse=True)
            items, place = torch.unique(torch.cat([index.col, drawn]), return_inverse=True)
            out = self._neighbours.sample({"user": users, "item": items})
        out.metadata = (index.input_id, torch.stack([anchor, place[:b]]), place[b:], None)
        return out


class LinkBatches:
    """Loads a shop's positive pairs with their neighbourhoods, shuffled anew in every epoch."""

    def __init__(
        self,
        pairs: PairSampler,
        interactions: Adjacency,
        fan_out: tuple[int, int],
        layers: int,
        batch_size: int,
        generator: torch.Generator,
    ) -> None:
        """pairs: what to learn and how negatives are drawn. interactions: items -> users, weights as to be
        propagated. fan_out: (users of an item, items of a user); -1: all. batch_size: events of a step."""
        data = _bipartite(interactions)
        of_item, of_user = fan_out
        hops = max(layers, 1)
        # items that are met last need hear nothing: a user's last layer is made of what items were before
        fans = {TO_ITEM: [of_item] * (hops - 1) + [0], TO_USER: [of_user] * hops}
        self._neighbours, self._generator = CsrSampler(data, fans, seed=0), generator
        sampler = _PairsWithNegatives(self._neighbours, pairs.rate, pairs.negatives, generator)
        steps = max(1, len(pairs.user) // batch_size)

        def loader(kind: EdgeType, ends: tuple[Tensor, Tensor]) -> LinkLoader:
            return LinkLoader(
                data,
                sampler,
                edge_label_index=(kind, torch.stack(ends)),
                batch_size=max(1, -(-len(ends[0]) // steps)),
                shuffle=True,
                generator=generator,
            )

        self._events = loader(TO_ITEM, (pairs.user, pairs.item))
        self._follows = loader(FOLLOWED_BY, (pairs.before, pairs.after)) if len(pairs.before) else None

    def epoch(self) -> Iterator[tuple[LinkBatch | None, LinkBatch | None]]:
        """All pairs once: (user-item pairs, pairs of consecutive items) of each step. In the last steps one
        of them may be `None`: as sizes are rounded up, either kind may make more batches.

        Neighbours are drawn by a seed that each epoch takes from the one generator: its state between two
        epochs is all that a run that was interrupted needs to go on with the same bits.
        """
        self._neighbours.reseed(int(torch.randint(2**31, (1,), generator=self._generator)))
        for events, follows in zip_longest(self._events, self._follows or ()):
            yield (
                None if events is None else _batch(events, TO_ITEM),
                None if follows is None else _batch(follows, FOLLOWED_BY),
            )


def _bipartite(interactions: Adjacency) -> HeteroData:
    """Edges in both directions with their weights; `degree`: edges into each node."""
    coo = interactions.matrix.to_sparse_coo().coalesce()
    index, weight = coo.indices(), coo.values()
    data = HeteroData()
    for kind, ends in ((TO_ITEM, index), (TO_USER, index.flip(0))):
        data[kind].edge_index, data[kind].edge_weight = ends, weight
        n = interactions.matrix.shape[1 if kind is TO_ITEM else 0]
        data[kind[2]].num_nodes = n
        data[kind[2]].degree = torch.bincount(ends[1], minlength=n)
    return data


def _batch(loaded: HeteroData, kind: EdgeType) -> LinkBatch:
    anchor, positive = loaded[kind].edge_label_index
    return LinkBatch(
        users=loaded["user"].n_id,
        items=loaded["item"].n_id,
        to_users=_adjacency(loaded, TO_USER),
        to_items=_adjacency(loaded, TO_ITEM),
        anchor=anchor,
        positive=positive,
        negatives=loaded[kind].edge_label,
        of_items=kind == FOLLOWED_BY,
    )


def _adjacency(loaded: HeteroData, kind: EdgeType) -> Adjacency:
    """Sampled edges, weighed up by what was left out."""
    source, target = loaded[kind].edge_index
    shape = (len(loaded[kind[2]].n_id), len(loaded[kind[0]].n_id))
    drawn = torch.bincount(target, minlength=shape[0])[target]
    weight = loaded[kind].edge_weight * (loaded[kind[2]].degree[target] / drawn)
    return Adjacency.from_edges(torch.stack([target, source]), weight, shape)
