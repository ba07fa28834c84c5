"""Health of neighbour lists: what a hit rate does not show."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gnn.evaluation.ranking import ScoreFn, blocks, checked_scores, listed_items
from gnn.shop_arrays import FloatArray, IntArray

K = 10
HEAD_SHARE = 0.8
"""Items that together carry this share of the events are the head; all others are the long tail."""
MAX_QUERIES = 4000


@dataclass(frozen=True)
class NeighbourLists:
    """Lists of a sample of query items."""

    item: IntArray
    """Best first, shape (q, k)."""
    listed: npt.NDArray[np.bool_]
    """Whether the place is filled (see `ranking.listed_items`), shape (q, k)."""


def neighbour_lists(score: ScoreFn, n_items: int, queries: int = MAX_QUERIES) -> NeighbourLists:
    """Lists of up to `K` items for all items of the catalogue, of `queries` drawn at random beyond."""
    query = np.arange(n_items, dtype=np.int64)
    if n_items > queries:
        query = np.sort(np.random.default_rng(0).choice(query, queries, replace=False))
    items, filled = [], []
    for part in blocks(len(query), n_items):
        scores = checked_scores(score, query[part], n_items)
        scores[np.arange(len(scores)), query[part]] = -np.inf
        top, listed = listed_items(scores, K)
        items.append(top)
        filled.append(listed)
    return NeighbourLists(np.concatenate(items), np.concatenate(filled))


def health(lists: NeighbourLists, counts: IntArray, text: FloatArray | None) -> dict[str, float]:
    """Figures of a model's lists; `intra_list_diversity` only where items have texts.

    Args:
        lists: Lists of related items.
        counts: Events of each item that the model learned from, shape (n_items,).
        text: Unit-length text embeddings, shape (n_items, d).
    """
    shown = np.bincount(lists.item[lists.listed], minlength=len(counts))
    figures = {
        "coverage@10": float((shown > 0).mean()),
        "gini": gini(shown),
        "long_tail_share": long_tail_share(shown, counts),
    }
    if text is not None:
        figures["intra_list_diversity"] = intra_list_diversity(lists, text)
    return figures


def gini(shown: IntArray) -> float:
    """Gini coefficient of how often items are shown: 0 all alike, towards 1 a few take everything."""
    total, n = int(shown.sum()), len(shown)
    if total == 0:
        return 0.0
    ascending = np.sort(shown)
    return float((2 * np.arange(1, n + 1) - n - 1) @ ascending / (n * total))


def long_tail_share(shown: IntArray, counts: IntArray) -> float:
    """Share of the places taken by items outside the head, 0 where nothing is shown."""
    order = np.argsort(-counts, kind="stable")
    before = np.cumsum(counts[order]) - counts[order]
    head = np.zeros(len(counts), np.bool_)
    head[order] = (before < HEAD_SHARE * counts.sum()) & (counts[order] > 0)
    return float(shown[~head].sum() / max(int(shown.sum()), 1))


def intra_list_diversity(lists: NeighbourLists, text: FloatArray) -> float:
    """Mean of 1 - cosine over all pairs of a list's items with text, then over lists with such a pair."""
    known = np.linalg.norm(text, axis=1) > 0
    means = []
    for part in blocks(len(lists.item), text.shape[1] * K):
        use = (lists.listed[part] & known[lists.item[part]]).astype(np.float32)
        vectors = text[lists.item[part]] * use[:, :, None]  # (q, k, d)
        size = use.sum(axis=1)
        # of unit vectors: |sum|^2 = size + twice the sum of all pairs' cosines
        cosines = (np.square(vectors.sum(axis=1)).sum(axis=1) - size) / 2
        pairs = size * (size - 1) / 2
        means.append((1 - cosines / np.maximum(pairs, 1))[pairs > 0])
    joined = np.concatenate(means)
    return float(joined.mean()) if len(joined) else 0.0
