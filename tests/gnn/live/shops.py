"""Small shops with a fitted model, and events for them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gnn.fitted_ilk import FittedIlk
from gnn.fitting import fit_with
from gnn.ilk_config import IlkConfig
from gnn.live import LiveEvents
from gnn.shop_arrays import FloatArray, ShopArrays
from gnn.text_space import unit_rows
from gnn.training_config import TrainingConfig
from tests.gnn.shops import cluster_shop

BRIEF = IlkConfig(training=TrainingConfig(min_epochs=2, max_epochs=3, negatives=64))
CLUSTERS = 12


def live_shop(*, text: bool = True) -> ShopArrays:
    """Clusters with categories, brands and events of several weights."""
    shop = cluster_shop(clusters=CLUSTERS, items_each=7, users_each=6, events_each=8, text=text)
    rng = np.random.default_rng(2)
    return replace(
        shop,
        item_category=np.stack([np.arange(shop.n_items), np.arange(shop.n_items) % CLUSTERS + 1], axis=1),
        category_parent=np.array([-1, *[0] * CLUSTERS]),
        brand=rng.integers(-1, 4, shop.n_items),
        weight=rng.choice([0.5, 1.0, 2.0], shop.n_events).astype(np.float32),
    )


def fitted(shop: ShopArrays) -> FittedIlk:
    """A release of the shop."""
    return fit_with(BRIEF, shop, 0).model


def without_text(shop: ShopArrays) -> ShopArrays:
    """What the live path is given: the model holds the texts."""
    return replace(shop, text=None)


def events(
    user: Sequence[int],
    item: Sequence[int],
    *,
    at: Sequence[int] | int = 10**15,
    weight: float = 1.0,
    first: int = 0,
) -> LiveEvents:
    """Events with sequence numbers from `first` on; `at` of the first, one microsecond apart."""
    m = len(user)
    times = at + np.arange(m) if isinstance(at, int) else np.asarray(at, np.int64)
    return LiveEvents(
        user=np.asarray(user, np.int64),
        item=np.asarray(item, np.int64),
        at=times.astype(np.int64),
        weight=np.full(m, weight, np.float32),
        relation=np.full(m, 4, np.int8),
        sequence=np.arange(first, first + m),
    )


def random_texts(rng: np.random.Generator, m: int, width: int) -> FloatArray:
    """Unit vectors."""
    raw = rng.normal(size=(m, width))
    return unit_rows(raw.astype(np.float32))
