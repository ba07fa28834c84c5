"""All signals of a shop: the one function behind a fit, a fold-in and a full recomputation."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from gnn.catalogue_relations import category_means, category_rows
from gnn.histories import Histories, interaction_matrix
from gnn.ilk_config import IlkConfig
from gnn.item_propagation import propagated
from gnn.shop_arrays import FloatArray, ShopArrays
from gnn.signals import ItemSignals
from gnn.sparse_rows import Csr
from gnn.text_space import TextSpace
from gnn.trained_weights import TrainedWeights
from gnn.trend import HALF_LIVES, trend_features
from gnn.typed_paths import build_paths, no_paths


@dataclass(frozen=True)
class SignalScales:
    """What a release freezes, so that signals of later events stay comparable with it."""

    paths: dict[str, float]
    """See `gnn.typed_paths.TypedPaths.scales`."""
    trend_events: int
    """Events of which the trend's half-lives are shares."""

    @classmethod
    def of(cls, signals: ItemSignals) -> Self:
        """The scales that some signals were made with."""
        return cls(dict(signals.paths.scales), signals.trend_events)


def item_signals(
    config: IlkConfig,
    shop: ShopArrays,
    histories: Histories,
    text: TextSpace | None,
    weights: TrainedWeights | None,
    scales: SignalScales | None = None,
    counts: Csr | None = None,
) -> ItemSignals:
    """Everything the features need, from the events of `shop` and weights that were trained before.

    histories: `group_by_user(shop)`. text: the text channel of all items. weights: `None` where nothing is
    trained. scales: `None`: taken from this shop, as a fit does. counts: see `gnn.typed_paths.build_paths`.
    """
    trend_events = shop.n_events if scales is None else scales.trend_events
    path_scales = None if scales is None else scales.paths
    engaged = np.bincount(shop.item, weights=shop.weight, minlength=shop.n_items)
    cold = engaged == 0
    items, user_side = _embeddings(config, shop, text, weights)
    return ItemSignals(
        paths=build_paths(shop, histories, text, config.paths, config.co_engagement, path_scales, counts)
        if config.use_paths
        else no_paths(shop.n_items),
        trend=trend_features(shop, trend_events)
        if config.use_trend
        else np.zeros((len(HALF_LIVES), shop.n_items), np.float32),
        trend_events=trend_events,
        evidence=(engaged / (engaged + config.evidence_kappa)).astype(np.float32),
        cold=cold,
        text=None if text is None else text.vectors,
        hub=None if text is None else text.hub,
        text_projection=None if text is None else text.projection,
        text_near=None if text is None or text.near is None else text.near,
        category=category_rows(shop),
        brand=shop.brand,
        embedding=None if items is None else items * ~cold[:, None],
        user_side=user_side,
    )


def item_layer_zero(shop: ShopArrays, text: TextSpace | None, weights: TrainedWeights) -> FloatArray:
    """Layer 0 of all items, (n_items, dim)."""
    vectors = None if text is None else text.vectors
    return weights.layer_zero(np.arange(shop.n_items), vectors, category_means(shop), shop.brand)


def with_weights(
    signals: ItemSignals, config: IlkConfig, shop: ShopArrays, weights: TrainedWeights
) -> ItemSignals:
    """The same signals with other trained weights: only the embeddings are computed anew.

    signals: of the events of `shop`; their text vectors are used, those of `shop` are not read.
    """
    x = weights.layer_zero(np.arange(shop.n_items), signals.text, category_means(shop), shop.brand)
    items, user_side = propagated(x, interaction_matrix(shop), config.embedding.layers)
    return replace(signals, embedding=items * ~signals.cold[:, None], user_side=user_side)


def _embeddings(
    config: IlkConfig, shop: ShopArrays, text: TextSpace | None, weights: TrainedWeights | None
) -> tuple[FloatArray | None, FloatArray | None]:
    """(items, what they add to users), `None` where nothing is trained."""
    if weights is None:
        return None, None
    x = item_layer_zero(shop, text, weights)
    return propagated(x, interaction_matrix(shop), config.embedding.layers)
