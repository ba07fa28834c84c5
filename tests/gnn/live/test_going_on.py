"""A mirror that goes on with the lists that another one of the same events handed out before it was gone."""

import numpy as np
import pytest

from gnn.fitted_ilk import FittedIlk
from gnn.fresh_rows import FreshRows
from gnn.layered_rows import flat
from gnn.live import LiveItems, LiveSignals, Tolerance, signal_difference
from gnn.shop_arrays import ShopArrays
from gnn.signals import ItemSignals
from tests.gnn.live.shops import events, fitted, live_shop, random_texts, without_text
from tests.gnn.live.test_recomputation import live_events


@pytest.fixture(scope="module")
def model() -> FittedIlk:
    return fitted(live_shop())


def paths_apart(ours: ItemSignals, theirs: ItemSignals) -> float:
    return max(
        float(np.abs(flat(ours.paths.matrices[name]).toarray() - flat(matrix).toarray()).max())
        for name, matrix in theirs.paths.matrices.items()
    )


def dense_apart(ours: ItemSignals, theirs: ItemSignals) -> float:
    names = ("embedding", "trend", "evidence", "text")
    return max(float(np.abs(getattr(ours, name) - getattr(theirs, name)).max()) for name in names)


def both(model: FittedIlk, shop: ShopArrays) -> tuple[LiveSignals, LiveSignals]:
    """One that folded in forty events and a new item, and one that goes on from what it handed out."""
    gone = LiveSignals(model, without_text(shop))
    handed_out: list[FreshRows] = [gone.fold_in(live_events(shop, turn)) for turn in range(10)]
    assert model.signals.text is not None
    new = LiveItems(
        np.array([shop.n_items]), random_texts(np.random.default_rng(3), 1, model.signals.text.shape[1])
    )
    handed_out.append(gone.fold_in(events([0], [shop.n_items], first=40), new))
    live = LiveSignals(model, gone.shop(), handed_out=handed_out)
    live.fold_in(items=new)  # texts come from whoever encoded them
    return gone, live


def test_its_answers_are_those_that_were_served_and_its_recomputation_those_of_all_events(
    model: FittedIlk,
) -> None:
    shop = live_shop()
    gone, live = both(model, shop)
    served = gone.model.signals
    live.propagate(lists=False)
    assert paths_apart(live.model.signals, served) < 1e-6
    gone.propagate(lists=False)
    assert dense_apart(live.model.signals, gone.model.signals) < 1e-4
    for mirror in (gone, live):
        mirror.fold_in(live_events(shop, 11))
    assert paths_apart(live.model.signals, gone.model.signals) < 2e-3
    assert dense_apart(live.model.signals, gone.model.signals) < 1e-4
    for mirror in (gone, live):
        mirror.propagate()
    assert paths_apart(live.model.signals, gone.model.signals) < 2e-3
    assert dense_apart(live.model.signals, gone.model.signals) < 1e-4


def test_it_knows_which_lists_are_not_the_releases(model: FittedIlk) -> None:
    """A file of fresh rows begins with these."""
    _, live = both(model, live_shop())
    live.propagate(lists=False)
    exact = Tolerance(dense=0.0, paths=0.0)
    rows = signal_difference(model.signals, live.model.signals, exact, live.touched())
    published = model.with_fresh(rows)
    assert paths_apart(published.signals, live.model.signals) == 0
    assert dense_apart(published.signals, live.model.signals) == 0
