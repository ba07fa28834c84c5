"""Features of (user, target item) pairs. A user is nothing but the items of their history."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gnn.layered_rows import left_product, linear_product
from gnn.shop_arrays import FloatArray, IntArray
from gnn.signals import ItemSignals
from gnn.similar_features import COSINE_SCALE, TREND_NAMES
from gnn.sparse_rows import Csr, rows_at
from gnn.text_space import unit_rows

USER_FEATURES = (
    "embedding_user",
    "embedding_recent",
    "embedding_all",
    "text_recent",
    "co_engaged_recent",
    "co_engaged_all",
    "text_co_engaged_text_recent",
    "walk_all",
    "regression",
    *TREND_NAMES,
)
EMBEDDING_FEATURES = ("embedding_user", "embedding_recent", "embedding_all")
USER_PATHS = {
    "co_engaged_recent": "co_engaged",
    "co_engaged_all": "co_engaged",
    "text_co_engaged_text_recent": "text_co_engaged_text",
    "walk_all": "shared_user",
    "shared_user": "shared_user",
}
"""Path relation behind each feature that follows one. `shared_user` is `walk_all` as mixes of older releases
weigh it: the mean of logarithms, where `walk_all` is the logarithm of a mean."""
_LINEAR = ("walk_all",)
"""Features that add up a path's entries themselves, not their logarithms."""
SPARSE_FEATURES = (*USER_PATHS, "regression")
"""Features that are 0 but for the targets that something of the history leads to."""
_PATH_SCALE = 5.0


@dataclass(frozen=True)
class UserConfig:
    """How a history becomes a user."""

    history: int = 50
    """Newest events that count."""
    decay: float = 0.85
    """Weight of an event relative to the next newer one, in the `*_recent` features."""


@dataclass(frozen=True)
class UserRows:
    """Users by history, twice; each (u, n_items), rows sum to 1 or are empty."""

    recent: Csr
    """Newer events weigh more."""
    even: Csr
    """All alike."""


class UserFeatures:
    """Features over `ItemSignals`; 0 where a signal is missing."""

    def __init__(self, signals: ItemSignals) -> None:
        self._signals = signals

    @property
    def n_items(self) -> int:
        """Size of the catalogue."""
        return self._signals.n_items

    def block(self, name: str, users: UserRows, columns: IntArray | None = None) -> FloatArray:
        """One feature, shape (u, c): at some targets, or (`None`) the whole catalogue."""
        s = self._signals
        rows = users.recent if name.endswith("_recent") else users.even
        at: slice | IntArray = slice(None) if columns is None else columns
        shape = (rows.shape[0], s.n_items if columns is None else len(columns))
        if name in SPARSE_FEATURES:
            message = self.message(name, users)
            if message is None:
                return np.zeros(shape, np.float32)
            return rows_at(message, np.arange(shape[0]), columns)
        if name in TREND_NAMES:
            return np.broadcast_to(s.trend[TREND_NAMES.index(name)][at], shape)
        source, targets = self._vectors(name)
        if source is None or targets is None:
            return np.zeros(shape, np.float32)
        return _float(COSINE_SCALE * (unit_rows(rows @ source) @ targets[at].T))

    def message(self, name: str, users: UserRows) -> Csr | None:
        """One of `SPARSE_FEATURES` at the targets where it is not 0, (u, n_items); `None`: missing."""
        s = self._signals
        rows = users.recent if name.endswith("_recent") else users.even
        matrix = s.regression if name == "regression" else s.paths.matrices[USER_PATHS[name]]
        if matrix is None:
            return None
        message = linear_product(rows, matrix) if name in _LINEAR else left_product(rows, matrix)
        message.sort_indices()
        message.data = np.log1p(np.float32(_PATH_SCALE) * message.data).astype(np.float32, copy=False)
        return message

    def _vectors(self, name: str) -> tuple[FloatArray | None, FloatArray | None]:
        """(what history items add to the user, what targets are compared with), `None` where missing."""
        s = self._signals
        if name == "text_recent":
            return s.text, s.text
        return (s.user_side if name == "embedding_user" else s.embedding), s.embedding

    def search_vector(self, users: UserRows, weights: Mapping[str, float]) -> FloatArray:
        """The dense part of one user's score, laid out like the items' search vectors; shape (d,)."""
        s = self._signals
        blocks = [np.array([weights[name] for name in TREND_NAMES], np.float32)]
        if s.text is not None:
            text = unit_rows(users.recent @ s.text)[0]
            blocks += [COSINE_SCALE * weights["text_recent"] * text, np.zeros(1, np.float32)]
        if s.embedding is not None:
            vector = np.zeros(s.embedding.shape[1], np.float32)
            for name in EMBEDDING_FEATURES:
                source, _ = self._vectors(name)
                if source is not None:
                    rows = users.recent if name.endswith("_recent") else users.even
                    vector += weights[name] * unit_rows(rows @ source)[0]
            blocks.append(COSINE_SCALE * vector)
        return np.concatenate(blocks).astype(np.float32)

    def stack(self, users: UserRows) -> FloatArray:
        """All features, shape (u, n_items, features)."""
        stacked = np.empty((users.recent.shape[0], self.n_items, len(USER_FEATURES)), np.float32)
        for place, name in enumerate(USER_FEATURES):
            stacked[:, :, place] = self.block(name, users)
        return stacked

    def score(
        self, users: UserRows, weights: Mapping[str, float], columns: IntArray | None = None
    ) -> FloatArray:
        """Weighted sum of the features, shape (u, c)."""
        width = self.n_items if columns is None else len(columns)
        total = np.zeros((users.recent.shape[0], width), np.float32)
        for name, weight in weights.items():
            if weight:
                total += np.float32(weight) * self.block(name, users, columns)
        return total


def _float(values: FloatArray) -> FloatArray:
    return values.astype(np.float32, copy=False)
