"""Training by PyG's LinkLoader: exact with all neighbours, right in the mean, as good as the whole."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from gnn.checkpoints import Checkpoint, NoCheckpoints
from gnn.embedding_config import EmbeddingConfig
from gnn.embedding_model import EmbeddingModel, ModelGraph
from gnn.histories import block_start, group_by_user, next_pairs
from gnn.ilk_config import IlkConfig
from gnn.link_batches import LinkBatches
from gnn.sampling import PairSampler
from gnn.shop_arrays import ShopArrays
from gnn.training import Trainer, ValidationPairs
from gnn.training_config import Loader, TrainingConfig
from tests.gnn.shops import cluster_shop, shop_of
from tests.gnn.test_training import CLUSTERS, MODEL, QUICK, graph_of, purity

LINKS = replace(QUICK, loader=Loader.LINKS, link_fan_out=(6, 6))


def batches_of(
    shop: ShopArrays, graph: ModelGraph, fan_out: tuple[int, int], layers: int, seed: int = 0
) -> LinkBatches:
    generator = torch.Generator().manual_seed(seed)
    pairs = PairSampler(shop, group_by_user(shop), 300, 32, generator)
    return LinkBatches(pairs, graph.interactions, fan_out, layers, 300, generator)


@pytest.mark.parametrize("layers", [0, 1, 2, 3])
def test_with_all_neighbours_a_batch_is_what_the_whole_graph_says(layers: int) -> None:
    shop = cluster_shop(clusters=CLUSTERS, text=True)
    graph = graph_of(shop)
    model = EmbeddingModel(graph, EmbeddingConfig(dim=8, layers=layers), torch.Generator().manual_seed(0))
    with torch.no_grad():
        users, items = model(graph)
        x = model.layer_zero(graph)
        steps = list(batches_of(shop, graph, (-1, -1), layers).epoch())
        assert steps
        for events, follows in steps:
            assert events is not None
            assert follows is not None
            for part in (events, follows):
                own_users, own = model.through(x[part.items], part.to_users, part.to_items)
                anchors = (own, items, part.items) if part.of_items else (own_users, users, part.users)
                for mine, whole, nodes, places in (
                    (*anchors, part.anchor),
                    (own, items, part.items, part.positive),
                    (own, items, part.items, part.negatives),
                ):
                    torch.testing.assert_close(mine[places], whole[nodes[places]], rtol=1e-4, atol=1e-5)


def test_with_few_neighbours_it_is_right_in_the_mean() -> None:
    shop = cluster_shop(clusters=CLUSTERS)
    graph = graph_of(shop)
    model = EmbeddingModel(graph, EmbeddingConfig(dim=4), torch.Generator().manual_seed(0))
    total, draws = torch.zeros(shop.n_items, 4), torch.zeros(shop.n_items, 1)
    with torch.no_grad():
        _, items = model(graph)
        x = model.layer_zero(graph).detach()
        for seed in range(12):
            for events, _ in batches_of(shop, graph, (5, 4), 2, seed).epoch():
                assert events is not None
                _, own = model.through(x[events.items], events.to_users, events.to_items)
                seeds = torch.unique(torch.cat([events.positive, events.negatives]))
                total.index_add_(0, events.items[seeds], own[seeds])
                draws.index_add_(0, events.items[seeds], torch.ones(len(seeds), 1))
    assert int(draws.min()) > 30
    off = (total / draws - items).norm() / (items - x).norm()
    assert float(off) < 0.15


def test_an_epoch_has_every_pair_once_and_draws_from_its_own_generator() -> None:
    shop = cluster_shop(clusters=CLUSTERS)
    graph = graph_of(shop)
    before = torch.get_rng_state()
    batches = batches_of(shop, graph, (3, 3), 2)
    first, second = (list(batches.epoch()) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), before)
    events = [part for part, _ in first if part is not None]
    again = second[0][0]
    assert again is not None
    pairs = np.concatenate([(b.users[b.anchor] * shop.n_items + b.items[b.positive]).numpy() for b in events])
    np.testing.assert_array_equal(np.sort(pairs), np.sort(shop.user * shop.n_items + shop.item))
    assert not torch.equal(events[0].items[events[0].positive], again.items[again.positive])
    assert {len(b.negatives) for b in events} == {32}
    known = PairSampler(shop, group_by_user(shop), 300, 32, torch.Generator())
    follows = [part for _, part in first if part is not None]
    assert sum(len(part.anchor) for part in follows) == len(known.before)
    assert len(follows) == len(events)


@pytest.mark.parametrize("batch_size", [20, 50, 77, 150, 300])
def test_no_pair_is_left_out_where_one_kind_has_more_batches(batch_size: int) -> None:
    """9 events in 4 steps are three batches of 3, and 7 pairs that follow four of 2."""
    user, item = np.repeat([0, 1], [8, 1]), np.arange(9)
    small = shop_of(user, item)
    for shop, size in ((small, 2), (cluster_shop(clusters=CLUSTERS), batch_size)):
        generator = torch.Generator().manual_seed(0)
        pairs = PairSampler(shop, group_by_user(shop), size, 8, generator)
        steps = list(LinkBatches(pairs, graph_of(shop).interactions, (3, 3), 1, size, generator).epoch())
        seen = [
            sum(len(part.anchor) for part in kind if part is not None) for kind in zip(*steps, strict=True)
        ]
        assert seen == [len(pairs.user), len(pairs.before)]
        if shop is small:
            assert [events is None for events, _ in steps] == [False, False, False, True]


@pytest.mark.parametrize("loader", list(Loader))
def test_a_run_that_goes_on_from_a_checkpoint_ends_with_the_same_bits(loader: Loader) -> None:
    shop = cluster_shop(clusters=CLUSTERS)
    config = replace(LINKS, loader=loader, link_fan_out=(3, 3))

    def trainer() -> Trainer:
        return Trainer(shop, group_by_user(shop), graph_of(shop), MODEL, config, seed=0)

    class Kept(NoCheckpoints):
        """What was saved last."""

        last: Checkpoint | None = None

        def load(self, name: str) -> Checkpoint | None:
            return self.last

        def save(self, name: str, make: Callable[[], Checkpoint], *, final: bool = False) -> None:
            self.last = make()

    whole, kept = trainer().run(3), Kept()
    trainer().run(2, checkpoints=kept)
    assert np.array_equal(trainer().run(3, checkpoints=kept).items, whole.items)


def test_a_trainer_on_links_finds_planted_clusters() -> None:
    shop = cluster_shop(clusters=CLUSTERS)
    trainer = Trainer(shop, group_by_user(shop), graph_of(shop), MODEL, LINKS, seed=0)
    first = trainer.run_epoch()
    for _ in range(11):
        last = trainer.run_epoch()
    assert last < 0.8 * first
    assert purity(shop, trainer) > 0.97


def test_every_step_on_links_starts_from_fresh_gradients() -> None:
    shop = cluster_shop(clusters=CLUSTERS)
    model = EmbeddingConfig(dim=16, residual_dropout=0.0)
    still = replace(LINKS, learning_rate=0.0)
    trainer = Trainer(shop, group_by_user(shop), graph_of(shop), model, still, seed=0)
    parts = next(iter(batches_of(shop, graph_of(shop), (6, 6), 2).epoch()))
    gradients = []
    for _ in range(2):
        trainer.step_links([part for part in parts if part is not None])
        assert trainer.model.residual.grad is not None
        gradients.append(trainer.model.residual.grad.clone())
    assert gradients[0].abs().max() > 0
    torch.testing.assert_close(gradients[0], gradients[1])


def test_links_rank_what_comes_next_as_well_as_the_whole_graph() -> None:
    shop = cluster_shop(clusters=CLUSTERS, users_each=40)
    start = block_start(shop.n_events)
    older = shop.events(0, start)
    query, target, position = next_pairs(group_by_user(shop))
    pairs = ValidationPairs(query[position >= start], target[position >= start])
    scores = {}
    for loader in Loader:
        config = replace(LINKS, loader=loader)
        trainer = Trainer(older, group_by_user(older), graph_of(older), MODEL, config, seed=0)
        for _ in range(10):
            trainer.run_epoch()
        scores[loader] = pairs.ndcg(trainer.embeddings()[0])
    assert scores[Loader.LINKS] == pytest.approx(scores[Loader.GRAPH], rel=0.05)


def test_same_seed_same_bits() -> None:
    shop = cluster_shop(clusters=CLUSTERS, text=True)
    runs = [
        Trainer(shop, group_by_user(shop), graph_of(shop), MODEL, LINKS, seed).run(2) for seed in (5, 5, 6)
    ]
    assert np.array_equal(runs[0].items, runs[1].items)
    assert not np.array_equal(runs[0].items, runs[2].items)


def test_the_setting_survives_json_and_is_checked() -> None:
    config = IlkConfig(training=LINKS)
    assert IlkConfig.from_json(config.to_json()) == config
    fans: list[Any] = [(0, 3), (3,), 3, (2.5, 3), (True, 3), ("3", 3), (-2, 3)]
    wrong: list[dict[str, Any]] = [{"loader": "neighbours"}, *({"link_fan_out": fan} for fan in fans)]
    for change in wrong:
        with pytest.raises(ValueError, match=r"neighbours|link_fan_out"):
            TrainingConfig(**change)
