"""The fitted model: exact scores for evaluation and for serving, from the same signals."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from gnn.fresh_rows import FreshRows
from gnn.fresh_signals import replaced_signals
from gnn.ilk_config import IlkConfig
from gnn.layered_rows import one_row, some_rows
from gnn.mix_config import Mix
from gnn.objective import Objective
from gnn.served_model import MAX_CANDIDATES, Source
from gnn.shop_arrays import FloatArray, IntArray
from gnn.signal_arrays import signals_from_arrays, signals_to_arrays
from gnn.signals import ItemSignals
from gnn.similar_features import (
    CATALOGUE_NAMES,
    COSINE_SCALE,
    ITEM_PATHS,
    RARE_PATHS,
    SIMILAR_FEATURES,
    TREND_NAMES,
    SimilarFeatures,
    rarity,
)
from gnn.trained_weights import TrainedWeights
from gnn.trend import rise
from gnn.user_features import SPARSE_FEATURES, USER_FEATURES, UserFeatures, UserRows
from gnn.user_rows import rows_of_history

_TRENDING = 30
"""Most trending items that every list considers."""
_WEIGHTS = "weights."
"""Prefix of the trained weights' arrays."""


class FittedIlk:
    """Implements `gnn.served_model.ServedModel`; holds no user, so an erased user leaves nothing here."""

    def __init__(
        self,
        signals: ItemSignals,
        mixes: Mapping[Objective, Mix],
        user_mix: Mix,
        config: IlkConfig,
        weights: TrainedWeights | None = None,
    ) -> None:
        self.signals = signals
        self.weights = weights
        self.mixes = {objective: dict(mixes[objective]) for objective in Objective}
        self.user_mix = dict(user_mix)
        self.config = config
        self._similar = SimilarFeatures(signals)
        self._users = UserFeatures(signals)
        self._trending: dict[tuple[float, ...], IntArray] = {}

    @property
    def n_items(self) -> int:
        """Size of the catalogue."""
        return self.signals.n_items

    def score_similar(self, query: IntArray, objective: Objective) -> FloatArray:
        """Query items (q,) -> scores over the whole catalogue, (q, n_items)."""
        return self._similar.score(query, self.mixes[objective])

    def score_user_rows(self, users: UserRows) -> FloatArray:
        """Users by history -> scores over the whole catalogue, (u, n_items)."""
        return self._users.score(users, self.user_mix)

    def with_fresh(self, fresh: FreshRows) -> "FittedIlk":
        """The same model with some rows replaced and new items appended; this one stays as it is.

        Costs the changed rows plus one copy of the dense item rows: milliseconds at tens of thousands of
        items. Raises `ValueError` for rows that were made for a larger catalogue than they leave behind.
        """
        return FittedIlk(
            replaced_signals(self.signals, fresh), self.mixes, self.user_mix, self.config, self.weights
        )

    def item_vectors(self, rows: IntArray | None = None) -> FloatArray:
        """Text, trained embedding, hub correction and trend of each item (or some), side by side."""
        s = self.signals
        at: slice | IntArray = slice(None) if rows is None else rows
        blocks = [s.trend.T[at]]
        if s.text is not None and s.hub is not None:
            blocks += [s.text[at], -s.hub[at][:, None]]
        if s.embedding is not None:
            blocks.append(s.embedding[at])
        return np.concatenate(blocks, axis=1).astype(np.float32)

    def query_vectors(self, query: IntArray, objective: Objective) -> FloatArray:
        """What is to be multiplied with `item_vectors`: the dense part of the score.

        The extra weight of rare targets' texts depends on both sides; half of it stands for all."""
        s, mix = self.signals, self.mixes[objective]
        gate = s.evidence[query][:, None]
        blocks = [gate * np.array([[mix[name] for name in TREND_NAMES]], np.float32)]
        if s.text is not None:
            text = COSINE_SCALE * (mix["text"] + 0.5 * mix["text_rare"] * gate)
            blocks += [text * s.text[query], text]
        if s.embedding is not None:
            blocks.append(COSINE_SCALE * mix["embedding"] * gate * s.embedding[query])
        return np.concatenate(blocks, axis=1).astype(np.float32)

    def sample_queries(self, items: int) -> FloatArray:
        """Query vectors of up to so many evenly spread items, by every objective, (q, d)."""
        asked = np.unique(np.linspace(0, max(self.n_items - 1, 0), min(items, self.n_items)).astype(np.int64))
        return np.concatenate([self.query_vectors(asked, objective) for objective in Objective])

    def text_query_vectors(self, text: FloatArray) -> FloatArray | None:
        """See `ServedModel.text_query_vectors`: cosine less hub correction; trend and embedding count for
        nothing."""
        s = self.signals
        if s.text is None or s.hub is None or s.text_projection is None:
            return None
        vectors = s.text_projection.apply(np.asarray(text, np.float32))
        has_text = np.any(vectors, axis=1, keepdims=True)
        blocks = [np.zeros((len(text), len(s.trend))), vectors, has_text]
        if s.embedding is not None:
            blocks.append(np.zeros((len(text), s.embedding.shape[1])))
        return np.float32(COSINE_SCALE) * np.concatenate(blocks, axis=1).astype(np.float32)

    def candidates(self, query: int, objective: Objective, near: IntArray) -> IntArray:
        """See `ServedModel.candidates`."""
        lists = self._item_lists(query, self.mixes[objective])
        return self._join([near, lists, self._trending_by(self.mixes[objective])], np.array([query]))

    def _item_lists(self, query: int, mix: Mix) -> IntArray:
        """Targets that paths speak for from one item, best first by those parts of the score: the hot path of
        every read. A learned mix may weigh a path a little below 0 for known targets."""
        matrices = self.signals.paths.matrices
        rare = {name: mix["paths_rare"] * share for name, share in RARE_PATHS.items()}
        used = [name for name in ITEM_PATHS if mix[name] + rare.get(name, 0.0) > 0]
        rows = [(name, *one_row(matrices[name], query)) for name in used]
        targets = np.unique(np.concatenate([np.zeros(0, np.int64), *(columns for _, columns, _ in rows)]))
        total = np.zeros(len(targets), np.float32)
        for name, columns, data in rows:
            part = np.float32(mix[name]) * data
            if rare.get(name):
                part = part + np.float32(rare[name]) * data * rarity(self.signals.evidence[columns])
            total[np.searchsorted(targets, columns)] += part
        found = np.flatnonzero(total > 0)
        return targets[found[np.argsort(-total[found], kind="stable")]].astype(np.int64)

    def _user_lists(self, rows: UserRows) -> IntArray:
        """Targets that a history leads to by paths or regression, best first by those parts of the score."""
        total = np.zeros(self.n_items, np.float32)
        for name in SPARSE_FEATURES:
            weight = self.user_mix.get(name, 0.0)
            message = self._users.message(name, rows) if weight > 0 else None
            if message is not None:
                total[message.indices] += np.float32(weight) * message.data
        found = np.flatnonzero(total)
        return found[np.argsort(-total[found], kind="stable")].astype(np.int64)

    def _trending_by(self, mix: Mix) -> IntArray:
        """What leads by the trends as this mix weighs them; by their plain sum where it weighs none."""
        weights = tuple(mix[name] for name in TREND_NAMES)
        if weights not in self._trending:
            by_trend = np.array(weights if any(weights) else [1.0] * len(weights), np.float32)
            self._trending[weights] = _best(by_trend @ self.signals.trend, _TRENDING)
        return self._trending[weights]

    def _join(self, lists: list[IntArray], left_out: IntArray) -> IntArray:
        """Shares of `MAX_CANDIDATES` for each list, what one leaves goes to the next; unique."""
        near, paths, trending = lists
        near = near[near >= 0]
        room = MAX_CANDIDATES - len(trending) - len(left_out)
        paths = paths[: max(room // 2, room - len(near))]
        joined = np.concatenate([paths, near[: room - len(paths)], trending]).astype(np.int64)
        unique = np.unique(joined[~np.isin(joined, left_out)])
        return unique[:MAX_CANDIDATES]

    def score_candidates(self, query: int, candidates: IntArray, objective: Objective) -> FloatArray:
        """See `ServedModel.score_candidates`."""
        scores: FloatArray = self._similar.score(np.array([query]), self.mixes[objective], candidates)[0]
        return scores

    def contributions(self, query: int, candidates: IntArray, objective: Objective) -> dict[str, FloatArray]:
        """What each feature adds to the candidates' scores; the parts sum to `score_candidates`."""
        return self._similar.parts(query, candidates, self.mixes[objective])

    def intermediates(self, query: int, target: int, limit: int) -> IntArray:
        """See `ServedModel.intermediates`; strength: the weaker of an item's two co-engagements."""
        pair = np.array([query, target], np.int64)
        both = some_rows(self.signals.paths.matrices["co_engaged"], pair).toarray()
        weaker = both.min(axis=0)
        weaker[[query, target]] = 0.0
        found = _best(weaker, limit)
        strong: IntArray = found[weaker[found] > 0]
        return strong

    def sources(self, query: int, candidates: IntArray, objective: Objective) -> list[Source]:
        """See `ServedModel.sources`: the largest of graph, text and trend parts decides."""
        parts = self.contributions(query, candidates, objective)
        none = np.zeros(len(candidates), np.float32)
        of_graph = (*ITEM_PATHS, "paths_rare", *CATALOGUE_NAMES, "embedding")
        graph = sum((part for name, part in parts.items() if name in of_graph), none)
        text = sum((part for name, part in parts.items() if name in ("text", "text_rare")), none)
        known = np.maximum(text, graph) > 0
        return [
            "fallback" if not ok else "graph" if g >= t else "text"
            for ok, g, t in zip(known, graph, text, strict=True)
        ]

    def rising(self) -> FloatArray:
        """See `ServedModel.rising`."""
        return rise(self.signals.trend)

    def user_query_vector(self, history: IntArray) -> FloatArray:
        """See `ServedModel.user_query_vector`."""
        return self._users.search_vector(
            rows_of_history(history, self.n_items, self.config.users), self.user_mix
        )

    def user_candidates(self, history: IntArray, near: IntArray) -> IntArray:
        """See `ServedModel.user_candidates`."""
        rows = rows_of_history(history, self.n_items, self.config.users)
        lists = self._user_lists(rows)
        lists = lists[~np.isin(lists, history)]
        return self._join([near, lists, self._trending_by(self.user_mix)], np.unique(history))

    def score_user_candidates(self, history: IntArray, candidates: IntArray) -> FloatArray:
        """See `ServedModel.score_user_candidates`."""
        rows = rows_of_history(history, self.n_items, self.config.users)
        scores: FloatArray = self._users.score(rows, self.user_mix, candidates)[0]
        return scores

    def to_arrays(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        """See `ServedModel.to_arrays`."""
        arrays, scales = signals_to_arrays(self.signals)
        if self.weights is not None:
            arrays |= {_WEIGHTS + name: array for name, array in self.weights.to_arrays().items()}
        config = {
            "scales": scales,
            "mixes": {objective.value: mix for objective, mix in self.mixes.items()},
            "user_mix": self.user_mix,
            "config": self.config.to_json(),
        }
        return arrays, config

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray[Any, Any]], config: Mapping[str, Any]) -> Self:
        """See `ServedModel.from_arrays`."""
        return cls(
            signals_from_arrays(arrays, config["scales"]),
            {Objective(name): _all_of(SIMILAR_FEATURES, mix) for name, mix in config["mixes"].items()},
            _all_of(USER_FEATURES, config["user_mix"]),
            IlkConfig.from_json(config["config"]),
            TrainedWeights.from_arrays(
                {name.removeprefix(_WEIGHTS): a for name, a in arrays.items() if name.startswith(_WEIGHTS)}
            ),
        )


def _best(scores: FloatArray, k: int) -> IntArray:
    """Places of the `k` largest scores, best first; ties by ascending place."""
    places = np.arange(len(scores))
    if len(scores) > k:
        places = np.flatnonzero(scores >= np.partition(scores, -k)[-k])
    return places[np.argsort(-scores[places], kind="stable")[:k]].astype(np.int64)


def _all_of(features: tuple[str, ...], mix: Mix) -> Mix:
    """A mix written when there were fewer features: those it lacks weigh nothing."""
    return {**mix, **{name: 0.0 for name in features if name not in mix}}
