"""How the mixes are learned from events that the signals have not seen."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np

from gnn.co_engaged_share import with_more_co_engagement
from gnn.contest import contest_of
from gnn.freed_memory import give_back_freed_memory
from gnn.histories import Histories, basket_pairs, block_start, group_by_user
from gnn.ilk_config import IlkConfig
from gnn.list_examples import list_examples
from gnn.list_learning import learned_list_mix
from gnn.mix import MixExamples, learn_mix
from gnn.mix_config import Mix, MixConfig
from gnn.objective import Objective
from gnn.popularity_share import with_less_popularity
from gnn.relation_learning import with_learned_relations
from gnn.shop_arrays import IntArray, ShopArrays
from gnn.signals import ItemSignals
from gnn.similar_features import SIMILAR_FEATURES, SimilarFeatures
from gnn.stratified_weights import stratified_mix
from gnn.trend_share import with_best_trends
from gnn.untimed import following_pairs
from gnn.user_features import USER_FEATURES, UserFeatures
from gnn.user_rows import latest_of_each


@dataclass(frozen=True)
class NewestBlock:
    """The newest events, the older ones, and the pairs whose target is new."""

    older: ShopArrays
    newer: ShopArrays
    pairs: dict[Objective, tuple[IntArray, IntArray]]
    """(query, target) of `next` and `together`."""

    @classmethod
    def of(cls, shop: ShopArrays) -> Self:
        """The validation block of a shop: events from `block_start` on, none of them copied."""
        start = block_start(shop.n_events)
        histories, pairs = group_by_user(shop), {}
        for objective, found in (
            (Objective.NEXT, following_pairs(shop, histories)),
            (Objective.TOGETHER, basket_pairs(histories)),
        ):
            query, target, position = found
            late = position >= start
            pairs[objective] = (query[late], target[late])
        return cls(shop.events(0, start), shop.events(start, shop.n_events), pairs)


def no_step(_done: int) -> None:
    """Progress that nobody follows."""


def learned_mixes(
    config: IlkConfig,
    signals: ItemSignals,
    block: NewestBlock,
    seed: int,
    step: Callable[[int], None] = no_step,
) -> tuple[dict[Objective, Mix], Mix]:
    """Mixes per objective, and the users'; `related` keeps the shipped one: no event says what is alike.

    signals: of the block's older events alone. step: called with 0 to 3 as the mixes get done.
    """
    mixes = {objective: dict(config.mixes[objective]) for objective in Objective}
    if not config.learn_mix:
        return mixes, dict(config.user_mix)
    features = SimilarFeatures(signals)
    counts = np.bincount(block.older.item, minlength=signals.n_items)
    learnt = ((Objective.NEXT, config.mix), (Objective.TOGETHER, config.together_learning))
    for done, (objective, how) in enumerate(learnt):
        step(done)
        give_back_freed_memory(cycles=True)
        query, target = block.pairs[objective]
        warm = ~signals.cold[target]
        query, target = query[warm], target[warm]
        some = _some(how, signals.n_items, len(query), len(SIMILAR_FEATURES), seed)
        if len(some) >= how.min_pairs:
            # no name for the examples: half a gigabyte must be gone before the next ones are made
            mixes[objective] = learn_mix(
                _similar_examples(features, query[some], target[some], objective),
                config.mixes[objective],
                how,
            )
        give_back_freed_memory(cycles=True)
        mix = mixes[objective]
        if objective is Objective.NEXT:
            shipped = config.mixes[objective]
            mix = with_best_trends(features, shipped, mix, query, target, counts, config.trend_share)
        else:
            mix = with_more_co_engagement(features, mix, query, target, config.co_engaged_share)
            mix = with_less_popularity(features, mix, query, target, counts, config.popularity_share)
        give_back_freed_memory()  # blocks of scores
        contest = contest_of(features, mix, query, target, config.relation_learning)
        if contest is not None:
            stratified = stratified_mix(contest, mix, counts, config.stratified)
            if stratified is not None:
                mix = stratified
            elif objective is Objective.NEXT:
                mix = with_learned_relations(contest, mix, config.relation_learning)
        mixes[objective] = mix
        del contest  # hundreds of megabytes
    step(2)
    give_back_freed_memory(cycles=True)
    user_mix = _learned_user_mix(config, signals, block, seed)
    step(3)
    return mixes, user_mix


def _some(config: MixConfig, n_items: int, n_pairs: int, n_features: int, seed: int) -> IntArray:
    """Random choice of pairs within the budget, order kept."""
    order = np.random.default_rng(seed).permutation(n_pairs)
    return np.sort(order[: config.budget(n_items, n_features)])


def _similar_examples(
    features: SimilarFeatures, query: IntArray, target: IntArray, objective: Objective
) -> MixExamples:
    banned = np.zeros((len(query), features.n_items), np.bool_)
    banned[np.arange(len(query)), query] = True
    group = query if objective is Objective.NEXT else None  # one item's followers are alike
    examples = MixExamples(features.stack(query), target, banned, group)
    give_back_freed_memory()
    return examples


def _learned_user_mix(config: IlkConfig, signals: ItemSignals, block: NewestBlock, seed: int) -> Mix:
    """From items that users with a history turned to for the first time."""
    known, how = latest_of_each(group_by_user(block.older)), config.user_lists
    user, target = _first_times(block.newer, known)
    users = min(len(np.unique(user)), how.budget(signals.n_items))
    if not how.is_enough(users, len(user)):  # no examples are made for nothing
        return dict(config.user_mix)
    shipped = {name: config.user_mix[name] for name in USER_FEATURES}
    weights = np.array(list(shipped.values()), np.float32)
    examples = list_examples(UserFeatures(signals), weights, known, user, target, config.users, how, seed)
    return learned_list_mix(examples, shipped, how)


def _first_times(newer: ShopArrays, known: Histories) -> tuple[IntArray, IntArray]:
    """Unique (user, item) of newer events, in time order, of users whose history lacks the item."""
    n_items = max(newer.n_items, 1)
    _, first = np.unique(newer.user * n_items + newer.item, return_index=True)
    keys = (newer.user * n_items + newer.item)[np.sort(first)]
    keys = keys[~np.isin(keys, known.user * n_items + known.item)]
    user, item = keys // n_items, keys % n_items
    has_history = np.diff(known.indptr)[user] > 0
    return user[has_history], item[has_history]
