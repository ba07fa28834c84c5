"""How much the trends count for `next`: as shipped, unless the whole block says that they cost or lift."""

from dataclasses import replace

import numpy as np
import pytest

from gnn.ilk_config import DEFAULT_NEXT
from gnn.mix_config import Mix, TrendShareConfig
from gnn.shop_arrays import FloatArray, IntArray
from gnn.similar_features import TREND_NAMES, SimilarFeatures
from gnn.trend_share import with_best_trends, with_share
from tests.gnn.shops import known_items

N_ITEMS = 60
POPULAR = np.arange(12)
"""More than a list of ten holds."""
CONFIG = TrendShareConfig()
COUNTS = np.where(np.isin(np.arange(N_ITEMS), POPULAR), 50, 5)


def features() -> SimilarFeatures:
    """Items 2k and 2k + 1 are alike; the first twelve are what everybody buys."""
    trend = np.zeros((len(TREND_NAMES), N_ITEMS), np.float32)
    trend[:, POPULAR] = 9.0
    twins = np.repeat(np.eye(N_ITEMS // 2, dtype=np.float32), 2, axis=0)
    return SimilarFeatures(replace(known_items(trend), embedding=twins))


def share_of_trends(
    features: SimilarFeatures, query: IntArray, target: IntArray, config: TrendShareConfig
) -> float:
    """Of the shipped trends, what is taken; fails where they are not all scaled alike."""
    mix = with_best_trends(features, DEFAULT_NEXT, DEFAULT_NEXT, query, target, COUNTS, config)
    share = mix["trend_weeks"] / DEFAULT_NEXT["trend_weeks"]
    assert mix == with_share(DEFAULT_NEXT, share)
    return share


def queries(pairs: int) -> IntArray:
    return np.random.default_rng(0).integers(len(POPULAR), N_ITEMS, pairs)


def popular(pairs: int) -> IntArray:
    return np.random.default_rng(1).choice(POPULAR, pairs)


def test_trends_that_only_cost_are_dropped() -> None:
    query = queries(400)
    target = np.where(np.arange(400) % 20 == 0, popular(400), query ^ 1)
    assert share_of_trends(features(), query, target, CONFIG) == 0.0


def test_trends_that_find_the_targets_stay_whole() -> None:
    assert share_of_trends(features(), queries(400), popular(400), CONFIG) == 1.0


def test_both_halves_of_the_block_must_agree() -> None:
    config = TrendShareConfig(shares=(0.0,))  # a tenth still ranks the popular ones next
    query = queries(600)
    target = np.where(np.arange(600) < 320, query ^ 1, popular(600))
    assert share_of_trends(features(), query, target, config) == 1.0
    shuffled = np.random.default_rng(2).permutation(600)
    assert share_of_trends(features(), query[shuffled], target[shuffled], config) == 0.0


def test_a_loss_that_few_queries_cannot_tell_from_noise_is_not_risked() -> None:
    """A quarter of the pairs lead to the query's twin, which trends hide, the others to what everybody buys:
    without trends all together rank as well as before, as far as can be told."""
    pairs, asked = 4800, N_ITEMS - len(POPULAR)
    query = len(POPULAR) + np.random.default_rng(4).permutation(pairs) % asked
    config = TrendShareConfig(shares=(0.0,), larger=())
    of_each = np.where(np.random.default_rng(5).random(pairs) < 0.26, query ^ 1, popular(pairs))
    assert share_of_trends(features(), query, of_each, config) == 0.0
    of_some = np.where(query % 48 < 13, query ^ 1, popular(pairs))  # what 48 queries say is a matter of luck
    assert share_of_trends(features(), query, of_some, config) == 1.0
    assert share_of_trends(features(), query, of_some, replace(config, risked=0.99)) == 0.0


def crowded(trend: FloatArray | None = None) -> SimilarFeatures:
    """Every item but the first twelve has fifteen that are alike; the trends as shipped do not reach them."""
    if trend is None:
        trend = np.zeros((len(TREND_NAMES), N_ITEMS), np.float32)
        trend[:, POPULAR] = 3.0
    kind = np.where(np.isin(np.arange(N_ITEMS), POPULAR), 0, 1 + (np.arange(N_ITEMS) - len(POPULAR)) // 16)
    return SimilarFeatures(replace(known_items(trend), embedding=np.eye(4, dtype=np.float32)[kind]))


def alike(query: IntArray) -> IntArray:
    """Another item of the same sixteen."""
    place = query - len(POPULAR)
    return len(POPULAR) + place // 16 * 16 + (place + 1) % 16


AS_SHIPPED = replace(CONFIG, spreads=())


def test_trends_count_for_more_where_that_lifts_all_targets_but_no_more_than_it_takes() -> None:
    query = queries(400)
    target = np.where(np.arange(400) % 5 == 0, alike(query), popular(400))
    assert share_of_trends(crowded(), query, target, AS_SHIPPED) == 1.5
    assert share_of_trends(crowded(), query, target, replace(CONFIG, larger=())) == 1.0


def test_a_lift_must_be_clear_and_in_both_halves() -> None:
    query = queries(400)
    some = np.where(np.arange(400) % 2 == 0, alike(query), popular(400))  # about as much lost as won
    assert share_of_trends(crowded(), query, some, AS_SHIPPED) == 1.0
    campaign = np.where(np.arange(400) < 300, popular(400), alike(query))
    assert share_of_trends(crowded(), query, campaign, AS_SHIPPED) == 1.0
    shuffled = np.random.default_rng(2).permutation(400)
    spread = query[shuffled], campaign[shuffled]
    assert share_of_trends(crowded(), *spread, AS_SHIPPED) == 1.5


def test_a_campaign_after_few_queries_is_no_lift() -> None:
    """Four hundred pairs, but of six queries, four of which lead to what sells."""
    query = np.repeat(np.arange(20, 26), 400 // 6 + 1)[:400]
    target = np.where(query < 24, popular(400), alike(query))
    shuffled = np.random.default_rng(2).permutation(400)
    query, target = query[shuffled], target[shuffled]
    assert share_of_trends(crowded(), query, target, AS_SHIPPED) == 1.0
    many = queries(400)
    target = np.where(np.arange(400) % 6 < 4, popular(400), alike(many))
    assert share_of_trends(crowded(), many, target, AS_SHIPPED) == 1.5


def seasonal() -> SimilarFeatures:
    """As `crowded`, but half of the twelve sold best this season and the other half these days."""
    trend = np.zeros((len(TREND_NAMES), N_ITEMS), np.float32)
    trend[0, POPULAR[::2]] = 6.0
    trend[2, POPULAR[1::2]] = 5.0
    return crowded(trend)


def test_where_larger_trends_pay_the_spread_that_ranks_best_gets_them() -> None:
    query = queries(400)
    these_days = np.random.default_rng(1).choice(POPULAR[1::2], 400)
    target = np.where(np.arange(400) % 5 == 0, alike(query), these_days)
    ways = ((0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0))

    def taken(config: TrendShareConfig, learned: Mix = DEFAULT_NEXT) -> Mix:
        return with_best_trends(seasonal(), DEFAULT_NEXT, learned, query, target, COUNTS, config)

    assert taken(replace(CONFIG, spreads=ways)) == with_share(DEFAULT_NEXT, 1.5, ways[1])
    assert taken(AS_SHIPPED) == DEFAULT_NEXT
    learned = DEFAULT_NEXT | {"trend_days": 1.0}
    assert taken(AS_SHIPPED, learned) == learned


def test_a_little_of_the_mean_goes_to_rarer_targets() -> None:
    query = queries(400)
    target = np.where(np.arange(400) % 5 == 0, alike(query), popular(400))
    assert share_of_trends(crowded(), query, target, replace(AS_SHIPPED, spent=0.0)) > 1.0
    assert share_of_trends(crowded(), query, target, replace(AS_SHIPPED, spent=0.9)) == 1.0


@pytest.mark.parametrize(
    "config",
    [
        TrendShareConfig(min_pairs=401),
        TrendShareConfig(shares=(), larger=()),
        TrendShareConfig(max_cells=299 * N_ITEMS),  # of 400 pairs 299 would be looked at
    ],
)
def test_few_pairs_or_nothing_to_try_keep_them_whole(config: TrendShareConfig) -> None:
    query = queries(400)
    assert share_of_trends(features(), query, query ^ 1, config) == 1.0


def test_a_share_changes_the_trends_alone() -> None:
    half = with_share(DEFAULT_NEXT, 0.5)
    for name, weight in DEFAULT_NEXT.items():
        assert half[name] == (weight / 2 if name in TREND_NAMES else weight)


def test_a_share_dealt_out_keeps_the_sum() -> None:
    dealt = with_share(DEFAULT_NEXT, 2.0, (0.0, 0.6, 0.6, -0.2))
    whole = sum(DEFAULT_NEXT[name] for name in TREND_NAMES)
    assert sum(dealt[name] for name in TREND_NAMES) == pytest.approx(2 * whole)
    assert dealt["trend_always"] < 0 == dealt["trend_season"]
    assert all(dealt[name] == weight for name, weight in DEFAULT_NEXT.items() if name not in TREND_NAMES)


def test_what_is_no_share_is_refused() -> None:
    with pytest.raises(ValueError, match="from 0 to below 1"):
        TrendShareConfig(shares=(1.0,))
    with pytest.raises(ValueError, match="above 1"):
        TrendShareConfig(larger=(1.0,))
    with pytest.raises(ValueError, match="risked"):
        TrendShareConfig(risked=-0.1)
    for wrong in ((1.0,), (0.5, 0.5, 0.5, 0.0)):
        with pytest.raises(ValueError, match="a part for each of"):
            TrendShareConfig(spreads=(wrong,))
