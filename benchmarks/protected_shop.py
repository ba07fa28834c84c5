"""A model of a shop's first events, and what comes after them."""

from dataclasses import replace

import numpy as np

from benchmarks.attacks import Attack
from benchmarks.judged_pairs import Judged
from gnn.evaluation.cases import Pairs
from gnn.evaluation.metrics import single_ndcg_at_k
from gnn.evaluation.ranking import pair_ranks
from gnn.fitted_ilk import FittedIlk
from gnn.fitting import fit_with
from gnn.histories import group_by_user, next_pairs
from gnn.ilk_config import IlkConfig
from gnn.incremental import update
from gnn.incremental_config import IncrementalConfig
from gnn.item_signals import with_weights
from gnn.live import LiveEvents, LiveSignals
from gnn.objective import Objective
from gnn.shop_arrays import FloatArray, IntArray, ShopArrays

BASE, BLOCK = 6, 1
"""Tenths of the events."""


class Protected:
    """A base model and the shop's events in order of time."""

    def __init__(self, shop: ShopArrays, config: IlkConfig, base: int = BASE) -> None:
        self.shop, self.config, self.base = shop, config, base
        fit = fit_with(config, shop.events(0, self.tenths(base)), 0)
        assert fit.model.weights is not None
        self.model = fit.model
        self.weights = fit.model.weights

    def tenths(self, tenths: float) -> int:
        """Events up to there."""
        return int(self.shop.n_events * tenths / 10)

    def block(self, number: int) -> tuple[ShopArrays, IntArray, IntArray]:
        """(all events up to a block's end, those to learn from, those that judge)."""
        start, stop = self.tenths(self.base + number), self.tenths(self.base + number + BLOCK)
        held = start + (stop - start) * 4 // 5
        return self.shop.events(0, stop), np.arange(start, held), np.arange(held, stop)

    def served(self, seen: ShopArrays) -> FittedIlk:
        """Every signal from the events seen, with the base's weights."""
        signals = LiveSignals(self.model, replace(seen, text=None)).signals()
        return FittedIlk(signals, self.model.mixes, self.model.user_mix, self.config, self.weights)

    def trained(self, served: FittedIlk, seen: ShopArrays, new: IntArray, seed: int) -> FittedIlk:
        """An increment on top."""
        text = served.signals.text
        done = update(self.weights, self.config, seen, text, new, IncrementalConfig(), seed)
        signals = with_weights(served.signals, self.config, seen, done.weights)
        return FittedIlk(signals, served.mixes, served.user_mix, self.config, done.weights)

    def quality(self, model: FittedIlk, start: float, stop: float) -> Judged:
        """NDCG@10 of `next` on the real events between two tenths."""
        shop = self.shop.events(0, self.tenths(stop))
        query, target, position = next_pairs(group_by_user(shop))
        known = np.bincount(shop.item[: self.tenths(self.base)], minlength=shop.n_items) > 0
        asked = (position >= self.tenths(start)) & known[target] & known[query]
        pairs = Pairs(query[asked], target[asked], shop.user[position[asked]])

        def score(rows: IntArray) -> FloatArray:
            return model.score_similar(rows, Objective.NEXT)

        values = single_ndcg_at_k(pair_ranks(score, pairs, shop.n_items), 10)
        return Judged(values, pairs.user, pairs.query, pairs.target)

    def attacked(self, attack: Attack | None) -> LiveEvents:
        """Half a block of real events with an attack mixed in."""
        start, stop = self.tenths(self.base), self.tenths(self.base + BLOCK / 2)
        real = self.shop.events(0, stop)
        n_real, n_bad = stop - start, 0 if attack is None else len(attack.user)
        places = np.sort(np.random.default_rng(1).permutation(n_real + n_bad)[:n_real])
        is_real = np.zeros(n_real + n_bad, np.bool_)
        is_real[places] = True
        user, item = np.empty((2, n_real + n_bad), np.int64)
        user[is_real], item[is_real] = real.user[start:], real.item[start:]
        weight, relation = np.ones(len(user), np.float32), np.zeros(len(user), np.int8)
        weight[is_real], relation[is_real] = real.weight[start:], real.relation[start:]
        if attack is not None:
            user[~is_real], item[~is_real] = attack.user, attack.item
            relation[~is_real], weight[~is_real] = real.relation[-1], np.median(real.weight)
        at = np.full(len(user), real.at[start - 1])
        at[is_real] = real.at[start:]
        at = np.maximum.accumulate(at)
        return LiveEvents(user, item, at, weight, relation, np.arange(len(user)))
