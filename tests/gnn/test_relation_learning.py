"""`next` learns its relations where many pairs agree over the block's time; texts and trends stay."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gnn.histories import group_by_user
from gnn.ilk_config import DEFAULT_NEXT, IlkConfig
from gnn.item_signals import item_signals
from gnn.mix import ndcg
from gnn.mix_config import RelationConfig
from gnn.mix_learning import NewestBlock, learned_mixes
from gnn.objective import Objective
from gnn.relation_learning import MOVED, contending, with_learned_relations
from gnn.shop_arrays import FloatArray, IntArray
from gnn.signals import ItemSignals
from gnn.similar_features import SIMILAR_FEATURES, TREND_NAMES, SimilarFeatures
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


def test_the_two_likenesses_differ() -> None:
    item = np.arange(N_ITEMS)
    text = features().block("text", item)
    text[item, item] = 0.0
    assert (text.argmax(axis=1) == by_text(item)).all()
    assert not (by_text(item) == by_embedding(item)).any()


def test_what_many_pairs_agree_on_is_learned_and_all_else_stays() -> None:
    query = queries()
    mix = with_learned_relations(features(), WORDY, query, by_embedding(query), CONFIG)
    assert mix["embedding"] > mix["text"] == WORDY["text"]
    assert all(mix[name] == weight for name, weight in WORDY.items() if name not in MOVED)
    score = features().score(np.arange(N_ITEMS), mix)
    score[np.arange(N_ITEMS), np.arange(N_ITEMS)] = -np.inf
    assert (score.argmax(axis=1) == by_embedding(np.arange(N_ITEMS))).all()


def test_texts_are_not_unlearned_for_new_items_need_them() -> None:
    query = queries()
    mix = with_learned_relations(features(), DEFAULT_NEXT, query, by_text(query), CONFIG)
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
    learned, _ = learned_mixes(config, signals(), NewestBlock(nothing, nothing, pairs), seed=0)
    assert learned[Objective.NEXT]["embedding"] > 1.2
    assert learned[Objective.TOGETHER] == WORDY
    kept = replace(config, relation_learning=replace(CONFIG, min_pairs=len(query) + 1))
    learned, _ = learned_mixes(kept, signals(), NewestBlock(nothing, nothing, pairs), seed=0)
    assert learned[Objective.NEXT]["embedding"] == WORDY["embedding"]


def test_few_pairs_keep_the_mix() -> None:
    query = queries(CONFIG.min_pairs - 1)
    assert with_learned_relations(features(), WORDY, query, by_embedding(query), CONFIG) == WORDY


def test_what_the_other_half_of_the_time_contradicts_is_not_learned() -> None:
    query = queries()
    target = np.where(np.arange(2000) < 1000, by_embedding(query), by_text(query))
    assert with_learned_relations(features(), WORDY, query, target, CONFIG) == WORDY


def test_two_thousand_followers_of_one_item_are_one_case() -> None:
    query = np.zeros(2000, np.int64)
    assert with_learned_relations(features(), WORDY, query, by_embedding(query), CONFIG) == WORDY


def test_targets_that_nothing_speaks_for_are_no_reason() -> None:
    query = queries()
    far = replace(CONFIG, contenders=4)  # a quarter of it: one by each feature alone
    target = (query + 31) % N_ITEMS
    assert with_learned_relations(features(), WORDY, query, target, far) == WORDY


def test_contenders_hold_what_a_list_of_ten_is_decided_among() -> None:
    query = queries(500)
    target = np.where(np.arange(500) % 2, by_text(query), np.random.default_rng(1).integers(0, N_ITEMS, 500))
    target = np.where(target == query, by_embedding(query), target)
    examples, pair = contending(features(), DEFAULT_NEXT, query, target, 20)
    weights = np.array([DEFAULT_NEXT[name] for name in SIMILAR_FEATURES], np.float32)
    scores = features().score(query, DEFAULT_NEXT)
    scores[np.arange(500), query] = -np.inf
    own = scores[np.arange(500), target][:, None]
    rank = (scores > own).sum(axis=1) + 0.5 * ((scores == own).sum(axis=1) - 1)
    whole = np.where(rank < 10, 1.0 / np.log2(rank + 2.0), 0.0)
    assert (np.diff(pair) > 0).all()
    assert 250 <= len(pair) < 500
    score = examples.features[:, :, -1]
    assert np.allclose(score, examples.features[:, :, :-1] @ weights, atol=1e-5)
    assert np.allclose(ndcg(score, examples), whole[pair], atol=1e-6)
    assert np.allclose(score[np.arange(len(pair)), examples.target], own[pair, 0], atol=1e-5)
    assert not np.delete(whole, pair).any()


class Counted(SimilarFeatures):
    """How many queries were held against the whole catalogue."""

    looked_at = 0

    def stack(self, query: IntArray) -> FloatArray:
        self.looked_at += len(query)
        return super().stack(query)


def test_work_is_bounded_by_pairs_times_items() -> None:
    query = queries()
    for most, min_pairs in ((45, 30), (29, 30), (0, 0)):
        counted = Counted(signals())
        config = replace(CONFIG, prior=0.01, max_looked_at=max(1, most * N_ITEMS), min_pairs=min_pairs)
        mix = with_learned_relations(counted, WORDY, query, by_embedding(query), config)
        assert (counted.looked_at > 0) == (most == 45)
        assert counted.looked_at <= 45
        assert (mix == WORDY) == (most != 45)
    electronics, pairs = 9671, RelationConfig().pairs
    assert RelationConfig().max_looked_at // electronics >= pairs


@pytest.mark.parametrize("pairs", [0, 1, 2])
def test_next_to_no_pairs_keep_the_mix(pairs: int) -> None:
    query = queries()
    config = replace(CONFIG, min_pairs=0)
    mix = with_learned_relations(features(), WORDY, query[:pairs], by_embedding(query[:pairs]), config)
    assert mix == WORDY
    none = replace(config, pairs=pairs)
    assert with_learned_relations(features(), WORDY, query, by_embedding(query), none) == WORDY


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
