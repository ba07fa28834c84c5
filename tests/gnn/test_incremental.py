"""Incremental retraining: exact where it can be, learns what is new, keeps what is old, is reproducible."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from gnn.affected_subgraph import AffectedGraph, stored_layers
from gnn.embedding_config import EmbeddingConfig
from gnn.embedding_model import EmbeddingModel, model_graph
from gnn.hetero_graph import build_hetero_graph
from gnn.histories import group_by_user, interaction_matrix
from gnn.ilk_config import IlkConfig
from gnn.incremental import IncrementalUpdate, _Increment, _longest, _Moves, update
from gnn.incremental_config import IncrementalConfig, ReplayStrata
from gnn.item_signals import item_layer_zero
from gnn.replay import replayed
from gnn.shop_arrays import FloatArray, IntArray, ShopArrays
from gnn.text_space import TextSpaceConfig, build_text_space, unit_rows
from gnn.trained_weights import TrainedWeights
from gnn.training import Trainer
from gnn.training_config import TrainingConfig
from tests.gnn.shops import cluster_shop, shop_of

CONFIG = IlkConfig(embedding=EmbeddingConfig(dim=16))
QUICK = IncrementalConfig(min_batch_size=64, check_share=0.0, epochs=6)


def trained(shop: ShopArrays, config: IlkConfig = CONFIG, epochs: int = 8) -> TrainedWeights:
    space = build_text_space(shop.text, shop.n_items, TextSpaceConfig())
    graph = model_graph(build_hetero_graph(shop, space), config.embedding.text_dims)
    trainer = Trainer(shop, group_by_user(shop), graph, config.embedding, TrainingConfig(), seed=0)
    return trainer.run(epochs).weights


def purity(weights: TrainedWeights, shop: ShopArrays, items: IntArray, clusters: int) -> float:
    """Share of the items' 5 nearest by embedding that lie in their cluster (item % clusters)."""
    layers = stored_layers(item_layer_zero(shop, None, weights), interaction_matrix(shop), 2)
    vectors = unit_rows(layers.items)
    scores = vectors[items] @ vectors.T
    scores[np.arange(len(items)), items] = -np.inf
    best = np.argsort(-scores, axis=1)[:, :5]
    return float((best % clusters == items[:, None] % clusters).mean())


def regrouped() -> tuple[ShopArrays, ShopArrays, IntArray]:
    """(a shop of 6 clusters before, the same with newer events, positions of those).

    Items 0 to 23 were bought at random by everybody before; the new events alone tell their clusters."""
    shop = cluster_shop(clusters=6, items_each=15, users_each=30, events_each=14)
    rng = np.random.default_rng(5)
    is_new = np.zeros(shop.n_events, np.bool_)
    is_new[shop.n_events * 3 // 4 :] = True
    item = np.where((shop.item < 24) & ~is_new, rng.integers(0, 24, shop.n_events), shop.item)
    after = replace(shop, item=item)
    return after.events(0, int((~is_new).sum())), after, np.flatnonzero(is_new)


@pytest.mark.parametrize("layers", [0, 1, 2, 3])
def test_stored_layers_are_those_of_the_network(layers: int) -> None:
    shop = cluster_shop(text=True, items_each=8, users_each=8)
    space = build_text_space(shop.text, shop.n_items, TextSpaceConfig())
    config = replace(CONFIG, embedding=EmbeddingConfig(dim=8, layers=layers))
    graph = model_graph(build_hetero_graph(shop, space), config.embedding.text_dims)
    model = EmbeddingModel(graph, config.embedding, torch.Generator().manual_seed(0))
    users, items = model(graph)
    x = item_layer_zero(shop, space, model.weights())
    stored = stored_layers(x, interaction_matrix(shop), layers)
    assert np.abs(stored.users - users.detach().numpy()).max() < 1e-5
    assert np.abs(stored.items - items.detach().numpy()).max() < 1e-5


def propagated_moves(shop: ShopArrays, moves: FloatArray, fan_out: tuple[int, int], seed: int) -> FloatArray:
    """A^T A moves for all items, through an affected subgraph that was sampled around them."""
    moving = np.flatnonzero(moves.any(axis=1))
    graph = AffectedGraph(interaction_matrix(shop), moving, fan_out, 2, seed)
    everything = graph.around(np.arange(0), np.arange(shop.n_items))
    local = torch.from_numpy(moves[everything.items])
    reached = everything.to_items.matrix @ (everything.to_users.matrix @ local)
    result = np.zeros_like(moves)
    result[everything.items] = reached.numpy()
    return result


@pytest.mark.parametrize("resting", [0, 8])
def test_with_all_neighbours_the_subgraph_is_exact_and_with_few_right_in_the_mean(resting: int) -> None:
    shop = cluster_shop(items_each=6, users_each=10)
    moves = np.random.default_rng(0).normal(size=(shop.n_items, 3)).astype(np.float32)
    moves[:resting] = 0.0
    exact = stored_layers(moves, interaction_matrix(shop), 2).items - moves
    assert np.abs(propagated_moves(shop, moves, (-1, -1), 0) - exact).max() < 1e-5
    sampled = np.stack([propagated_moves(shop, moves, (6, 6), seed) for seed in range(400)])
    assert np.abs(sampled[0] - exact).max() > 0.01
    standard_error = sampled.std(axis=0) / 20
    assert float((np.abs(sampled.mean(axis=0) - exact) / (standard_error + 1e-6)).max()) < 5


def test_new_events_are_learned_and_old_ones_not_forgotten() -> None:
    before, after, new = regrouped()
    weights = trained(before)
    done = update(weights, CONFIG, after, None, new, QUICK, 0)
    moved, others = np.arange(24), np.arange(24, 90)
    assert purity(done.weights, after, moved, 6) > purity(weights, after, moved, 6) + 0.1
    assert purity(done.weights, after, others, 6) > 0.9
    assert done.edge_gradients > 0
    assert done.steps == done.best_step


def test_an_update_that_learns_nothing_would_be_seen() -> None:
    """The planted shop tells a broken update from a sound one: a learning rate of 0 gains nothing."""
    before, after, new = regrouped()
    weights = trained(before)
    idle = update(weights, CONFIG, after, None, new, replace(QUICK, learning_rate=0.0), 0)
    moved = np.arange(24)
    assert purity(idle.weights, after, moved, 6) <= purity(weights, after, moved, 6)


def test_increments_one_after_the_other_leave_residuals_as_long_as_a_fit_does() -> None:
    before, after, new = regrouped()
    weights = trained(before)
    fitted = np.linalg.norm(weights.residual, axis=1)
    longest = np.quantile(fitted[fitted > 0], QUICK.longest)
    touched = np.unique(after.item[new])
    large = replace(QUICK, smaller_steps=0.5)
    for seed in range(3):
        weights = update(weights, CONFIG, after, None, new, large, seed).weights
        length = np.linalg.norm(weights.residual, axis=1)
        assert length[touched].max() <= longest * (1 + 1e-5)
        assert np.isclose(length, longest, rtol=1e-4).sum() > 10  # else nothing was shortened here
    assert purity(weights, after, np.arange(24), 6) > purity(trained(before), after, np.arange(24), 6) + 0.1


def test_where_no_residual_was_trained_their_length_has_no_limit() -> None:
    nothing = np.zeros((4, 3), np.float32)
    moves = _Moves(nothing, np.arange(4), 4, 2, _longest(nothing, 0.99))
    with torch.no_grad():
        moves.rows.copy_(100 * torch.eye(4, 3))
    moves.shorten()
    np.testing.assert_array_equal(moves.numpy(), 100 * np.eye(4, 3, dtype=np.float32))


def test_every_step_starts_from_fresh_gradients() -> None:
    before, after, new = regrouped()
    exact = replace(QUICK, fan_out=(-1, -1), clip=1e9)
    run = _Increment(trained(before, epochs=2), CONFIG, after, None, new, exact, 0)
    moves, graph = run._prepared()
    still = torch.optim.SGD(moves.parameters(), lr=0.0)
    batch = next(run._batches(1))
    gradients = []
    for _ in range(2):
        run._step(moves, graph, still, batch)
        assert moves.rows.grad is not None
        gradients.append(moves.rows.grad.clone())
    assert gradients[0].abs().max() > 0
    torch.testing.assert_close(gradients[0], gradients[1])


def test_events_that_are_held_back_are_not_learned() -> None:
    before, after, new = regrouped()
    settings = replace(QUICK, check_share=0.3, replay=0.0)
    run = _Increment(trained(before, epochs=1), CONFIG, after, None, new, settings, 0)
    learned = new[: len(new) - int(len(new) * 0.3)]
    assert 0 < len(learned) < len(new)
    np.testing.assert_array_equal(np.sort(run.pairs.user), np.sort(after.user[learned]))
    np.testing.assert_array_equal(np.sort(run.pairs.item), np.sort(after.item[learned]))


def test_only_touched_rows_move_and_new_items_get_one() -> None:
    shop = cluster_shop(items_each=6, users_each=8)
    first = shop.item[: shop.n_events // 2]
    weights = replace(trained(shop), residual=trained(shop).residual[:20])
    new = np.arange(shop.n_events - 30, shop.n_events)
    done = update(weights, CONFIG, shop, None, new, QUICK, 0)
    assert set(done.touched.tolist()) == set(shop.item[new].tolist())
    assert len(first)
    still = np.setdiff1d(np.arange(20), done.touched)
    assert np.array_equal(done.weights.residual[still], weights.residual[still])
    late = done.touched[done.touched >= 20]
    assert len(done.weights.residual) == shop.n_items
    assert np.all(np.linalg.norm(done.weights.residual[late], axis=1) > 0)


def same(one: IncrementalUpdate, other: IncrementalUpdate) -> bool:
    return np.array_equal(one.weights.residual, other.weights.residual)


def test_same_seed_same_bits() -> None:
    before, after, new = regrouped()
    weights = trained(before, epochs=2)
    runs = [update(weights, CONFIG, after, None, new, QUICK, seed) for seed in (3, 3, 4)]
    assert same(runs[0], runs[1])
    assert not same(runs[0], runs[2])


def test_an_early_stop_never_ranks_the_events_held_back_worse() -> None:
    before, after, new = regrouped()
    weights = trained(before)
    ruinous = replace(QUICK, check_share=0.3, learning_rate=30.0, warm_up=0.0)
    done = update(weights, CONFIG, after, None, new, ruinous, 0)
    assert done.figures["after"] >= done.figures["before"]
    assert done.best_step <= done.steps <= ruinous.max_steps
    sound = update(weights, CONFIG, after, None, new, replace(QUICK, check_share=0.3), 0)
    assert sound.figures["after"] > sound.figures["before"]


def test_nothing_new_changes_nothing_and_wrong_positions_are_refused() -> None:
    shop = cluster_shop(items_each=6, users_each=8)
    weights = trained(shop, epochs=1)
    done = update(weights, CONFIG, shop, None, np.arange(0), QUICK, 0)
    assert done.steps == done.edge_gradients == 0
    assert np.array_equal(done.weights.residual, weights.residual)
    for wrong in ([3, 2], [1, 1], [shop.n_events]):
        with pytest.raises(ValueError, match="positions"):
            update(weights, CONFIG, shop, None, np.array(wrong), QUICK, 0)


def test_many_small_increments_take_smaller_steps_than_one_large() -> None:
    config = IncrementalConfig()
    rates = [config.rate(pairs) for pairs in (100, 3_000, 24_000, 10**6)]
    assert rates == sorted(rates)
    assert rates[0] == config.rate(1)  # no smaller than a step of `min_batch_size`
    assert rates[-1] == config.learning_rate
    few, many = config.rate(3_000) * config.steps(3_000), config.rate(24_000) * config.steps(24_000)
    assert many < 8 * few < 3 * many  # the path of eight small ones, and of one of all their events


def test_replay_gives_every_stratum_the_same_share_while_it_lasts() -> None:
    item = np.repeat([0, 1, 2, 3], [640, 64, 8, 1])
    shop = shop_of(np.zeros(len(item), np.int64), item)
    old, rng = np.arange(len(item)), np.random.default_rng(0)
    drawn = replayed(shop, old, 40, ReplayStrata.DEGREE, rng)
    counts = np.bincount(item[drawn], minlength=4)
    assert counts.tolist() == [16, 15, 8, 1] or counts.tolist() == [15, 16, 8, 1]
    assert len(np.unique(drawn)) == 40
    plain = np.bincount(item[replayed(shop, old, 40, ReplayStrata.NONE, rng)], minlength=4)
    assert plain[0] > 25
    assert np.array_equal(replayed(shop, old, 10_000, ReplayStrata.DEGREE, rng), old)


def test_replay_by_category_balances_categories() -> None:
    item = np.repeat([0, 1], [500, 20])
    shop = replace(shop_of(np.zeros(520, np.int64), item), item_category=np.array([[0, 4], [1, 2], [1, 4]]))
    drawn = replayed(shop, np.arange(520), 30, ReplayStrata.CATEGORY, np.random.default_rng(0))
    assert np.bincount(item[drawn]).tolist() == [15, 15]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_gpu_learns_what_the_cpu_learns() -> None:
    before, after, new = regrouped()
    weights = trained(before)
    done = update(weights, CONFIG, after, None, new, replace(QUICK, device="cuda"), 0)
    here = update(weights, CONFIG, after, None, new, QUICK, 0)
    moved = np.arange(24)
    assert abs(purity(done.weights, after, moved, 6) - purity(here.weights, after, moved, 6)) < 0.1
