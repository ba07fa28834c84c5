"""Small shops with a known answer."""

from dataclasses import replace

import numpy as np

from gnn.shop_arrays import FloatArray, IntArray, ShopArrays
from gnn.signals import ItemSignals
from gnn.sparse_rows import Csr
from gnn.typed_paths import no_paths

_SECOND = 1_000_000


def shop_of(
    user: IntArray,
    item: IntArray,
    *,
    n_users: int | None = None,
    n_items: int | None = None,
    at: IntArray | None = None,
    text: FloatArray | None = None,
    weight: FloatArray | None = None,
) -> ShopArrays:
    """Events in the given order, one a second unless `at` says otherwise."""
    n = len(user)
    return ShopArrays(
        n_users=int(user.max(initial=-1)) + 1 if n_users is None else n_users,
        n_items=int(item.max(initial=-1)) + 1 if n_items is None else n_items,
        user=np.asarray(user, np.int64),
        item=np.asarray(item, np.int64),
        at=np.arange(n, dtype=np.int64) * _SECOND if at is None else at,
        weight=np.ones(n, np.float32) if weight is None else weight,
        relation=np.full(n, 4, np.int8),
        text=text,
    )


def cluster_shop(
    *,
    clusters: int = 6,
    items_each: int = 15,
    users_each: int = 30,
    events_each: int = 12,
    seed: int = 0,
    text: bool = False,
) -> ShopArrays:
    """Users buy inside one cluster of items only; item i belongs to cluster `i % clusters`."""
    rng = np.random.default_rng(seed)
    n_users = clusters * users_each
    user = rng.permutation(np.repeat(np.arange(n_users), events_each))
    item = rng.integers(0, items_each, len(user)) * clusters + user % clusters
    vectors: FloatArray | None = None
    if text:
        centres = rng.normal(size=(clusters, 24))
        raw = centres[np.arange(clusters * items_each) % clusters]
        raw = raw + rng.normal(size=raw.shape) * 0.7
        vectors = (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)
    return shop_of(user, item, n_users=n_users, n_items=clusters * items_each, text=vectors)


def basket_shop() -> ShopArrays:
    """`cluster_shop` whose events come in twenty moments: who buys at one of them buys a basket."""
    shop = cluster_shop()
    return replace(shop, at=shop.at - shop.at % (shop.at[-1] // 20))


def known_items(trend: FloatArray, co_engaged: Csr | None = None) -> ItemSignals:
    """What a shop knows of items with events enough: trends, (trends, n_items), and maybe how much two are
    co-engaged, (n_items, n_items)."""
    n_items = trend.shape[1]
    paths = no_paths(n_items)
    if co_engaged is not None:
        paths = replace(paths, matrices={**paths.matrices, "co_engaged": co_engaged})
    return ItemSignals(
        paths=paths,
        trend=trend,
        evidence=np.ones(n_items, np.float32),
        cold=np.zeros(n_items, np.bool_),
    )


def cluster_purity(scores: FloatArray, query: IntArray, clusters: int, k: int = 10) -> float:
    """Share of the queries' `k` best that lie in the query's cluster."""
    scores = scores.copy()
    scores[np.arange(len(query)), query] = -np.inf
    best = np.argsort(-scores, axis=1)[:, :k]
    return float((best % clusters == query[:, None] % clusters).mean())
