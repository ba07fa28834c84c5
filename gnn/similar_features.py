"""Features of (query item, target item) pairs, and the scores that weigh them."""

from collections.abc import Mapping

import numpy as np

from gnn.catalogue_relations import shared_brand, shared_category
from gnn.layered_rows import cells
from gnn.shop_arrays import FloatArray, IntArray
from gnn.signals import ItemSignals

TREND_NAMES = ("trend_season", "trend_weeks", "trend_days", "trend_always")
ITEM_PATHS = ("co_engaged", "text_co_engaged", "co_engaged_text", "text_co_engaged_text")
CATALOGUE_NAMES = ("same_category", "same_brand")
SIMILAR_FEATURES = (
    "text",
    "text_rare",
    "embedding",
    *ITEM_PATHS,
    "paths_rare",
    *TREND_NAMES,
    *CATALOGUE_NAMES,
)
RARE_PATHS = {"co_engaged_text": 1.0, "text_co_engaged_text": 0.5}
"""Share of each path in `paths_rare`: those whose last step is a text, so that they reach targets without an
event. Of known targets their own co-engagement says the same, and better."""

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

    def block(self, name: str, query: IntArray, columns: IntArray | None = None) -> FloatArray:
        """One feature of some queries, shape (q, c): at some targets, or (`None`) the whole catalogue.

        `text_rare` and `paths_rare` count the less the better a target is known: by 1 - evidence, and by its
        square."""
        s = self._signals
        gate = s.evidence[query][:, None]
        if name in s.paths.matrices:
            values = cells(s.paths.matrices[name], query, columns)
            return values if name == _UNGATED else values * gate
        at: slice | IntArray = slice(None) if columns is None else columns
        if name in TREND_NAMES:
            return _float(gate * s.trend[TREND_NAMES.index(name)][at][None])
        if name == "embedding" and s.embedding is not None:
            return _float(COSINE_SCALE * gate * (s.embedding[query] @ s.embedding[at].T))
        if name in ("text", "text_rare") and s.text is not None and s.hub is not None:
            text = COSINE_SCALE * (s.text[query] @ s.text[at].T - s.hub[at][None])
            return _float(text if name == "text" else text * (1.0 - s.evidence[at])[None] * gate)
        if name == "paths_rare":
            parts = (share * self.block(path, query, columns) for path, share in RARE_PATHS.items())
            return _float(sum(parts, np.float32(0.0)) * rarity(s.evidence[at]))
        if name == "same_category" and s.category is not None:
            return shared_category(s.category, query, columns)
        if name == "same_brand" and s.brand is not None:
            return shared_brand(s.brand, query, columns)
        return np.zeros((len(query), s.n_items if columns is None else len(columns)), np.float32)

    def stack(self, query: IntArray) -> FloatArray:
        """All of `SIMILAR_FEATURES` of some queries, shape (q, n_items, features)."""
        stacked = np.empty((len(query), self.n_items, len(SIMILAR_FEATURES)), np.float32)
        for place, name in enumerate(SIMILAR_FEATURES):
            stacked[:, :, place] = self.block(name, query)
        return stacked

    def score(
        self, query: IntArray, weights: Mapping[str, float], columns: IntArray | None = None
    ) -> FloatArray:
        """Weighted sum of the features, shape (q, c)."""
        width = self.n_items if columns is None else len(columns)
        total = np.zeros((len(query), width), np.float32)
        for name, weight in weights.items():
            if weight:
                total += np.float32(weight) * self.block(name, query, columns)
        return total

    def parts(self, query: int, columns: IntArray, weights: Mapping[str, float]) -> dict[str, FloatArray]:
        """What each feature adds to the scores of some targets: they sum to the score; each (c,)."""
        return {
            name: np.float32(weight) * self.block(name, np.array([query]), columns)[0]
            for name, weight in weights.items()
            if weight
        }


def rarity(evidence: FloatArray) -> FloatArray:
    """How much `paths_rare` counts for targets of that evidence: 1 without an event, by the shipped settings
    .56 with one event and .25 with three."""
    return (1.0 - evidence) ** 2


def _float(values: FloatArray) -> FloatArray:
    return values.astype(np.float32, copy=False)
