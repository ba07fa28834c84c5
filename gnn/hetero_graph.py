"""A shop as one PyTorch Geometric graph: users, items, categories and brands, and what joins them.

::

    (user) -[VIEWED | ADDED_TO_CART | WISHLISTED | PURCHASED | REVIEWED]-> (item)   edge_weight, edge_age
    (item) -[in_category]-> (category) -[child_of]-> (category)
    (item) -[of_brand]-> (brand)
    (item) -[text_neighbour]-> (item)                                               edge_weight
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import HeteroData

from gnn.catalogue_relations import with_ancestors
from gnn.histories import event_ages
from gnn.shop_arrays import IntArray, ShopArrays
from gnn.text_space import TextSpace
from graph.event_type import RELATIONS

EdgeType = tuple[str, str, str]

IN_CATEGORY: EdgeType = ("item", "in_category", "category")
CHILD_OF: EdgeType = ("category", "child_of", "category")
OF_BRAND: EdgeType = ("item", "of_brand", "brand")
TEXT_NEIGHBOUR: EdgeType = ("item", "text_neighbour", "item")


def build_hetero_graph(shop: ShopArrays, text: TextSpace | None = None) -> HeteroData:
    """One graph of the shop.

    `data["item"].x` holds the text vectors, float32 (n_items, d), d = 0 where there are none. User-item
    edges keep one entry for each event: `edge_index` int64 (2, E_r), `edge_weight` float32 (E_r,),
    `edge_age` float32 (E_r,), the share of all events that are newer.
    """
    data = HeteroData()
    data["user"].num_nodes = shop.n_users
    data["item"].num_nodes = shop.n_items
    data["item"].x = torch.zeros(shop.n_items, 0) if text is None else torch.from_numpy(text.vectors)
    ages = event_ages(shop)
    for number, relation in enumerate(RELATIONS):
        events = np.flatnonzero(shop.relation == number)
        if len(events):
            edge = data["user", relation.value, "item"]
            edge.edge_index = _edge_index(shop.user[events], shop.item[events])
            edge.edge_weight = torch.from_numpy(shop.weight[events])
            edge.edge_age = torch.from_numpy(ages[events])
    _add_catalogue(data, shop)
    if text is not None:
        edges = text.neighbours.tocoo()
        data[TEXT_NEIGHBOUR].edge_index = _edge_index(edges.row.astype(np.int64), edges.col.astype(np.int64))
        data[TEXT_NEIGHBOUR].edge_weight = torch.from_numpy(edges.data)
    return data


def _add_catalogue(data: HeteroData, shop: ShopArrays) -> None:
    """Categories with their tree, and brands; node types without nodes are left out."""
    if shop.item_category is not None and len(shop.item_category):
        parents = shop.category_parent
        highest = int(shop.item_category[:, 1].max()) + 1
        data["category"].num_nodes = highest if parents is None else max(len(parents), highest)
        data[IN_CATEGORY].edge_index = _edge_index(shop.item_category[:, 0], shop.item_category[:, 1])
        if parents is not None:
            children = np.flatnonzero(parents >= 0)
            data[CHILD_OF].edge_index = _edge_index(children, parents[children])
    if shop.brand is not None and bool((shop.brand >= 0).any()):
        branded = np.flatnonzero(shop.brand >= 0)
        data["brand"].num_nodes = int(shop.brand.max()) + 1
        data[OF_BRAND].edge_index = _edge_index(branded, shop.brand[branded])


def _edge_index(source: IntArray, target: IntArray) -> Tensor:
    return torch.from_numpy(np.stack([source, target]).astype(np.int64))  # (2, edges)


def interaction_edge_types(data: HeteroData) -> Iterator[EdgeType]:
    """The user-item relations that the graph holds."""
    for edge_type in data.edge_types:
        if edge_type[0] == "user" and edge_type[2] == "item":
            yield edge_type


def interaction_edges(data: HeteroData) -> tuple[Tensor, Tensor]:
    """All user-item relations merged, the strongest weight of each (user, item):
    edge_index (2, m) sorted by user and item, weight (m,); entries of weight 0 left out."""
    types = list(interaction_edge_types(data))
    if not types:
        return torch.zeros(2, 0, dtype=torch.int64), torch.zeros(0)
    n_items = data["item"].num_nodes
    index = torch.cat([data[t].edge_index for t in types], dim=1)
    weight = torch.cat([data[t].edge_weight for t in types])
    keys, place = torch.unique(index[0] * n_items + index[1], return_inverse=True)
    strongest = torch.zeros(len(keys)).scatter_reduce(0, place, weight, "amax")
    keep = strongest > 0
    keys = keys[keep]
    return torch.stack([keys // n_items, keys % n_items]), strongest[keep]


def category_edges(data: HeteroData) -> Tensor:
    """(item, category) with every ancestor of an item's categories added, unique; (2, m)."""
    if "category" not in data.node_types:
        return torch.zeros(2, 0, dtype=torch.int64)
    n_categories = data["category"].num_nodes
    parent = np.full(n_categories, -1, np.int64)
    if CHILD_OF in data.edge_types:
        child, above = data[CHILD_OF].edge_index.numpy()
        parent[child] = above
    pairs = with_ancestors(data[IN_CATEGORY].edge_index.numpy().T, parent, n_categories)
    return _edge_index(pairs[:, 0], pairs[:, 1])
