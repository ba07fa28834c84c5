"""The shop as one PyG graph."""

import numpy as np
import torch

from gnn.catalogue_relations import category_rows, shared_brand, shared_category
from gnn.embedding_model import model_graph
from gnn.hetero_graph import build_hetero_graph, category_edges, interaction_edges
from gnn.shop_arrays import ShopArrays
from gnn.text_space import TextSpaceConfig, build_text_space


def small_shop() -> ShopArrays:
    return ShopArrays(
        n_users=3,
        n_items=4,
        user=np.array([0, 1, 0, 2, 0]),
        item=np.array([0, 1, 0, 3, 2]),
        at=np.arange(5),
        weight=np.array([0.2, 1, 0.9, 1, 0], np.float32),
        relation=np.array([0, 3, 3, 0, 3], np.int8),
        text=np.eye(4, 5, dtype=np.float32),
        item_category=np.array([[0, 2], [1, 1], [1, 2]]),
        category_parent=np.array([-1, 0, 1]),
        brand=np.array([0, -1, 1, 0]),
    )


def test_graph_is_typed_weighted_and_valid() -> None:
    shop = small_shop()
    data = build_hetero_graph(shop, build_text_space(shop.text, 4, TextSpaceConfig(neighbours=2)))
    assert data.validate()
    assert set(data.node_types) == {"user", "item", "category", "brand"}
    assert ("user", "VIEWED", "item") in data.edge_types
    assert ("user", "PURCHASED", "item") in data.edge_types
    bought = data["user", "PURCHASED", "item"]
    assert bought.edge_index.tolist() == [[1, 0, 0], [1, 0, 2]]
    assert torch.allclose(bought.edge_weight, torch.tensor([1, 0.9, 0]))
    assert torch.allclose(bought.edge_age, torch.tensor([3, 2, 0]) / 5)
    assert data["item", "of_brand", "brand"].edge_index.tolist() == [[0, 2, 3], [0, 1, 0]]
    assert data["item"].x.shape == (4, 5)


def test_merged_edges_keep_the_strongest_weight_and_drop_refunded_ones() -> None:
    edges, weight = interaction_edges(build_hetero_graph(small_shop()))
    assert edges.tolist() == [[0, 1, 2], [0, 1, 3]]
    assert torch.allclose(weight, torch.tensor([0.9, 1, 1]))


def test_ancestors_of_a_category_count_too() -> None:
    edges = category_edges(build_hetero_graph(small_shop()))
    assert edges.tolist() == [[0, 0, 0, 1, 1, 1], [0, 1, 2, 0, 1, 2]]


def test_a_cycle_of_categories_ends() -> None:
    shop = small_shop()
    looped = ShopArrays(**{**vars(shop), "category_parent": np.array([2, 0, 1])})
    assert category_edges(build_hetero_graph(looped)).shape == (2, 6)


def test_model_graph_is_symmetrically_normalised() -> None:
    graph = model_graph(build_hetero_graph(small_shop()), 3)
    dense = graph.interactions.matrix.to_dense()
    assert dense.shape == (3, 4)
    assert torch.isclose(dense[0, 0], torch.tensor(1.0))
    assert graph.category is not None
    assert torch.allclose(graph.category.matrix.to_dense().sum(dim=1), torch.tensor([1.0, 1, 0, 0]))


def test_shared_category_is_a_cosine_and_shared_brand_an_equality() -> None:
    shop = small_shop()
    rows = category_rows(shop)
    assert rows is not None
    assert np.allclose(shared_category(rows, np.array([0]), None), [[1, 0.5**0.5, 0, 0]])
    assert np.allclose(shared_category(rows, np.array([1]), np.array([0, 1])), [[0.5**0.5, 1]])
    assert shop.brand is not None
    assert shared_brand(shop.brand, np.array([0, 1]), None).tolist() == [[1, 0, 0, 1], [0, 0, 0, 0]]
    assert category_rows(ShopArrays(**{**vars(shop), "item_category": None})) is None
