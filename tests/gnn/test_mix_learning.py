"""What the mixes are learned from."""

from dataclasses import replace

import numpy as np
import pytest

from gnn import mix_learning
from gnn.ilk_config import IlkConfig
from gnn.mix_learning import NewestBlock, learned_mixes
from gnn.objective import Objective
from gnn.signals import ItemSignals
from gnn.typed_paths import no_paths
from tests.gnn.shops import shop_of


def test_the_newest_ninth_is_what_older_events_are_judged_by() -> None:
    shop = shop_of(np.tile([0, 1], 9), np.arange(18))  # two users in turn
    block = NewestBlock.of(shop)
    assert (block.older.n_events, block.newer.n_events) == (16, 2)
    assert np.array_equal(np.concatenate([block.older.item, block.newer.item]), shop.item)
    assert np.shares_memory(block.older.item, shop.item), "nothing is copied"
    query, target = block.pairs[Objective.NEXT]
    assert sorted(zip(query.tolist(), target.tolist(), strict=True)) == [(14, 16), (15, 17)]
    assert not len(block.pairs[Objective.TOGETHER][0]), "nobody did two things at once"


def test_too_few_users_are_known_before_examples_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(*_: object) -> None:
        raise AssertionError("examples were made")

    monkeypatch.setattr(mix_learning, "list_examples", made)
    users, new = 40, np.arange(10, 20)
    older = shop_of(np.arange(users), np.arange(users) % 10, n_items=20)
    newer = shop_of(np.repeat(np.arange(users), 10), np.tile(new, users), n_items=20)
    nothing = (np.zeros(0, np.int64), np.zeros(0, np.int64))
    block = NewestBlock(older, newer, dict.fromkeys((Objective.NEXT, Objective.TOGETHER), nothing))
    signals = ItemSignals(
        paths=no_paths(20),
        trend=np.zeros((4, 20), np.float32),
        evidence=np.zeros(20, np.float32),
        cold=np.zeros(20, np.bool_),
    )
    config = IlkConfig()
    assert len(newer.user) > config.user_lists.min_targets
    _, learned = learned_mixes(config, signals, block, seed=0)
    assert learned == config.user_mix
    enough = replace(config, user_lists=replace(config.user_lists, min_users=users))
    with pytest.raises(AssertionError, match="were made"):
        learned_mixes(enough, signals, block, seed=0)
