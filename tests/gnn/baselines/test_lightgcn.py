"""LightGCN learns what is planted, and propagates what its paper says."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from gnn.baselines import LightGcn, LightGcnConfig, Popularity
from gnn.baselines.lightgcn import LightGcnNet, bipartite_adjacency, step
from gnn.evaluation import EvaluationData, Split, judge, temporal_cases
from gnn.objective import Objective
from tests.gnn.evaluation.toy_shops import clustered_shop

SMALL = LightGcnConfig(dim=16, steps=150, epochs=1, batch_size=256, negatives=32)


def test_propagation_equals_the_dense_formula() -> None:
    user, item = torch.tensor([0, 0, 1, 2]), torch.tensor([0, 1, 1, 2])
    config = LightGcnConfig(dim=4, layers=3)
    net = LightGcnNet(3, 3, bipartite_adjacency(user, item, 3, 3), config)
    net.reset(1.0, torch.Generator().manual_seed(0))
    dense = torch.zeros(6, 6)
    dense[user, item + 3] = 1
    dense = dense + dense.T
    degree = dense.sum(dim=1)
    dense = dense / (degree[:, None] * degree).sqrt()
    layers = [torch.matrix_power(dense, k) @ net.embedding for k in range(4)]
    expected = torch.stack(layers).mean(dim=0)
    users, items = net()
    assert torch.allclose(torch.cat([users, items]), expected, atol=1e-5)

    torch.cat([users, items]).square().sum().backward()  # type: ignore[no-untyped-call]
    own = net.embedding.grad
    net.embedding.grad = None
    layers = [torch.matrix_power(dense, k) @ net.embedding for k in range(4)]
    torch.stack(layers).mean(dim=0).square().sum().backward()  # type: ignore[no-untyped-call]
    assert own is not None
    assert net.embedding.grad is not None
    assert torch.allclose(own, net.embedding.grad, atol=1e-5)


@pytest.mark.parametrize("exponent", [0.0, 1.0])
def test_planted_clusters_are_found(exponent: float) -> None:
    shop = clustered_shop(clusters=5, per_cluster=20, users=150)
    model = LightGcn(replace(SMALL, popularity_exponent=exponent))
    model.fit(shop, 0)
    query = np.arange(shop.n_items)
    scores = model.score_similar(query, Objective.NEXT)
    scores[query, query] = -np.inf
    top = np.argsort(-scores, axis=1)[:, :10]
    assert (top // 20 == (query // 20)[:, None]).mean() > 0.97


def test_training_finds_what_propagation_alone_does_not() -> None:
    """A trainer that learns nothing (no gradient, wrong sign, shuffled pairs) stays near the third model."""
    shop = clustered_shop(clusters=8, per_cluster=15, users=200)
    split = Split(shop.n_events * 9 // 10, shop.n_events)
    cases = temporal_cases(EvaluationData("toy", shop), split)
    recall = []
    for model in (LightGcn(SMALL), Popularity(), LightGcn(replace(SMALL, learning_rate=1e-9))):
        model.fit(shop.events(0, split.fit_stop), 0)
        scores = next(s for s in judge(model, cases) if s.path == ("user_next",))
        recall.append(scores.means()["recall@20"])
    trained, popularity, untrained = recall
    assert trained > 0.9
    assert popularity < 0.3
    assert untrained < 0.4


def test_negatives_by_popularity_take_it_out_of_the_cosines() -> None:
    """Two items that every user has beside a few of one's own: uniform negatives leave them near everybody,
    negatives drawn by popularity push them away."""
    shop = clustered_shop(clusters=8, per_cluster=15, users=200)
    everybody = np.arange(shop.n_users)
    shop = replace(
        shop,
        user=np.concatenate([np.repeat(everybody, 2), shop.user]),
        item=np.concatenate([np.tile([0, 15], shop.n_users), shop.item]),
        at=np.concatenate([np.full(2 * shop.n_users, shop.at[0]), shop.at]),
        weight=np.concatenate([np.ones(2 * shop.n_users, np.float32), shop.weight]),
        relation=np.concatenate([np.zeros(2 * shop.n_users, np.int8), shop.relation]),
    )
    cosine = []
    for exponent in (0.0, 1.0):
        model = LightGcn(replace(SMALL, popularity_exponent=exponent))
        model.fit(shop, 0)
        cosine.append(float(model.score_users(everybody)[:, [0, 15]].mean()))
    assert cosine[1] < cosine[0] - 0.1


def test_every_step_starts_from_fresh_gradients() -> None:
    user, item = torch.tensor([0, 0, 1, 2]), torch.tensor([0, 1, 1, 2])
    config = LightGcnConfig(dim=4, layers=2, negatives=3)
    net = LightGcnNet(3, 3, bipartite_adjacency(user, item, 3, 3), config)
    net.reset(1.0, torch.Generator().manual_seed(0))
    still = torch.optim.SGD([net.embedding], lr=0.0)
    gradients = []
    for _ in range(2):
        step(net, still, user, item, config, torch.Generator().manual_seed(1))
        assert net.embedding.grad is not None
        gradients.append(net.embedding.grad.clone())
    assert torch.equal(gradients[0], gradients[1])


def test_nodes_without_edges_score_nothing() -> None:
    shop = clustered_shop()
    wider = replace(shop, n_users=shop.n_users + 1, n_items=shop.n_items + 1, text=None)
    model = LightGcn(LightGcnConfig(dim=8, steps=5, epochs=1, negatives=8))
    model.fit(wider, 0)
    assert not model.score_similar(np.array([shop.n_items]), Objective.NEXT).any()
    assert not model.score_users(np.array([shop.n_users])).any()
    assert not model.score_users(np.array([0]))[:, shop.n_items].any()


@pytest.mark.parametrize("name", ["dim", "layers", "temperature", "learning_rate"])
def test_settings_are_checked(name: str) -> None:
    change: dict[str, Any] = {name: 0}
    with pytest.raises(ValueError, match=name):
        replace(LightGcnConfig(), **change)
