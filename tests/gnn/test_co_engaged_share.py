"""`together` makes more of co-engagement where all of the newest block asks for it; nothing else moves."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from gnn.co_engaged_share import CO_ENGAGED, with_more_co_engagement
from gnn.histories import group_by_user
from gnn.ilk_config import DEFAULT_TOGETHER, IlkConfig
from gnn.item_signals import item_signals
from gnn.mix_config import CoEngagedShareConfig
from gnn.mix_learning import NewestBlock, learned_mixes
from gnn.objective import Objective
from gnn.shop_arrays import FloatArray, IntArray
from gnn.similar_features import TREND_NAMES, SimilarFeatures
from tests.gnn.shops import basket_shop, known_items

N_ITEMS = 60
CONFIG = CoEngagedShareConfig()


def features(group: IntArray, co_engaged: float | FloatArray = 2.0) -> SimilarFeatures:
    """By co-engagement item 2k goes with 2k + 1, by embedding with all of its group, (n_items,)."""
    item = np.arange(N_ITEMS)
    values = np.full(N_ITEMS, co_engaged, np.float32)
    pairs = sparse.csr_array((values, (item, item ^ 1)), (N_ITEMS, N_ITEMS))
    known = known_items(np.zeros((len(TREND_NAMES), N_ITEMS), np.float32), pairs)
    return SimilarFeatures(replace(known, embedding=np.eye(5, dtype=np.float32)[group]))


def apart() -> SimilarFeatures:
    """Two co-engaged items are of two groups: at the shipped weights a whole group of others comes first."""
    item = np.arange(N_ITEMS)
    return features(item % 2 * 2 + item // 2 % 2)


def agreeing() -> SimilarFeatures:
    """Two co-engaged items are of one group, and K leads."""
    return features(np.arange(N_ITEMS) // 2 % 5, 4.0)


def queries(pairs: int = 800) -> IntArray:
    return np.random.default_rng(0).integers(0, N_ITEMS, pairs)


def by_co_engagement(query: IntArray) -> IntArray:
    return query ^ 1


def by_embedding(query: IntArray) -> IntArray:
    """Of the same group, another pair."""
    return (query + 4) % N_ITEMS


def factor(
    features: SimilarFeatures, query: IntArray, target: IntArray, config: CoEngagedShareConfig = CONFIG
) -> float:
    """What the weight of K is multiplied with; fails where another weight moves."""
    mix = with_more_co_engagement(features, DEFAULT_TOGETHER, query, target, config)
    assert {**mix, CO_ENGAGED: 0.0} == {**DEFAULT_TOGETHER, CO_ENGAGED: 0.0}
    return mix[CO_ENGAGED] / DEFAULT_TOGETHER[CO_ENGAGED]


def test_k_counts_more_where_it_tells_what_goes_together() -> None:
    query = queries()
    assert factor(apart(), query, by_co_engagement(query)) > 2.0


def test_the_factor_that_ranks_best_is_taken() -> None:
    """Of factors that gain: one that does not bring K to the front is none of them."""
    query = queries()
    target = np.where(np.arange(len(query)) % 2, by_co_engagement(query), by_embedding(query))
    small, large = (
        factor(apart(), query, target, replace(CONFIG, factors=factors)) for factors in ((1.1,), (1.1, 3.0))
    )
    assert small == 1.0
    assert large == pytest.approx(3.0)


def test_of_factors_that_rank_alike_the_smallest_is_taken() -> None:
    query = queries()
    target = by_co_engagement(query)
    assert factor(apart(), query, target, replace(CONFIG, factors=(9.0, 4.0, 3.0))) == pytest.approx(3.0)
    item = np.arange(N_ITEMS)  # one pair in ten needs more
    uneven = features(item % 2 * 2 + item // 2 % 2, np.where(item // 2 % 10, 2.0, 1.5))
    tried = replace(CONFIG, factors=(2.5, 4.0))
    assert factor(uneven, query, target, tried) == pytest.approx(4.0)
    assert factor(uneven, query, target, replace(tried, spent=0.2)) == pytest.approx(2.5)


def test_k_stays_where_nothing_asks_for_more() -> None:
    query = queries()
    assert factor(apart(), query, by_embedding(query)) == 1.0
    assert factor(agreeing(), query, by_co_engagement(query)) == 1.0  # leads already


def test_one_half_of_the_block_is_not_enough() -> None:
    query = queries()
    late = np.arange(len(query)) >= len(query) // 2
    assert factor(apart(), query, np.where(late, by_co_engagement(query), by_embedding(query))) == 1.0


def test_few_pairs_or_few_queries_teach_nothing() -> None:
    query = queries(200)
    assert factor(apart(), query, by_co_engagement(query)) == 1.0
    few = queries() % 8
    assert factor(apart(), few, by_co_engagement(few)) == 1.0


def test_nothing_is_tried_without_factors_or_without_k() -> None:
    query = queries()
    target = by_co_engagement(query)
    assert factor(apart(), query, target, replace(CONFIG, factors=())) == 1.0
    without = DEFAULT_TOGETHER | {CO_ENGAGED: 0.0}
    assert with_more_co_engagement(apart(), without, query, target, CONFIG) == without


def test_large_catalogues_judge_by_fewer_pairs() -> None:
    assert CONFIG.budget(1_000) == 10_000
    assert CONFIG.budget(100_000) == 1_000


def test_a_catalogue_too_large_for_enough_pairs_keeps_the_weight() -> None:
    query = queries()
    enough, too_few = (replace(CONFIG, max_cells=judged * N_ITEMS) for judged in (300, 299))
    assert factor(apart(), query, by_co_engagement(query), enough) > 1.0
    assert factor(apart(), query, by_co_engagement(query), too_few) == 1.0


def test_the_fit_asks_for_together_alone() -> None:
    """Of a shop with baskets, by the block's basket pairs; trends lead at the weights it begins with."""
    shop = basket_shop()
    block = NewestBlock.of(shop)
    config = IlkConfig(use_embedding=False)
    trendy = dict.fromkeys(DEFAULT_TOGETHER, 0.0) | {CO_ENGAGED: 0.02, "trend_season": 1.0}
    config = replace(
        config,
        mixes=config.mixes | {Objective.TOGETHER: trendy},
        together_learning=replace(config.together_learning, pairs=0),
    )
    signals = item_signals(config, block.older, group_by_user(block.older), None, None)
    more = replace(config, co_engaged_share=replace(CONFIG, factors=(100.0,), min_pairs=30))
    off = replace(config, co_engaged_share=replace(CONFIG, factors=()))
    (mixes, users), (without, same_users) = (learned_mixes(c, signals, block, 0) for c in (more, off))
    assert without[Objective.TOGETHER] == trendy
    assert mixes[Objective.TOGETHER] == trendy | {CO_ENGAGED: pytest.approx(2.0)}
    assert mixes[Objective.NEXT] == without[Objective.NEXT]
    assert users == same_users
