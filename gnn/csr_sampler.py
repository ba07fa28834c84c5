"""Neighbour sampling from a compressed sparse graph, as a PyTorch Geometric sampler in plain torch.

PyG's own `NeighborLoader` needs pyg-lib or torch-sparse, compiled packages that a plain installation lacks.
`CsrSampler` plugs into `NodeLoader` and `LinkLoader` instead::

    sampler = CsrSampler(data, fan_out=(15, 10), seed=0)
    for batch in LinkLoader(data, sampler, edge_label_index=(edge_type, pairs), batch_size=1024): ...
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import get_worker_info
from torch_geometric.data import HeteroData
from torch_geometric.sampler import BaseSampler, EdgeSamplerInput, HeteroSamplerOutput, NodeSamplerInput
from torch_geometric.sampler.neighbor_sampler import edge_sample, node_sample

from gnn.hetero_graph import EdgeType


@dataclass(frozen=True)
class InNeighbours:
    """The edges of one type by the node that they point to: where messages to it come from."""

    starts: Tensor
    """Edges into node v lie at places `starts[v]` to `starts[v + 1]`; int64 (targets + 1,)."""
    source: Tensor
    """int64 (m,)."""
    edge: Tensor
    """Position of each edge in the graph's `edge_index`, int64 (m,)."""

    @classmethod
    def of(cls, edge_index: Tensor, n_targets: int) -> "InNeighbours":
        """edge_index int64 (2, m), in any order."""
        order = torch.argsort(edge_index[1], stable=True)
        starts = torch.zeros(n_targets + 1, dtype=torch.int64)
        starts[1:] = torch.bincount(edge_index[1], minlength=n_targets).cumsum(0)
        return cls(starts, edge_index[0][order], order)


class CsrSampler(BaseSampler):
    """Draws at most so many in-neighbours of each node and edge type per hop, without replacement.

    Nodes appear once, the seeds first in their order, then hop by hop in the order in which they were met.
    A node that has no more edges than the fan-out keeps them all, so a large enough fan-out gives the exact
    neighbourhood. Hamilton et al. 2017 (GraphSAGE). Memory: 16 bytes per edge beside the graph's own.
    """

    def __init__(
        self, data: HeteroData, fan_out: Sequence[int] | Mapping[EdgeType, Sequence[int]], seed: int
    ) -> None:
        """fan_out: neighbours of each node, one number per hop (-1: all), for all edge types or by type;
        types that a mapping leaves out are not followed.

        Raises `ValueError` when edge types disagree in the number of hops or a fan-out is below -1.
        """
        super().__init__()
        by_type = dict(fan_out) if isinstance(fan_out, Mapping) else dict.fromkeys(data.edge_types, fan_out)
        hops = {len(numbers) for numbers in by_type.values()}
        if len(hops) > 1 or any(number < -1 for numbers in by_type.values() for number in numbers):
            raise ValueError("fan-outs: as many for every edge type, each -1 (all) or more")
        self._fan_out = by_type
        self._hops = max(hops, default=0)
        self._n_nodes = {name: int(data[name].num_nodes) for name in data.node_types}
        self._into = {
            kind: InNeighbours.of(data[kind].edge_index, self._n_nodes[kind[2]]) for kind in by_type
        }
        self._place = {name: torch.full((n,), -1, dtype=torch.int64) for name, n in self._n_nodes.items()}
        self._seed = seed
        self._generator: torch.Generator | None = None

    def reseed(self, seed: int) -> None:
        """Draw from here on as a sampler that was made with this seed."""
        self._seed, self._generator = seed, None

    def sample_from_nodes(self, index: NodeSamplerInput, **kwargs: Any) -> HeteroSamplerOutput:
        """The neighbourhood of nodes of one type. Raises `ValueError` for repeated nodes or seed times."""
        return node_sample(index, self._sample)

    def sample_from_edges(self, index: EdgeSamplerInput, neg_sampling: Any = None) -> HeteroSamplerOutput:
        """The neighbourhood of both ends of some pairs, and of negatives that PyG draws. Raises as above."""
        return edge_sample(index, self._sample, self._n_nodes, disjoint=False, neg_sampling=neg_sampling)

    def sample(self, seeds: Mapping[str, Tensor]) -> HeteroSamplerOutput:
        """The neighbourhood of nodes of several types at once; int64, no repeats (`ValueError`)."""
        return self._sample(seeds, None)

    def _sample(
        self, seeds: Mapping[str, Tensor], seed_time: Mapping[str, Tensor] | None
    ) -> HeteroSamplerOutput:
        if seed_time is not None:
            raise ValueError("times of seeds play no part: cut the graph at that time instead")
        met = _Met(self._place)
        try:
            for name, nodes in seeds.items():
                if len(met.add(name, nodes)) != len(nodes):
                    raise ValueError(f"seeds of type {name} repeat: give each once")
            return self._grow(met)
        finally:
            met.forget()

    def _grow(self, met: "_Met") -> HeteroSamplerOutput:
        row: dict[EdgeType, list[Tensor]] = {kind: [] for kind in self._into}
        col: dict[EdgeType, list[Tensor]] = {kind: [] for kind in self._into}
        edge: dict[EdgeType, list[Tensor]] = {kind: [] for kind in self._into}
        for hop in range(self._hops):
            frontier = met.next_hop()
            for kind, into in self._into.items():
                targets = frontier.get(kind[2])
                if targets is None or not len(targets):
                    targets = torch.zeros(0, dtype=torch.int64)
                owner, place = draw_in_neighbours(
                    into.starts, targets, self._fan_out[kind][hop], self._random()
                )
                source = into.source.take(place)  # several times as fast as [place]
                met.add(kind[0], source)
                row[kind].append(self._place[kind[0]].take(source))
                col[kind].append(self._place[kind[2]].take(targets.take(owner)))
                edge[kind].append(into.edge.take(place))
        met.next_hop()
        return HeteroSamplerOutput(
            node=met.nodes(),
            row={kind: _joined(parts) for kind, parts in row.items()},
            col={kind: _joined(parts) for kind, parts in col.items()},
            edge={kind: _joined(parts) for kind, parts in edge.items()},
            num_sampled_nodes=met.sizes(),
            num_sampled_edges={kind: [len(part) for part in parts] for kind, parts in edge.items()},
        )

    def _random(self) -> torch.Generator:
        """Made at first use: a loader's worker processes must not all draw the same."""
        if self._generator is None:
            worker = get_worker_info()
            self._generator = torch.Generator().manual_seed(self._seed)
            if worker is not None:
                self._generator.manual_seed(self._seed + 1_000_003 * (worker.id + 1))
        return self._generator


class _Met:
    """Nodes met so far, by type and hop; `place` says where in the result each stands (-1: not met)."""

    def __init__(self, place: dict[str, Tensor]) -> None:
        self._place = place
        self._hops: dict[str, list[Tensor]] = {name: [] for name in place}
        self._new: dict[str, list[Tensor]] = {name: [] for name in place}
        self._count = dict.fromkeys(place, 0)

    def add(self, name: str, nodes: Tensor) -> Tensor:
        """Number the nodes that are new, each once, in order of appearance; returns them."""
        place = self._place[name]
        nodes = nodes.masked_select(place.take(nodes) < 0)
        turn = torch.arange(len(nodes))
        # of repeats the last writer stays: written backwards, that is the first appearance
        place[nodes.flip(0)] = turn.flip(0)
        fresh = nodes.masked_select(place.take(nodes) == turn)
        place[fresh] = torch.arange(self._count[name], self._count[name] + len(fresh))
        self._count[name] += len(fresh)
        self._new[name].append(fresh)
        return fresh

    def next_hop(self) -> dict[str, Tensor]:
        """Close the hop; returns the nodes that it brought, by type."""
        closed = {name: _joined(parts) for name, parts in self._new.items()}
        for name, nodes in closed.items():
            self._hops[name].append(nodes)
            self._new[name] = []
        return closed

    def nodes(self) -> dict[str, Tensor]:
        """All nodes by type, in the order of their places."""
        return {name: _joined(parts) for name, parts in self._hops.items()}

    def sizes(self) -> dict[str, list[int]]:
        """Nodes that each hop brought, the seeds first."""
        return {name: [len(part) for part in parts] for name, parts in self._hops.items()}

    def forget(self) -> None:
        """Set the shared places back to -1; costs what was met, not the size of the graph."""
        for name in self._place:
            for nodes in (*self._hops[name], *self._new[name]):
                self._place[name][nodes] = -1


def draw_in_neighbours(
    starts: Tensor, targets: Tensor, most: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Up to `most` (-1: all) places of edges into each target, without replacement, every set equally likely.

    starts: int64 (n + 1,). Returns (position in `targets`, place), each int64 (drawn,), in no set order.
    Floyd's algorithm (Bentley and Floyd 1987), all targets at once: work grows with `most`^2, not degrees.
    """
    first = starts.take(targets)
    degree = starts.take(targets + 1) - first
    if most < 0 or not len(targets) or int(degree.max()) <= most:
        return _all_of(first, degree)
    crowded = torch.nonzero(degree > most)[:, 0]
    few_owner, few_place = _all_of(first, degree.where(degree <= most, torch.zeros_like(degree)))
    chosen = torch.full((len(crowded), most), -1, dtype=torch.int64)
    for turn in range(most):
        last = degree[crowded] - most + turn  # drawn from 0..last
        drawn = (torch.rand(len(crowded), generator=generator, dtype=torch.float64) * (last + 1)).long()
        taken = (chosen[:, :turn] == drawn[:, None]).any(dim=1)
        chosen[:, turn] = torch.where(taken, last, drawn)
    many_owner = crowded.repeat_interleave(most)
    many_place = (chosen + first[crowded][:, None]).reshape(-1)
    return torch.cat([few_owner, many_owner]), torch.cat([few_place, many_place])


def _all_of(first: Tensor, degree: Tensor) -> tuple[Tensor, Tensor]:
    owner = torch.repeat_interleave(degree)
    return owner, (first - degree.cumsum(0) + degree).take(owner) + torch.arange(len(owner))


def _joined(parts: Sequence[Tensor]) -> Tensor:
    return torch.cat(list(parts)) if parts else torch.zeros(0, dtype=torch.int64)
