"""What the mixes are learned from."""

import numpy as np

from gnn.mix_learning import NewestBlock
from gnn.objective import Objective
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
