"""Typed paths: messages along typed relations, one to three hops, kept sparse.

Relations between items: K co-engaged (`co_engagement`), N text neighbour (`text_space`), C same category,
B same brand, U random walk over a shared user. A path NK says "a text neighbour of it is co-engaged with
the target"; products of relations are the messages of a graph network without weights, and each entry
can be shown as evidence.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gnn.co_engagement import CoEngagementConfig, co_engagement, pair_counts
from gnn.histories import Histories, interaction_matrix
from gnn.layered_rows import LayeredRows
from gnn.setting_checks import check_number, check_whole
from gnn.shop_arrays import FloatArray, ShopArrays
from gnn.sparse_rows import (
    Csr,
    empty_csr,
    log_scaled,
    mean_entry,
    product_top,
    row_sums,
    scaled,
    top_per_row,
    without_diagonal,
)
from gnn.text_space import TextSpace

PATH_NAMES = ("co_engaged", "text_co_engaged", "co_engaged_text", "text_co_engaged_text", "shared_user")
"""K, NK, KN, NKN and U."""


@dataclass(frozen=True)
class PathConfig:
    """How far and how wide messages travel."""

    keep: int = 200
    """Best targets kept for each item and product path."""
    hop_keep: int = 50
    """Best co-engaged items of each item that take part in products."""
    walk_keep: int = 1000
    """Best targets of the walk over shared users; bounds its memory."""
    walk_source: float = 0.7
    """A walk is divided by the engagement of the item it comes from to this power; 1: a random walk."""
    walk_target: float = 0.2
    """The same of the item it leads to: walks lead to popular items, and trends speak for those already
    (Fu et al. 2022, "Revisiting Neighborhood-based Link Prediction for Collaborative Filtering")."""

    def __post_init__(self) -> None:
        check_whole("paths.walk_keep", self.walk_keep, 1)
        check_number("paths.walk_source", self.walk_source, 0.0, 2.0)
        check_number("paths.walk_target", self.walk_target, 0.0, 2.0)


FIRST_WALK = {"walk_source": 1.0, "walk_target": 0.0}
"""What releases have whose settings do not say: their scales and weights are of plain random walks."""


@dataclass(frozen=True)
class TypedPaths:
    """Log-scaled path matrices, each (n_items, n_items), rows = queries."""

    matrices: Mapping[str, Csr | LayeredRows]
    """By `PATH_NAMES`; in layers once rows were replaced."""
    scales: dict[str, float]
    """Mean entry by which each was divided before the logarithm."""


def no_paths(n_items: int) -> TypedPaths:
    """Paths of a shop without edges."""
    none = empty_csr(n_items, n_items)
    return TypedPaths(dict.fromkeys(PATH_NAMES, none), dict.fromkeys(PATH_NAMES, 1.0))


def shared_user_walk(interactions: Csr, config: PathConfig) -> Csr:
    """Two-step walk item -> user -> item, degrees of both items to powers of their own, diagonal dropped."""
    by_user = scaled(interactions, rows=_inverse(row_sums(interactions)))
    item_user = interactions.T.tocsr()
    engaged = row_sums(item_user)
    by_item = scaled(item_user, rows=_inverse(engaged**config.walk_source))
    by_user = scaled(by_user, columns=_inverse(engaged**config.walk_target))
    return product_top(by_item, by_user, config.walk_keep)


def _inverse(sums: FloatArray) -> FloatArray:
    return (1.0 / np.where(sums > 0, sums, 1.0)).astype(np.float32)


def text_products(co: Csr, text: Csr, config: PathConfig) -> dict[str, Csr]:
    """NK, KN and NKN before the logarithm."""
    strongest = top_per_row(co, config.hop_keep)
    to_text = text.T.tocsr()
    text_co = product_top(text, strongest, config.keep)
    return {
        "text_co_engaged": text_co,
        "co_engaged_text": product_top(strongest, to_text, config.keep),
        "text_co_engaged_text": product_top(
            product_top(text, strongest, config.hop_keep, drop_diagonal=False), to_text, config.keep
        ),
    }


def build_paths(
    shop: ShopArrays,
    histories: Histories,
    text: TextSpace | None,
    config: PathConfig,
    co_config: CoEngagementConfig,
    scales: Mapping[str, float] | None = None,
    counts: Csr | None = None,
) -> TypedPaths:
    """All paths of a shop.

    scales: see `TypedPaths.scales`, `None`: those of this shop. counts: `pair_counts(histories)` where they
    are kept up to date, which spares the most expensive step."""
    if counts is None:
        co = co_engagement(pair_counts(histories, co_config), co_config, in_place=True)
    else:
        co = co_engagement(counts, co_config)
    return scaled_paths(_raw_paths(shop, co, text, config), scales)


def _raw_paths(shop: ShopArrays, co: Csr, text: TextSpace | None, config: PathConfig) -> dict[str, Csr]:
    """Before scale and logarithm, by name; what a shop has none of is left out."""
    raw = {"co_engaged": co, "shared_user": shared_user_walk(interaction_matrix(shop), config)}
    if text is not None:
        raw |= text_products(co, text.neighbours, config)
    return {name: without_diagonal(matrix) for name, matrix in raw.items()}


def scaled_paths(raw: Mapping[str, Csr], scales: Mapping[str, float] | None) -> TypedPaths:
    """Paths on the scale of the other features; the raw ones are overwritten."""
    n_items = raw["co_engaged"].shape[0]
    none = empty_csr(n_items, n_items)
    matrices, used = {}, {}
    for name in PATH_NAMES:
        matrix = raw.get(name, none)
        used[name] = mean_entry(matrix) if scales is None else scales[name]
        matrices[name] = log_scaled(matrix, used[name], in_place=True)
    return TypedPaths(matrices, used)
