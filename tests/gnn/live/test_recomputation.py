"""Everything computed anew beside a mirror that goes on folding in."""

import threading
from dataclasses import replace

import numpy as np
import pytest

from gnn.fitted_ilk import FittedIlk
from gnn.item_signals import with_weights
from gnn.layered_rows import flat
from gnn.live import LiveSignals
from gnn.live.recomputation import joined
from gnn.shop_arrays import ShopArrays
from tests.gnn.live.shops import events, fitted, live_shop, without_text


@pytest.fixture(scope="module")
def shop() -> ShopArrays:
    return live_shop()


@pytest.fixture(scope="module")
def model(shop: ShopArrays) -> FittedIlk:
    return fitted(shop)


def fold(live: LiveSignals, shop: ShopArrays, turn: int) -> None:
    rng = np.random.default_rng(turn)
    user, item = rng.integers(0, shop.n_users, 4), rng.integers(0, shop.n_items, 4)
    live.fold_in(events(user.tolist(), item.tolist(), first=4 * turn, at=10**15 + 4 * turn))


def test_with_nothing_since_it_is_a_propagation(shop: ShopArrays, model: FittedIlk) -> None:
    beside, plain = (LiveSignals(model, without_text(shop)) for _ in range(2))
    for live in (beside, plain):
        fold(live, shop, 0)
    recomputation = beside.recomputation()
    recomputation.run()
    assert beside.adopt(recomputation) is None
    plain.propagate()
    ours, theirs = beside.model.signals, plain.model.signals
    assert ours.embedding is not None
    assert theirs.embedding is not None
    assert np.abs(ours.embedding - theirs.embedding).max() < 1e-4
    for name, matrix in theirs.paths.matrices.items():
        assert np.abs(flat(ours.paths.matrices[name]).toarray() - flat(matrix).toarray()).max() < 2e-3, name


def test_what_was_folded_in_meanwhile_counts(shop: ShopArrays, model: FittedIlk) -> None:
    live, plain = (LiveSignals(model, without_text(shop)) for _ in range(2))
    recomputation = live.recomputation()
    thread = threading.Thread(target=recomputation.run)
    thread.start()
    for turn in range(30):
        fold(live, shop, turn)
        fold(plain, shop, turn)
    thread.join()
    assert len(joined(recomputation.since)) == 1
    live.adopt(recomputation)
    assert live.n_events == plain.n_events
    full = plain.signals()
    for name in ("trend", "evidence"):  # exact at once, so nothing has aged or counted twice
        assert np.abs(getattr(live.model.signals, name) - getattr(full, name)).max() < 1e-4, name
    live.propagate()
    plain.propagate()
    ours, theirs = live.model.signals, plain.model.signals
    assert ours.embedding is not None
    assert theirs.embedding is not None
    assert np.abs(ours.embedding - theirs.embedding).max() < 1e-4
    for name, matrix in theirs.paths.matrices.items():
        assert np.abs(flat(ours.paths.matrices[name]).toarray() - flat(matrix).toarray()).max() < 2e-3, name


def test_only_the_newest_that_has_run_is_taken_over(shop: ShopArrays, model: FittedIlk) -> None:
    live = LiveSignals(model, without_text(shop))
    older, newer = live.recomputation(), live.recomputation()
    older.run()
    for void in (older, newer):
        with pytest.raises(ValueError, match="void or has not run"):
            live.adopt(void)
    newer.run()
    live.adopt(newer)
    with pytest.raises(ValueError, match="void"):
        live.adopt(newer)


def other_weights(shop: ShopArrays, model: FittedIlk, scale: float) -> FittedIlk:
    """A release of the same events as an increment makes it."""
    assert model.weights is not None
    weights = replace(model.weights, residual=scale * model.weights.residual)
    signals = with_weights(model.signals, model.config, shop, weights)
    return FittedIlk(signals, model.mixes, model.user_mix, model.config, weights)


def test_another_release_of_the_same_events_is_followed(shop: ShopArrays, model: FittedIlk) -> None:
    release = other_weights(shop, model, -3.0)
    live, anew = (LiveSignals(one, without_text(shop)) for one in (model, release))
    for turn in range(5):
        fold(live, shop, turn)
        fold(anew, shop, turn)
    succession = live.succession(release)
    thread = threading.Thread(target=succession.run)
    thread.start()
    for turn in range(5, 30):
        fold(live, shop, turn)
        fold(anew, shop, turn)
    thread.join()
    later = live.adopt(succession)
    assert succession.fresh is not None
    published = release.with_fresh(succession.fresh)
    published = published if later is None else published.with_fresh(later)
    for name in ("embedding", "trend", "evidence"):  # what was published is what the mirror believes
        one, other = (getattr(of.signals, name) for of in (published, live.model))
        assert np.array_equal(one, other), name
    live.propagate()
    anew.propagate()
    ours, theirs, old = (one.signals.embedding for one in (live.model, anew.model, model))
    assert ours is not None
    assert theirs is not None
    assert old is not None
    assert np.abs(ours - theirs).max() < 1e-4
    assert np.abs(ours - old).max() > 0.1


def test_a_release_of_other_scales_is_not_followed(shop: ShopArrays, model: FittedIlk) -> None:
    live = LiveSignals(model, without_text(shop))
    other = replace(model.signals, trend_events=model.signals.trend_events + 1)
    with pytest.raises(ValueError, match="a mirror of its own"):
        live.succession(FittedIlk(other, model.mixes, model.user_mix, model.config, model.weights))
