"""Small shops with known structure, and Hypothesis strategies for arbitrary ones."""

import numpy as np
from hypothesis import strategies as st

from gnn.shop_arrays import FloatArray, IntArray, ShopArrays


def shop_of(
    user: IntArray, item: IntArray, at: IntArray, n_users: int, n_items: int, text: FloatArray | None = None
) -> ShopArrays:
    """Events of weight 1 in canonical order (indices stand for sorted ids), exact duplicates dropped."""
    rows = np.unique(np.column_stack([at, user, item]), axis=0)
    return ShopArrays(
        n_users=n_users,
        n_items=n_items,
        user=rows[:, 1].copy(),
        item=rows[:, 2].copy(),
        at=rows[:, 0].copy(),
        weight=np.ones(len(rows), np.float32),
        relation=np.zeros(len(rows), np.int8),
        text=text,
    )


@st.composite
def shops(draw: st.DrawFn) -> ShopArrays:
    """Up to 60 events with many equal times, so that baskets and ties are common."""
    n_users, n_items = draw(st.integers(1, 4)), draw(st.integers(1, 6))
    event = st.tuples(st.integers(0, 9), st.integers(0, n_users - 1), st.integers(0, n_items - 1))
    rows = np.array(draw(st.lists(event, min_size=12, max_size=60)), np.int64)
    return shop_of(rows[:, 1], rows[:, 2], rows[:, 0], n_users, n_items)


def clustered_shop(clusters: int = 4, per_cluster: int = 12, users: int = 80, seed: int = 0) -> ShopArrays:
    """Users stay within one cluster of items; texts (d = 8) tell the clusters apart, with noise."""
    rng = np.random.default_rng(seed)
    n_items, events = clusters * per_cluster, users * 12
    user = rng.integers(0, users, events)
    item = (user % clusters) * per_cluster + rng.integers(0, per_cluster, events)
    centre = rng.normal(size=(clusters, 8))
    text = centre[np.arange(n_items) // per_cluster] + 0.3 * rng.normal(size=(n_items, 8))
    text /= np.linalg.norm(text, axis=1, keepdims=True)
    return shop_of(user, item, np.arange(events), users, n_items, text.astype(np.float32))
