"""Blocks of users: right in the mean, every pair once, and a trainer that learns from them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from gnn.embedding_config import EmbeddingConfig
from gnn.embedding_model import EmbeddingModel
from gnn.histories import group_by_user
from gnn.losses import sampled_softmax, sampled_softmax_in_pieces
from gnn.sampling import PairSampler
from gnn.training import Trainer
from gnn.training_config import TrainingConfig
from gnn.user_blocks import UserBlocks
from tests.gnn.shops import cluster_shop
from tests.gnn.test_training import CLUSTERS, MODEL, QUICK, graph_of, purity


def test_blocks_are_the_matrix_dealt_by_rows() -> None:
    graph = graph_of(cluster_shop(clusters=CLUSTERS))
    whole = graph.interactions.matrix.to_dense()
    blocks = UserBlocks.dealt(graph.interactions, 4, torch.Generator().manual_seed(0))
    sizes = [part.matrix.shape[0] for part in blocks.parts]
    assert sum(sizes) == len(whole)
    assert max(sizes) - min(sizes) <= 1
    dense = [part.matrix.to_dense() for part in blocks.parts]
    for user in range(len(whole)):
        torch.testing.assert_close(dense[blocks.block[user]][blocks.place[user]], whole[user])
    for part, rows in zip(blocks.parts, dense, strict=True):
        torch.testing.assert_close(part.transposed.to_dense(), rows.T)


@pytest.mark.parametrize("layers", [0, 1, 2, 3])
def test_what_items_hear_is_right_in_the_mean(layers: int) -> None:
    graph = graph_of(cluster_shop(clusters=CLUSTERS))
    config = EmbeddingConfig(dim=16, layers=layers)
    model = EmbeddingModel(graph, config, torch.Generator().manual_seed(0))
    blocks = UserBlocks.dealt(graph.interactions, 4, torch.Generator().manual_seed(0))
    with torch.no_grad():
        users, items = model(graph)
        found = [model.forward_block(graph, blocks, 0, other) for other in range(4)]
    torch.testing.assert_close(torch.stack([own for _, own in found]).mean(0), items, rtol=1e-4, atol=1e-5)
    own = blocks.block == 0
    mean = torch.stack([own for own, _ in found]).mean(0)
    torch.testing.assert_close(mean[blocks.place[own]], users[own], rtol=1e-4, atol=1e-5)


def test_what_items_hear_comes_from_another_block_than_the_pairs() -> None:
    graph = graph_of(cluster_shop(clusters=CLUSTERS))
    generator = torch.Generator().manual_seed(0)
    blocks = UserBlocks.dealt(graph.interactions, 4, generator)
    for block in range(4):
        others = {blocks.another(block, generator) for _ in range(60)}
        assert others == set(range(4)) - {block}


def test_an_epoch_has_every_pair_once_and_one_block_a_batch() -> None:
    shop = cluster_shop(clusters=CLUSTERS)
    block = torch.arange(shop.n_users) % 3
    generator = torch.Generator().manual_seed(0)
    sampler = PairSampler(shop, group_by_user(shop), 100, 8, generator, block=block)
    batches = list(sampler.epoch())
    assert {batch.block for batch in batches} == {0, 1, 2}
    assert [batch.block for batch in batches] != sorted(batch.block for batch in batches)
    for batch in batches:
        assert set(block[batch.user].tolist()) == {batch.block}
        assert 60 < len(batch.user) < 160
    pairs = np.concatenate([(b.user * shop.n_items + b.item).numpy() for b in batches])
    np.testing.assert_array_equal(np.sort(pairs), np.sort(shop.user * shop.n_items + shop.item))
    follows = sum(len(batch.before) for batch in batches)
    assert follows == sum(len(b.before) for b in PairSampler(
        shop, group_by_user(shop), 100, 8, generator).epoch())  # fmt: skip


def test_a_trainer_on_blocks_finds_planted_clusters() -> None:
    shop = cluster_shop(clusters=CLUSTERS)
    graph = graph_of(shop)
    edges = graph.interactions.matrix.values().numel()
    config = replace(QUICK, block_edges=edges // 4)
    assert config.blocks(edges) >= 4
    trainer = Trainer(shop, group_by_user(shop), graph, MODEL, config, seed=0)
    first = trainer.run_epoch()
    for _ in range(11):
        last = trainer.run_epoch()
    assert last < 0.8 * first
    assert purity(shop, trainer) > 0.97


@pytest.mark.parametrize("piece", [7, 40, 100])
def test_a_loss_in_pieces_is_the_loss(piece: int) -> None:
    generator = torch.Generator().manual_seed(0)

    def leaves() -> list[torch.Tensor]:
        generator.manual_seed(0)
        return [torch.randn(n, 8, generator=generator, requires_grad=True) for n in (100, 100, 30)]

    ends, same = leaves(), leaves()
    whole = 3 * sampled_softmax(ends[0], ends[1], ends[2], 0.15)
    parts = 3 * sampled_softmax_in_pieces(same[0], same[1], same[2], 0.15, piece)
    torch.autograd.backward(whole)
    torch.autograd.backward(parts)
    torch.testing.assert_close(parts, whole)
    for one, other in zip(ends, same, strict=True):
        torch.testing.assert_close(other.grad, one.grad)


def test_graphs_of_up_to_two_million_edges_stay_whole() -> None:
    config = TrainingConfig()
    assert [config.blocks(edges) for edges in (0, 100_000, 2_000_000)] == [1, 1, 1]
    assert [config.blocks(edges) for edges in (2_000_001, 10_000_000)] == [3, 10]
