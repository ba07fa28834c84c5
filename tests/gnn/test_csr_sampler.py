"""The CSR neighbour sampler against brute force, and inside PyG's own loaders."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch_geometric.data import HeteroData
from torch_geometric.loader import LinkLoader, NodeLoader
from torch_geometric.sampler import NodeSamplerInput

from gnn.csr_sampler import CsrSampler, draw_in_neighbours

TO_ITEM = ("user", "bought", "item")
TO_USER = ("item", "rev_bought", "user")


def shop_graph(n_users: int = 40, n_items: int = 25, edges: int = 300, seed: int = 0) -> HeteroData:
    """Random purchases, both directions, with popular items; edge_weight numbers the edges."""
    rng = np.random.default_rng(seed)
    user = rng.integers(0, n_users, edges)
    item = (rng.random(edges) ** 2 * n_items).astype(np.int64)
    data = HeteroData()
    data["user"].num_nodes = n_users
    data["item"].num_nodes = n_items
    data["item"].x = torch.arange(n_items, dtype=torch.float32)[:, None]
    index = torch.from_numpy(np.stack([user, item]))
    for kind, ends in ((TO_ITEM, index), (TO_USER, index.flip(0))):
        data[kind].edge_index = ends
        data[kind].edge_weight = torch.arange(edges, dtype=torch.float32)
    return data


def in_edges(data: HeteroData, kind: tuple[str, str, str], target: int) -> set[int]:
    """Oracle: positions of the edges into a node."""
    return set(torch.nonzero(data[kind].edge_index[1] == target)[:, 0].tolist())


def breadth_first(data: HeteroData, seeds: list[int], hops: int) -> tuple[set[int], set[int]]:
    """Oracle: (users, items) within some hops of items, by walking edge by edge."""
    met = {"item": set(seeds), "user": set[int]()}
    frontier = {"item": set(seeds), "user": set[int]()}
    for _ in range(hops):
        found: dict[str, set[int]] = {"item": set(), "user": set()}
        for kind in (TO_ITEM, TO_USER):
            for source, target in data[kind].edge_index.T.tolist():
                if target in frontier[kind[2]]:
                    found[kind[0]].add(source)
        frontier = {name: found[name] - met[name] for name in met}
        met = {name: met[name] | found[name] for name in met}
    return met["user"], met["item"]


def of_items(nodes: list[int]) -> NodeSamplerInput:
    return NodeSamplerInput(input_id=None, node=torch.tensor(nodes), input_type="item")


@settings(max_examples=40, deadline=None)
@given(
    seeds=st.lists(st.integers(0, 24), min_size=1, max_size=6, unique=True),
    fan_out=st.lists(st.integers(1, 6), min_size=1, max_size=3),
    seed=st.integers(0, 5),
)
def test_every_draw_is_a_true_neighbourhood_within_the_fan_out(
    seeds: list[int], fan_out: list[int], seed: int
) -> None:
    data = shop_graph()
    out = CsrSampler(data, fan_out, seed).sample_from_nodes(of_items(seeds))
    assert out.node["item"][: len(seeds)].tolist() == seeds
    users, items = breadth_first(data, seeds, len(fan_out))
    for name, reachable in (("user", users), ("item", items)):
        assert len(out.node[name]) == len(set(out.node[name].tolist()))
        assert set(out.node[name].tolist()) <= reachable
    for kind in (TO_ITEM, TO_USER):
        source, target = data[kind].edge_index[:, out.edge[kind]]
        assert out.node[kind[0]][out.row[kind]].tolist() == source.tolist()
        assert out.node[kind[2]][out.col[kind]].tolist() == target.tolist()
        assert len(set(out.edge[kind].tolist())) == len(out.edge[kind])  # without replacement
    assert sum(out.num_sampled_nodes["item"]) == len(out.node["item"])
    assert sum(out.num_sampled_edges[TO_ITEM]) == len(out.edge[TO_ITEM])
    for hop_seed in seeds:  # every seed has exactly as many in-edges as the fan-out allows
        drawn = int((out.node["item"][out.col[TO_ITEM]] == hop_seed).sum())
        assert drawn == min(fan_out[0], len(in_edges(data, TO_ITEM, hop_seed)))


@pytest.mark.parametrize("fan_out", [(-1, -1), (500, 500)])
def test_a_large_fan_out_gives_the_exact_neighbourhood(fan_out: tuple[int, int]) -> None:
    data = shop_graph()
    out = CsrSampler(data, fan_out, 0).sample_from_nodes(of_items([3, 20]))
    users, items = breadth_first(data, [3, 20], 2)
    assert set(out.node["user"].tolist()) == users
    assert set(out.node["item"].tolist()) == items
    assert set(out.edge[TO_ITEM].tolist()) == in_edges(data, TO_ITEM, 3) | in_edges(data, TO_ITEM, 20)


def test_every_set_of_neighbours_is_equally_likely() -> None:
    """Degree 5, fan-out 2: each of the 10 pairs a tenth of the time (chi-square of 9 degrees, tail 35)."""
    starts = torch.tensor([0, 5])
    generator = torch.Generator().manual_seed(1)
    counts: dict[tuple[int, ...], int] = {}
    for _ in range(4000):
        _, place = draw_in_neighbours(starts, torch.tensor([0]), 2, generator)
        pair = tuple(sorted(place.tolist()))
        counts[pair] = counts.get(pair, 0) + 1
    assert len(counts) == 10
    assert sum((count - 400) ** 2 / 400 for count in counts.values()) < 35


def test_one_seed_gives_one_sequence_and_another_seed_another() -> None:
    data = shop_graph()

    def edges(seed: int) -> list[list[int]]:
        sampler = CsrSampler(data, (3, 2), seed)
        return [
            sampler.sample_from_nodes(of_items(nodes)).edge[TO_USER].tolist() for nodes in ([0, 1], [2], [0])
        ]

    assert edges(4) == edges(4)
    assert edges(4) != edges(5)


def test_types_without_a_fan_out_are_not_followed() -> None:
    out = CsrSampler(shop_graph(), {TO_ITEM: (4, 4)}, 0).sample({"item": torch.tensor([0, 1])})
    assert TO_USER not in out.edge
    assert out.num_sampled_nodes["item"] == [2, 0, 0]


def test_wrong_requests_are_refused() -> None:
    data = shop_graph()
    with pytest.raises(ValueError, match="fan-outs"):
        CsrSampler(data, {TO_ITEM: (1, 2), TO_USER: (1,)}, 0)
    with pytest.raises(ValueError, match="fan-outs"):
        CsrSampler(data, (-2,), 0)
    sampler = CsrSampler(data, (2,), 0)
    with pytest.raises(ValueError, match="repeat"):
        sampler.sample({"item": torch.tensor([1, 1])})
    with pytest.raises(ValueError, match="times"):
        sampler.sample_from_nodes(NodeSamplerInput(None, torch.tensor([1]), torch.tensor([5]), "item"))
    assert sampler.sample({"item": torch.tensor([1])}).num_sampled_nodes["item"] == [1, 0]  # still sound


def test_node_loader_cuts_features_and_edges_to_the_neighbourhood() -> None:
    data = shop_graph()
    loader = NodeLoader(data, CsrSampler(data, (4, 3), 0), ("item", torch.arange(25)), batch_size=8)
    seen: list[int] = []
    for batch in loader:
        n_id: Tensor = batch["item"].n_id
        assert batch["item"].x[:, 0].tolist() == n_id.tolist()
        assert batch[TO_ITEM].edge_weight.tolist() == batch[TO_ITEM].e_id.tolist()
        seen += n_id[: batch["item"].batch_size].tolist()
    assert seen == list(range(25))


def test_link_loader_brings_pairs_with_both_neighbourhoods_and_negatives() -> None:
    data = shop_graph()
    pairs = data[TO_ITEM].edge_index[:, :20]
    loader = LinkLoader(
        data, CsrSampler(data, (5, 5), 0), (TO_ITEM, pairs), neg_sampling="triplet", batch_size=10
    )
    found = []
    for batch in loader:
        users = batch["user"].n_id[batch["user"].src_index]
        items = batch["item"].n_id[batch["item"].dst_pos_index]
        found += list(zip(users.tolist(), items.tolist(), strict=True))
        assert len(batch["item"].dst_neg_index) == 10
    assert found == [tuple(pair) for pair in pairs.T.tolist()]


@pytest.mark.slow
def test_worker_processes_do_not_draw_alike() -> None:
    data = shop_graph()
    same = torch.zeros(2, dtype=torch.int64)  # item 0 is popular: two equal draws of 3 would be rare
    loader = NodeLoader(data, CsrSampler(data, (3,), 0), ("item", same), batch_size=1, num_workers=2)
    first, second = (batch[TO_ITEM].e_id.tolist() for batch in loader)
    assert first != second
