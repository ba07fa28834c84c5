"""Features of (query item, target item) pairs, and the scores that weigh them."""

from collections.abc import Mapping

import numpy as np

from gnn.shop_arrays import FloatArray, IntArray
from gnn.signals import ItemSignals
from gnn.sparse_rows import row_values

TREND_NAMES = ("trend_season", "trend_weeks", "trend_days")
ITEM_PATHS = ("co_engaged", "text_co_engaged", "co_engaged_text", "text_co_engaged_text")
SIMILAR_FEATURES = ("text", "text_rare", "embedding", *ITEM_PATHS, *TREND_NAMES)

COSINE_SCALE = 5.0
"""Cosines times 5 have about the spread of the log-scaled paths."""
_UNGATED = "text_co_engaged"
"""The one path that needs no evidence of the query's own: it serves new items."""


class SimilarFeatures:
    """Features over `ItemSignals`. Every feature is 0 where its signal is missing."""

    def __init__(self, signals: ItemSignals) -> None:
        self._signals = signals

    @property
    def n_items(self) -> int:
        """Size of the catalogue."""
        return self._signals.n_items

    def dense(self, name: str, query: IntArray) -> FloatArray:
        """One feature of some queries against the whole catalogue, shape (q, n_items)."""
        s = self._signals
        gate = s.evidence[query][:, None]
        if name in s.paths.matrices:
            rows = s.paths.matrices[name][query].toarray()
            return rows if name == _UNGATED else rows * gate
        if name in TREND_NAMES:
            return gate * s.trend[TREND_NAMES.index(name)][None]
        if name == "embedding":
            if s.embedding is None:
                return np.zeros((len(query), s.n_items), np.float32)
            return (COSINE_SCALE * gate) * (s.embedding[query] @ (s.embedding * ~s.cold[:, None]).T)
        if s.text is None or s.hub is None:
            return np.zeros((len(query), s.n_items), np.float32)
        text = COSINE_SCALE * (s.text[query] @ s.text.T - s.hub[None])
        return text * (1.0 - s.evidence)[None] * gate if name == "text_rare" else text

    def columns(self, name: str, query: int, columns: IntArray) -> FloatArray:
        """The same feature of one query at some targets, shape (c,)."""
        s = self._signals
        gate = s.evidence[query]
        if name in s.paths.matrices:
            values = row_values(s.paths.matrices[name], query, columns)
            return values if name == _UNGATED else values * gate
        if name in TREND_NAMES:
            return gate * s.trend[TREND_NAMES.index(name)][columns]
        if name == "embedding":
            if s.embedding is None:
                return np.zeros(len(columns), np.float32)
            return (COSINE_SCALE * gate) * (s.embedding[columns] @ s.embedding[query]) * ~s.cold[columns]
        if s.text is None or s.hub is None:
            return np.zeros(len(columns), np.float32)
        text = COSINE_SCALE * (s.text[columns] @ s.text[query] - s.hub[columns])
        return text * (1.0 - s.evidence[columns]) * gate if name == "text_rare" else text

    def stack(self, query: IntArray) -> FloatArray:
        """All features of some queries, shape (q, n_items, features)."""
        return np.stack([self.dense(name, query) for name in SIMILAR_FEATURES], axis=-1)

    def score(self, query: IntArray, weights: Mapping[str, float]) -> FloatArray:
        """Weighted sum over the whole catalogue, shape (q, n_items)."""
        total = np.zeros((len(query), self.n_items), np.float32)
        for name, weight in weights.items():
            if weight:
                total += np.float32(weight) * self.dense(name, query)
        return total

    def parts(self, query: int, columns: IntArray, weights: Mapping[str, float]) -> dict[str, FloatArray]:
        """What each feature adds to the scores of some targets: they sum to the score; each (c,)."""
        return {
            name: np.float32(weight) * self.columns(name, query, columns)
            for name, weight in weights.items()
            if weight
        }
