"""The trainer on shops with a known answer, and what a broken trainer would do."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from gnn.embedding_config import EmbeddingConfig
from gnn.embedding_model import EmbeddingModel, ModelGraph, model_graph
from gnn.hetero_graph import build_hetero_graph
from gnn.histories import group_by_user
from gnn.losses import sampled_softmax
from gnn.propagation import Adjacency, Propagation
from gnn.sampling import PairSampler
from gnn.shop_arrays import ShopArrays
from gnn.text_space import TextSpaceConfig, build_text_space
from gnn.training import Trainer, batch_loss
from gnn.training_config import TrainingConfig
from tests.gnn.shops import cluster_purity, cluster_shop, shop_of

CLUSTERS = 6
QUICK = TrainingConfig(negatives=64, min_batch_size=128)
MODEL = EmbeddingConfig(dim=16)


def graph_of(shop: ShopArrays) -> ModelGraph:
    text = build_text_space(shop.text, shop.n_items, TextSpaceConfig())
    return model_graph(build_hetero_graph(shop, text), 16)


def trainer_of(shop: ShopArrays, seed: int = 0, model: EmbeddingConfig = MODEL) -> Trainer:
    return Trainer(shop, group_by_user(shop), graph_of(shop), model, QUICK, seed)


def purity(shop: ShopArrays, trainer: Trainer) -> float:
    items, _ = trainer.embeddings()
    query = np.arange(shop.n_items)
    return cluster_purity(items @ items.T, query, CLUSTERS)


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_training_finds_planted_clusters(layers: int) -> None:
    shop = cluster_shop(clusters=CLUSTERS)
    trainer = trainer_of(shop, model=EmbeddingConfig(dim=16, layers=layers))
    first = trainer.run_epoch()
    for _ in range(11):
        last = trainer.run_epoch()
    assert last < 0.8 * first
    assert purity(shop, trainer) > 0.97


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_learns_what_the_cpu_learns() -> None:
    shop = cluster_shop(clusters=CLUSTERS)
    on_gpu = Trainer(shop, group_by_user(shop), graph_of(shop), MODEL, replace(QUICK, device="cuda"), seed=0)
    here = trainer_of(shop)
    for _ in range(12):
        assert on_gpu.run_epoch() == pytest.approx(here.run_epoch(), rel=0.02)
    assert purity(shop, on_gpu) == pytest.approx(purity(shop, here), abs=0.03)


def test_the_criterion_has_power_a_sampler_that_mixes_items_up_fails_it() -> None:
    shop = cluster_shop(clusters=CLUSTERS)
    broken = shop_of(shop.user, np.random.default_rng(1).permutation(shop.item), n_items=shop.n_items)
    trainer = trainer_of(broken)
    for _ in range(12):
        trainer.run_epoch()
    assert purity(shop, trainer) < 0.5


def test_every_step_starts_from_fresh_gradients() -> None:
    """A missing gradient reset would add the first step's gradients to the second's."""
    shop = cluster_shop(clusters=CLUSTERS)
    model = EmbeddingConfig(dim=16, residual_dropout=0.0)
    trainer = trainer_of(shop, model=model)
    graph = graph_of(shop)
    batch = next(trainer.sampler.epoch())
    trainer.step(batch)
    copy = EmbeddingModel(graph, model, torch.Generator())
    copy.load_state_dict(trainer.model.state_dict())
    users, items = copy(graph)
    loss = batch_loss(users, items, batch, QUICK.temperature)
    loss.backward()  # type: ignore[no-untyped-call]
    assert trainer.step(batch) == pytest.approx(float(loss.detach()), rel=1e-5)
    assert trainer.model.residual.grad is not None
    assert copy.residual.grad is not None
    assert torch.allclose(trainer.model.residual.grad, copy.residual.grad, atol=1e-6)


def test_every_parameter_learns() -> None:
    shop = cluster_shop(clusters=CLUSTERS, text=True)
    shop = ShopArrays(
        **{
            **vars(shop),
            "item_category": np.stack([np.arange(shop.n_items), np.arange(shop.n_items) % 3], axis=1),
            "category_parent": np.array([-1, 0, 0]),
            "brand": np.arange(shop.n_items) % 4,
        }
    )
    trainer = trainer_of(shop)
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    trainer.run_epoch()
    assert set(before) > {"residual", "category", "brand"}
    for name, value in trainer.model.state_dict().items():
        assert not torch.equal(value, before[name]), name


def test_same_seed_gives_the_same_bits_and_another_seed_does_not() -> None:
    shop = cluster_shop(clusters=CLUSTERS, text=True)
    runs = [trainer_of(shop, seed).run(3) for seed in (5, 5, 6)]
    assert np.array_equal(runs[0].items, runs[1].items)
    assert np.array_equal(runs[0].user_side, runs[1].user_side)
    assert not np.array_equal(runs[0].items, runs[2].items)


def test_an_epoch_shows_every_pair_once() -> None:
    shop = cluster_shop(clusters=CLUSTERS)
    histories = group_by_user(shop)
    sampler = PairSampler(shop, histories, 300, 32, torch.Generator().manual_seed(0))
    batches = list(sampler.epoch())
    assert len(batches) == sampler.steps > 3
    seen = np.sort(np.concatenate([(b.user * shop.n_items + b.item).numpy() for b in batches]))
    assert np.array_equal(seen, np.sort(shop.user * shop.n_items + shop.item))
    follows = {
        (int(a), int(b))
        for a, b, u, v in zip(
            histories.item[:-1], histories.item[1:], histories.user[:-1], histories.user[1:], strict=True
        )
        if u == v and a != b
    }
    assert {(int(a), int(b)) for x in batches for a, b in zip(x.before, x.after, strict=True)} == follows


def test_user_vector_is_the_sum_over_the_history() -> None:
    """What an unseen user with the same history would get points the same way as the trained user."""
    shop = cluster_shop(clusters=CLUSTERS, text=True)
    trainer = trainer_of(shop)
    trainer.run_epoch()
    graph = graph_of(shop)
    with torch.no_grad():
        users, _ = trainer.model(graph)
    _, user_side = trainer.embeddings()
    seen = np.zeros((shop.n_users, shop.n_items), np.float32)
    seen[shop.user, shop.item] = 1
    ours = torch.from_numpy(seen @ user_side)
    assert torch.allclose(torch.cosine_similarity(users, ours), torch.ones(shop.n_users), atol=1e-4)


def test_product_has_the_gradient_of_the_dense_product() -> None:
    generator = torch.Generator().manual_seed(0)
    edges = torch.stack([torch.arange(6) % 4, torch.arange(6) % 3])
    weight = torch.rand(6, generator=generator)
    adjacency = Adjacency.from_edges(edges, weight, (4, 3))
    x = torch.randn(3, 2, generator=generator, requires_grad=True)
    y = x.detach().clone().requires_grad_()
    target = torch.randn(4, 2, generator=generator)
    (Propagation()(x, adjacency) * target).sum().backward()
    (adjacency.matrix.to_dense() @ y * target).sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    assert y.grad is not None
    assert torch.allclose(x.grad, y.grad, atol=1e-6)
    assert torch.equal(adjacency.flipped().matrix.to_dense(), adjacency.matrix.to_dense().T)


def test_sampled_softmax_is_the_stated_cross_entropy() -> None:
    generator = torch.Generator().manual_seed(0)
    anchor, positive, negatives = (torch.randn(n, 5, generator=generator) for n in (3, 3, 4))
    log_q = torch.rand(4, generator=generator)
    unit = torch.nn.functional.normalize
    a, p, n = unit(anchor, dim=1), unit(positive, dim=1), unit(negatives, dim=1)
    for shift in (None, log_q):
        taken = torch.zeros(4) if shift is None else shift
        expected = 0.0
        for row in range(3):
            logits = torch.cat([(a[row] @ p[row])[None] / 0.2, n @ a[row] / 0.2 - taken])
            expected -= float(torch.log_softmax(logits, 0)[0]) / 3
        assert float(sampled_softmax(anchor, positive, negatives, 0.2, shift)) == pytest.approx(
            expected, rel=1e-5
        )


def test_an_epochs_steps_are_bounded() -> None:
    config = TrainingConfig()
    assert [config.batch(n) for n in (100, 10_000, 1_000_000)] == [256, 1_250, 4_096]
    assert config.batch(10_000_000) == 39_063
