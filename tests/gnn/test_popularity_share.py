"""`together` makes less of popularity where rarer targets gain by it and the mean does not mind."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from gnn.histories import group_by_user
from gnn.ilk_config import DEFAULT_TOGETHER, IlkConfig
from gnn.item_signals import item_signals
from gnn.mix_config import Mix, PopularityShareConfig
from gnn.mix_learning import NewestBlock, learned_mixes
from gnn.objective import Objective
from gnn.popularity_share import POPULARITY, with_less_popularity
from gnn.shop_arrays import IntArray
from gnn.similar_features import TREND_NAMES, SimilarFeatures
from tests.gnn.shops import basket_shop, known_items

N_ITEMS = 60
POPULAR = 12
"""Items 0 to 11: more than a list of ten holds."""
CONFIG = PopularityShareConfig()
COUNTS = np.where(np.arange(N_ITEMS) < POPULAR, 50, 5)


def features(with_everybody: float = 2.2) -> SimilarFeatures:
    """Item 2k goes with 2k + 1 by 2 of co-engagement, and so much with each of what everybody buys."""
    item = np.arange(N_ITEMS)
    pairs = np.zeros((N_ITEMS, N_ITEMS), np.float32)
    pairs[:, :POPULAR] = with_everybody
    pairs[item, item ^ 1] = 2.0
    trend = np.zeros((len(TREND_NAMES), N_ITEMS), np.float32)
    trend[TREND_NAMES.index(POPULARITY)] = np.log1p(COUNTS)
    return SimilarFeatures(known_items(trend, sparse.csr_array(pairs)))


def queries(pairs: int = 800) -> IntArray:
    """Of the rarer items."""
    return np.random.default_rng(0).integers(POPULAR, N_ITEMS, pairs)


def amount(
    query: IntArray,
    target: IntArray,
    config: PopularityShareConfig = CONFIG,
    shop: SimilarFeatures | None = None,
) -> float:
    """What the weight of popularity is lessened by; fails where another weight moves."""
    mix = with_less_popularity(shop or features(), DEFAULT_TOGETHER, query, target, COUNTS, config)
    assert {**mix, POPULARITY: 0.0} == {**DEFAULT_TOGETHER, POPULARITY: 0.0}
    return DEFAULT_TOGETHER[POPULARITY] - mix[POPULARITY]


def test_popularity_counts_less_where_rarer_targets_wait_behind_it() -> None:
    query = queries()
    assert amount(query, query ^ 1) == pytest.approx(0.2)  # with .1 the popular ones are still ahead
    assert amount(query, query ^ 1, replace(CONFIG, amounts=(0.1,))) == 0.0


def test_it_stays_where_the_mean_would_pay() -> None:
    """One target in fifty is a rarer one: what these gain, the others lose."""
    query = queries()
    mixed = np.where(np.arange(len(query)) % 50, query % POPULAR, query ^ 1)
    assert amount(query, mixed) == 0.0
    all_of_it = replace(CONFIG, spent=1.0)  # what is lost is within noise, but more than may be given up
    assert amount(query, mixed, all_of_it) > 0.0
    assert amount(query, query % POPULAR) == 0.0


def test_it_stays_where_rarer_targets_lead_already() -> None:
    query = queries()
    assert amount(query, query ^ 1, shop=features(1.0)) == 0.0


def test_one_half_of_the_block_is_not_enough() -> None:
    """In the newer half what everybody buys is what was bought."""
    query = queries()
    late = np.arange(len(query)) >= len(query) // 2
    assert amount(query, np.where(late, query % POPULAR, query ^ 1)) == 0.0


def test_few_pairs_or_few_queries_teach_nothing() -> None:
    query = queries(200)
    assert amount(query, query ^ 1) == 0.0
    few = POPULAR + queries() % 8
    assert amount(few, few ^ 1) == 0.0


def test_nothing_is_tried_without_amounts() -> None:
    query = queries()
    assert amount(query, query ^ 1, replace(CONFIG, amounts=())) == 0.0


def test_a_catalogue_too_large_for_enough_pairs_keeps_the_weight() -> None:
    query = queries()
    enough, too_few = (replace(CONFIG, max_cells=judged * N_ITEMS) for judged in (300, 299))
    assert amount(query, query ^ 1, enough) > 0.0
    assert amount(query, query ^ 1, too_few) == 0.0


def test_the_fit_asks_for_together_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the counts of the block's older events, after the weight of co-engagement is chosen."""
    shop = basket_shop()
    block, config = NewestBlock.of(shop), IlkConfig(use_embedding=False)
    signals = item_signals(config, block.older, group_by_user(block.older), None, None)
    before, users = learned_mixes(config, signals, block, 0)
    asked: list[IntArray] = []

    def half_less(features: SimilarFeatures, mix: Mix, *given: Any) -> Mix:
        asked.append(given[2])
        return {**mix, POPULARITY: mix[POPULARITY] - 0.5}

    monkeypatch.setattr("gnn.mix_learning.with_less_popularity", half_less)
    after, same_users = learned_mixes(config, signals, block, 0)
    changed = {**before[Objective.TOGETHER], POPULARITY: before[Objective.TOGETHER][POPULARITY] - 0.5}
    assert after == {**before, Objective.TOGETHER: changed}
    assert users == same_users
    (counts,) = asked
    assert counts.tolist() == np.bincount(block.older.item, minlength=shop.n_items).tolist()
