"""Everything computed anew beside a mirror that goes on folding in."""

import threading
from dataclasses import replace

import numpy as np
import pytest

from gnn.fitted_ilk import FittedIlk
from gnn.item_signals import with_weights
from gnn.layered_rows import flat
from gnn.live import LiveEvents, LiveSignals, Tolerance, signal_difference
from gnn.live.recomputation import joined
from gnn.shop_arrays import ShopArrays
from gnn.signals import ItemSignals
from tests.gnn.live.shops import events, fitted, live_shop, without_text


@pytest.fixture(scope="module")
def shop() -> ShopArrays:
    return live_shop()


@pytest.fixture(scope="module")
def model(shop: ShopArrays) -> FittedIlk:
    return fitted(shop)


def live_events(shop: ShopArrays, turn: int) -> LiveEvents:
    rng = np.random.default_rng(turn)
    user, item = rng.integers(0, shop.n_users, 4), rng.integers(0, shop.n_items, 4)
    return events(user.tolist(), item.tolist(), first=4 * turn, at=10**15 + 4 * turn)


def fold(live: LiveSignals, shop: ShopArrays, turn: int) -> None:
    live.fold_in(live_events(shop, turn))


def assert_alike(one: LiveSignals, other: LiveSignals) -> None:
    """Embeddings and paths, but for rounding."""
    ours, theirs = one.model.signals, other.model.signals
    assert ours.embedding is not None
    assert theirs.embedding is not None
    assert np.abs(ours.embedding - theirs.embedding).max() < 1e-4
    assert ours.paths.matrices.keys() == theirs.paths.matrices.keys()
    for name, matrix in theirs.paths.matrices.items():
        assert np.abs(flat(ours.paths.matrices[name]).toarray() - flat(matrix).toarray()).max() < 2e-3, name


def test_with_nothing_since_it_is_a_propagation(shop: ShopArrays, model: FittedIlk) -> None:
    beside, plain = (LiveSignals(model, without_text(shop)) for _ in range(2))
    for live in (beside, plain):
        fold(live, shop, 0)
    recomputation = beside.recomputation()
    recomputation.run()
    assert beside.adopt(recomputation) is None
    plain.propagate()
    assert_alike(beside, plain)


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
    assert_alike(live, plain)


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


def assert_same_lists(ours: ItemSignals, theirs: ItemSignals) -> None:
    for name, matrix in theirs.paths.matrices.items():
        assert np.array_equal(flat(ours.paths.matrices[name]).toarray(), flat(matrix).toarray()), name


@pytest.mark.parametrize("recomputed", [False, True])
def test_lists_of_the_followed_release_serve_but_for_rows_that_later_events_moved(
    shop: ShopArrays, model: FittedIlk, recomputed: bool
) -> None:
    live, increment = (LiveSignals(model, without_text(shop)) for _ in range(2))
    for turn in range(6):
        fold(live, shop, turn)
        fold(increment, shop, turn)
    if recomputed:
        recomputation = live.recomputation()
        recomputation.run()
        live.adopt(recomputation)
    through = 4 * 6 - 1
    fitted_now = FittedIlk(increment.signals(), model.mixes, model.user_mix, model.config, model.weights)
    release = other_weights(increment.shop(), fitted_now, -3.0)
    later = [live_events(shop, turn) for turn in (6, 7)]
    live.fold_in(later[0])
    succession = live.succession(release, through)
    assert succession.lists is not None
    moved = succession.lists.rows
    assert 0 < len(moved["text_co_engaged"]) < shop.n_items, "only what the later events moved"
    succession.run()
    live.fold_in(later[1])
    live.adopt(succession)
    assert succession.fresh is not None
    published = release.with_fresh(succession.fresh)
    published = published if succession.later is None else published.with_fresh(succession.later)
    assert_same_lists(published.signals, live.model.signals)
    touched = live.touched()
    for name, matrix in live.model.signals.paths.matrices.items():
        others = np.setdiff1d(np.arange(shop.n_items), touched[name])
        ours, theirs = (flat(m).toarray() for m in (matrix, release.signals.paths.matrices[name]))
        assert np.array_equal(ours[others], theirs[others]), name
    everything = signal_difference(release.signals, live.model.signals, Tolerance(0.0, 0.0), touched)
    assert_same_lists(release.with_fresh(everything).signals, live.model.signals)


def test_touched_rows_are_all_that_differ_from_the_release(shop: ShopArrays, model: FittedIlk) -> None:
    live = LiveSignals(model, without_text(shop))
    for turn in range(4):
        fold(live, shop, turn)
    recomputation = live.recomputation()
    recomputation.run()
    fold(live, shop, 4)
    live.adopt(recomputation)
    live.fold_in(removed=np.array([2]))
    exact = signal_difference(model.signals, live.model.signals, Tolerance(0.0, 0.0), live.touched())
    assert_same_lists(model.with_fresh(exact).signals, live.model.signals)


def test_a_release_of_other_scales_is_not_followed(shop: ShopArrays, model: FittedIlk) -> None:
    live = LiveSignals(model, without_text(shop))
    other = replace(model.signals, trend_events=model.signals.trend_events + 1)
    with pytest.raises(ValueError, match="a mirror of its own"):
        live.succession(FittedIlk(other, model.mixes, model.user_mix, model.config, model.weights))
