"""The graph network's forward pass without torch equals the one with it."""

from dataclasses import replace

import numpy as np
import pytest

from gnn.embedding_config import EmbeddingConfig
from gnn.embedding_model import model_graph
from gnn.fitted_ilk import FittedIlk
from gnn.fitting import fit_with
from gnn.hetero_graph import build_hetero_graph
from gnn.histories import group_by_user, interaction_matrix
from gnn.ilk_config import IlkConfig
from gnn.item_propagation import propagated
from gnn.item_signals import item_layer_zero
from gnn.objective import Objective
from gnn.shop_arrays import ShopArrays
from gnn.text_space import TextSpaceConfig, build_text_space
from gnn.trained_weights import TrainedWeights
from gnn.training import Trainer
from gnn.training_config import TrainingConfig
from tests.gnn.shops import cluster_shop


def catalogued(shop: ShopArrays) -> ShopArrays:
    """With a category tree and brands; some items have neither, some events repeat with other weights."""
    rng = np.random.default_rng(1)
    pairs = np.stack([np.arange(0, shop.n_items, 2), rng.integers(2, 6, len(range(0, shop.n_items, 2)))], 1)
    return replace(
        shop,
        item_category=pairs,
        category_parent=np.array([-1, 0, 0, 1, 1, -1]),
        brand=rng.integers(-1, 4, shop.n_items),
        weight=rng.choice([0.5, 1.0, 3.0], shop.n_events).astype(np.float32),
    )


@pytest.mark.parametrize("layers", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("text", [True, False])
def test_numpy_and_torch_compute_the_same(layers: int, text: bool) -> None:
    shop = catalogued(cluster_shop(text=text, items_each=12, users_each=10))
    if shop.text is not None:
        shop.text[3] = 0.0
    space = build_text_space(shop.text, shop.n_items, TextSpaceConfig())
    config = EmbeddingConfig(dim=16, layers=layers)
    graph = model_graph(build_hetero_graph(shop, space), config.text_dims)
    trainer = Trainer(shop, group_by_user(shop), graph, config, TrainingConfig(), seed=0)
    trained = trainer.run(1)
    x = item_layer_zero(shop, space, trained.weights)
    items, user_side = propagated(x, interaction_matrix(shop), layers)
    assert np.abs(items - trained.items).max() <= 1e-5
    assert np.abs(user_side - trained.user_side).max() <= 1e-5


def test_weights_are_those_of_the_best_epoch() -> None:
    shop = cluster_shop(text=True, items_each=8, users_each=6)
    trainer = Trainer(
        shop,
        group_by_user(shop),
        model_graph(build_hetero_graph(shop), 16),
        EmbeddingConfig(dim=8),
        TrainingConfig(),
        seed=0,
    )
    first = trainer.run(1)
    kept = first.weights.residual.copy()
    trainer.run(1)
    assert np.array_equal(first.weights.residual, kept)
    assert not np.array_equal(trainer.model.weights().residual, kept)


def test_items_without_events_keep_no_residual_of_having_been_negatives() -> None:
    shop = cluster_shop(text=True, items_each=8, users_each=6)
    assert shop.text is not None
    shop = replace(shop, n_items=shop.n_items + 2, text=np.concatenate([shop.text, shop.text[:2]]))
    graph = model_graph(build_hetero_graph(shop), 16)
    trainer = Trainer(shop, group_by_user(shop), graph, EmbeddingConfig(dim=8), TrainingConfig(), seed=0)
    residual = trainer.run(1).weights.residual
    assert not residual[-2:].any()
    assert residual[:-2].any(axis=1).all()
    assert trainer.model.weights().residual[-2:].any()  # they were drawn, and pushed away


def test_later_items_categories_and_brands_have_no_vector_of_their_own() -> None:
    weights = TrainedWeights(np.ones((2, 4), np.float32), brand=np.full((1, 4), 2.0, np.float32))
    x = weights.layer_zero(np.array([0, 5, 5]), None, None, np.array([-1, 0, 7]))
    assert x[:, 0].tolist() == [1.0, 2.0, 0.0]


def test_a_release_keeps_the_weights_and_older_ones_open_without() -> None:
    shop = catalogued(cluster_shop(text=True, items_each=8, users_each=8))
    model = fit_with(IlkConfig(training=TrainingConfig(min_epochs=1, max_epochs=1)), shop, 0).model
    arrays, config = model.to_arrays()
    restored = FittedIlk.from_arrays(arrays, config)
    assert model.weights is not None
    assert restored.weights is not None
    ours, theirs = model.weights.to_arrays(), restored.weights.to_arrays()
    assert ours.keys() == theirs.keys()
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
    assert restored.signals.trend_events == shop.n_events
    older = {
        name: array
        for name, array in arrays.items()
        if not name.startswith("weights.") and name not in ("trend_events", "text_near")
    }
    older["trend"] = arrays["trend"][:3]
    config["mixes"] = {n: dropped(mix, "trend_always") for n, mix in config["mixes"].items()}
    config["user_mix"] = dropped(config["user_mix"], "trend_always")
    opened = FittedIlk.from_arrays(older, config)
    assert opened.weights is None
    query = np.arange(shop.n_items)
    for objective in Objective:
        vectors = opened.item_vectors() @ opened.query_vectors(query[:2], objective).T
        assert np.isfinite(vectors).all()
        assert np.isfinite(opened.score_similar(query, objective)).all()
    assert np.isfinite(opened.score_user_candidates(query[:3], query)).all()


def dropped(mix: dict[str, float], name: str) -> dict[str, float]:
    return {key: weight for key, weight in mix.items() if key != name}
