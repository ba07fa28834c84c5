"""Rarer targets count more where the newest block says that they gain by it and the mean hardly minds."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gnn.contest import contending, contest_of
from gnn.histories import group_by_user
from gnn.ilk_config import DEFAULT_TOGETHER, IlkConfig
from gnn.item_signals import item_signals
from gnn.mix_config import Mix, RelationConfig, StratifiedConfig
from gnn.mix_learning import NewestBlock, learned_mixes
from gnn.mix_ndcg import Gains, ndcg_by_mix
from gnn.objective import Objective
from gnn.popularity_share import POPULARITY
from gnn.shop_arrays import IntArray
from gnn.similar_features import SimilarFeatures
from gnn.stratified_weights import MOVED, stratified_mix
from tests.gnn.shops import basket_shop, cluster_shop, shop_of
from tests.gnn.test_popularity_share import COUNTS, N_ITEMS, POPULAR, features

CONFIG = StratifiedConfig(min_queries=40)
CONTEST = RelationConfig(contenders=40)


def queries(pairs: int = 2000) -> IntArray:
    """Of the rarer items."""
    return np.random.default_rng(0).integers(POPULAR, N_ITEMS, pairs)


def what_is_bought(query: IntArray, rarer_each: int) -> IntArray:
    """What everybody buys, and the item's own mate once in so many times."""
    at = np.random.default_rng(1).permutation(len(query))
    return np.where(at % rarer_each, query % POPULAR, query ^ 1)


def found(
    query: IntArray, target: IntArray, config: StratifiedConfig = CONFIG, shop: SimilarFeatures | None = None
) -> Mix:
    """The mix afterwards; fails where a weight moves that has no business to."""
    shop = shop or features()
    contest = contest_of(shop, DEFAULT_TOGETHER, query, target, CONTEST)
    assert contest is not None
    mix = stratified_mix(contest, DEFAULT_TOGETHER, COUNTS, config) or DEFAULT_TOGETHER
    assert all(mix[name] == weight for name, weight in DEFAULT_TOGETHER.items() if name not in MOVED)
    return mix


def by_mix(query: IntArray, target: IntArray, mix: Mix) -> Gains:
    """NDCG@10 of each pair, before and after, over the whole catalogue."""
    return ndcg_by_mix(features(), query, target, [DEFAULT_TOGETHER, mix], MOVED)


def test_rarer_targets_come_forward_where_the_mean_hardly_minds() -> None:
    query = queries()
    target = what_is_bought(query, 20)
    before, after = by_mix(query, target, found(query, target))
    rarer = target >= POPULAR
    assert before[rarer].max() == 0.0
    assert after[rarer].mean() > 0.5
    assert after.mean() >= (1 - CONFIG.spent) * before.mean()


def test_it_stays_where_the_mean_would_pay_too_much() -> None:
    """One target in seventy is a rarer one: places for these cost all together 2 % of theirs."""
    query = queries()
    target = what_is_bought(query, 70)
    assert found(query, target, replace(CONFIG, spent=0.01)) == DEFAULT_TOGETHER
    assert found(query, target, replace(CONFIG, risked=0.01)) == DEFAULT_TOGETHER
    before, after = by_mix(query, target, found(query, target))
    assert (1 - CONFIG.spent) * before.mean() <= after.mean() < before.mean()


def test_it_stays_where_rarer_targets_lead_already() -> None:
    query = queries()
    assert found(query, what_is_bought(query, 20), shop=features(1.0)) == DEFAULT_TOGETHER


def test_one_half_of_the_block_is_not_enough() -> None:
    """In the newer half nobody buys an item's mate, and its place is taken from the others."""
    query = queries()
    late = np.arange(len(query)) >= len(query) // 2
    target = np.where(late, query % POPULAR, what_is_bought(query, 20))
    assert found(query, target, replace(CONFIG, risked=0.02)) == DEFAULT_TOGETHER


@pytest.mark.parametrize("config", [replace(CONFIG, power=0.0), replace(CONFIG, min_queries=49)])
def test_switched_off_or_of_few_queries_it_learns_nothing(config: StratifiedConfig) -> None:
    query = queries()
    assert len(np.unique(query)) == 48
    assert found(query, what_is_bought(query, 20), config) == DEFAULT_TOGETHER


def test_a_small_gain_is_not_worth_it() -> None:
    """Mates tie with the popular ones and could be first: three times what they have, no more."""
    query, level = queries(), features(2.0)
    target = what_is_bought(query, 20)
    assert found(query, target, replace(CONFIG, min_rarer=1.9), level) != DEFAULT_TOGETHER
    assert found(query, target, replace(CONFIG, min_rarer=2.1), level) == DEFAULT_TOGETHER


def test_a_feature_that_the_shop_has_nothing_of_keeps_its_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither embeddings nor texts here: wherever a search ends, their weights rank the block alike."""

    def ends(_examples: object, _share: object, start: Gains, _config: object) -> Gains:
        ended: Gains = start + np.array([0.5, 0.1, 0.5, -0.4])
        return ended

    monkeypatch.setattr("gnn.stratified_weights._search", ends)
    query = queries()
    mix = found(query, what_is_bought(query, 20))
    moved = {name for name in MOVED if mix[name] != DEFAULT_TOGETHER[name]}
    assert moved == {"co_engaged", POPULARITY}


def test_where_no_target_is_a_rarer_one_nothing_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("looked for")

    monkeypatch.setattr("gnn.stratified_weights.minimize", never)
    query = queries()
    assert found(query, query % POPULAR) == DEFAULT_TOGETHER


def test_a_block_without_any_hit_teaches_nothing() -> None:
    """Nobody ever buys what any feature brings near: one of forty that are alike."""
    query = queries()
    target = POPULAR + (query - POPULAR + 20) % (N_ITEMS - POPULAR)
    assert not by_mix(query, target, DEFAULT_TOGETHER).any()
    assert found(query, target) == DEFAULT_TOGETHER


def test_two_pairs_are_too_few_to_believe() -> None:
    query = np.array([20, 30])
    contest = contending(features(), DEFAULT_TOGETHER, query, query ^ 1, 40)
    assert len(contest) == 2
    few = replace(CONFIG, min_queries=2, min_gain=0.1)
    assert stratified_mix(contest, DEFAULT_TOGETHER, COUNTS, few) is None


def test_without_counts_all_targets_count_alike() -> None:
    query = queries()
    contest = contest_of(features(), DEFAULT_TOGETHER, query, what_is_bought(query, 20), CONTEST)
    assert contest is not None
    mix = stratified_mix(contest, DEFAULT_TOGETHER, np.zeros(N_ITEMS, np.int64), CONFIG)
    assert mix is None or np.isfinite(list(mix.values())).all()


def test_the_same_pairs_teach_the_same() -> None:
    query = queries()
    target = what_is_bought(query, 20)
    assert found(query, target) == found(query, target)


def test_what_moves_says_nothing_of_new_items() -> None:
    shop = cluster_shop()
    shop = replace(shop, n_items=shop.n_items + 1)
    signals = item_signals(IlkConfig(), shop, group_by_user(shop), None, None)
    known, new = SimilarFeatures(signals), np.array([shop.n_items - 1])
    assert signals.cold[new].all()
    for name in MOVED:
        assert not known.block(name, np.arange(shop.n_items), new).any(), name


def test_a_fit_asks_for_next_and_together(monkeypatch: pytest.MonkeyPatch) -> None:
    query = queries()
    target = what_is_bought(query, 20)
    nothing = shop_of(np.zeros(0, np.int64), np.zeros(0, np.int64), n_users=1, n_items=N_ITEMS)
    pairs = dict.fromkeys((Objective.NEXT, Objective.TOGETHER), (query, target))
    asked: list[IntArray] = []

    def less(contest: object, mix: Mix, counts: IntArray, config: StratifiedConfig) -> Mix:
        asked.append(counts)
        return {**mix, POPULARITY: -9.0}

    monkeypatch.setattr("gnn.mix_learning.stratified_mix", less)
    config = replace(IlkConfig(), relation_learning=CONTEST)
    mixes, _ = learned_mixes(config, features()._signals, NewestBlock(nothing, nothing, pairs), seed=0)
    assert {objective for objective, mix in mixes.items() if mix[POPULARITY] == -9.0} == set(pairs)
    assert [counts.tolist() for counts in asked] == 2 * [[0] * N_ITEMS]


def test_few_pairs_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr("gnn.mix_learning.stratified_mix", lambda *given: asked.append(given))
    block, config = NewestBlock.of(basket_shop()), IlkConfig(use_embedding=False)
    signals = item_signals(config, block.older, group_by_user(block.older), None, None)
    learned_mixes(config, signals, block, 0)
    assert not asked


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("power", -0.1),
        ("power", 1.5),
        ("spent", 2.0),
        ("min_queries", 1),
        ("min_gain", float("nan")),
        ("min_rarer", -1.0),
        ("risked", 1.01),
        ("evaluations", 0),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_by_name(name: str, value: Any) -> None:
    values = IlkConfig().to_json()
    values["stratified"][name] = value
    with pytest.raises(ValueError, match=f"stratified.{name} must be a"):
        IlkConfig.from_json(values)
