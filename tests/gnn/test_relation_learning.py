"""`next` learns its relations where many pairs agree over the block's time; texts and trends stay."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gnn.contest import contest_of
from gnn.histories import group_by_user
from gnn.ilk_config import DEFAULT_NEXT, IlkConfig
from gnn.item_signals import item_signals
from gnn.mix_config import Mix, RelationConfig
from gnn.mix_learning import NewestBlock, learned_mixes
from gnn.objective import Objective
from gnn.relation_learning import MOVED, with_learned_relations
from gnn.shop_arrays import IntArray
from gnn.signals import ItemSignals
from gnn.similar_features import TREND_NAMES, SimilarFeatures
from gnn.text_space import build_text_space
from tests.gnn.shops import cluster_shop, known_items, shop_of

N_ITEMS = 60
CONFIG = RelationConfig(contenders=20)
WORDY = DEFAULT_NEXT | {"text": 1.2}
"""Texts lead before anything is learned."""


def signals() -> ItemSignals:
    """By embedding item 2k is like 2k + 1, by text like item 2k - 1; one item in twelve trends a little."""
    kind = np.arange(N_ITEMS) // 2
    trend = np.zeros((len(TREND_NAMES), N_ITEMS), np.float32)
    trend[:, ::12] = 1.0
    return replace(
        known_items(trend),
        text=np.eye(N_ITEMS // 2, dtype=np.float32)[np.roll(kind, 1)],
        hub=np.zeros(N_ITEMS, np.float32),
        embedding=np.eye(N_ITEMS // 2, dtype=np.float32)[kind],
    )


def features() -> SimilarFeatures:
    return SimilarFeatures(signals())


def by_embedding(query: IntArray) -> IntArray:
    return query ^ 1


def by_text(query: IntArray) -> IntArray:
    target: IntArray = (((query - 1) % N_ITEMS ^ 1) + 1) % N_ITEMS
    return target


def queries(pairs: int = 2000) -> IntArray:
    return np.random.default_rng(0).integers(0, N_ITEMS, pairs)


def learned(mix: Mix, query: IntArray, target: IntArray, config: RelationConfig = CONFIG) -> Mix:
    """What a fit makes of the mix."""
    contest = contest_of(features(), mix, query, target, config)
    return mix if contest is None else with_learned_relations(contest, mix, config)


def test_the_two_likenesses_differ() -> None:
    item = np.arange(N_ITEMS)
    text = features().block("text", item)
    text[item, item] = 0.0
    assert (text.argmax(axis=1) == by_text(item)).all()
    assert not (by_text(item) == by_embedding(item)).any()


def test_what_many_pairs_agree_on_is_learned_and_all_else_stays() -> None:
    query = queries()
    mix = learned(WORDY, query, by_embedding(query))
    assert mix["embedding"] > mix["text"] == WORDY["text"]
    assert all(mix[name] == weight for name, weight in WORDY.items() if name not in MOVED)
    score = features().score(np.arange(N_ITEMS), mix)
    score[np.arange(N_ITEMS), np.arange(N_ITEMS)] = -np.inf
    assert (score.argmax(axis=1) == by_embedding(np.arange(N_ITEMS))).all()


def test_texts_are_not_unlearned_for_new_items_need_them() -> None:
    query = queries()
    mix = learned(DEFAULT_NEXT, query, by_text(query))
    assert mix["text"] == DEFAULT_NEXT["text"]


def test_what_is_learned_says_nothing_of_new_items() -> None:
    shop = cluster_shop(text=True)
    assert shop.text is not None
    shop = replace(shop, n_items=91, text=np.concatenate([shop.text, shop.text[:1]]))
    text = build_text_space(shop.told, shop.n_items, IlkConfig().text)
    found = item_signals(IlkConfig(), shop, group_by_user(shop), text, None)
    known = SimilarFeatures(found)
    assert found.cold[90]
    assert known.block("text_co_engaged", np.array([90])).any()
    for name in MOVED:
        assert not known.block(name, np.arange(91), np.array([90])).any(), name
    assert known.block("co_engaged_text", np.arange(91), np.array([90])).any()


def test_a_fit_learns_them_for_next_alone() -> None:
    nothing = shop_of(np.zeros(0, np.int64), np.zeros(0, np.int64), n_users=1, n_items=N_ITEMS)
    query = queries()
    pairs = {Objective.NEXT: (query, by_embedding(query)), Objective.TOGETHER: (query[:0], query[:0])}
    mixes = dict.fromkeys(Objective, WORDY)
    config = replace(IlkConfig(), relation_learning=CONFIG, mixes=mixes)
    found, _ = learned_mixes(config, signals(), NewestBlock(nothing, nothing, pairs), seed=0)
    assert found[Objective.NEXT]["embedding"] > 1.2
    assert found[Objective.TOGETHER] == WORDY
    kept = replace(config, relation_learning=replace(CONFIG, min_pairs=len(query) + 1))
    found, _ = learned_mixes(kept, signals(), NewestBlock(nothing, nothing, pairs), seed=0)
    assert found[Objective.NEXT]["embedding"] == WORDY["embedding"]


def test_few_pairs_keep_the_mix() -> None:
    query = queries(CONFIG.min_pairs - 1)
    assert learned(WORDY, query, by_embedding(query)) == WORDY


def test_what_the_other_half_of_the_time_contradicts_is_not_learned() -> None:
    query = queries()
    target = np.where(np.arange(2000) < 1000, by_embedding(query), by_text(query))
    assert learned(WORDY, query, target) == WORDY


def test_two_thousand_followers_of_one_item_are_one_case() -> None:
    query = np.zeros(2000, np.int64)
    assert learned(WORDY, query, by_embedding(query)) == WORDY


def test_targets_that_nothing_speaks_for_are_no_reason() -> None:
    query = queries()
    far = replace(CONFIG, contenders=4)  # a quarter of it: one by each feature alone
    target = (query + 31) % N_ITEMS
    assert learned(WORDY, query, target, far) == WORDY


@pytest.mark.parametrize("pairs", [0, 1, 2])
def test_next_to_no_pairs_keep_the_mix(pairs: int) -> None:
    query = queries()
    config = replace(CONFIG, min_pairs=0)
    mix = learned(WORDY, query[:pairs], by_embedding(query[:pairs]), config)
    assert mix == WORDY
    none = replace(config, pairs=pairs)
    assert learned(WORDY, query, by_embedding(query), none) == WORDY


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pairs", -1),
        ("min_pairs", -1),
        ("contenders", -8),
        ("contenders", 0),
        ("max_looked_at", 0),
        ("min_carried", float("inf")),
        ("trust", -0.1),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_by_name(name: str, value: Any) -> None:
    values = IlkConfig().to_json()
    values["relation_learning"][name] = value
    with pytest.raises(ValueError, match=f"relation_learning.{name} must be a"):
        IlkConfig.from_json(values)


@pytest.mark.parametrize("name", ["moved", "min_gain"])
def test_settings_that_decide_nothing_are_gone_but_old_releases_open(name: str) -> None:
    values = IlkConfig().to_json()
    assert name not in values["relation_learning"]
    values["relation_learning"] |= {"moved": [], "min_gain": 0.7}
    assert IlkConfig.from_json(values) == IlkConfig()
    with pytest.raises(TypeError, match=name):
        RelationConfig(**{name: 1})
