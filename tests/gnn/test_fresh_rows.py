"""A model with fresh rows equals a model of the new signals; increments may be merged and stored."""

import json
from dataclasses import replace

import numpy as np
import pytest

from gnn.fitted_ilk import FittedIlk
from gnn.fitting import fit_with
from gnn.fresh_rows import FreshRows
from gnn.fresh_signals import grown_regression
from gnn.histories import group_by_user
from gnn.ilk_config import IlkConfig
from gnn.item_signals import SignalScales, item_signals
from gnn.layered_rows import flat
from gnn.live.signal_difference import Tolerance, signal_difference
from gnn.objective import Objective
from gnn.shop_arrays import ShopArrays
from gnn.signals import ItemSignals
from gnn.text_space import build_text_space
from gnn.training_config import TrainingConfig
from tests.gnn.shops import cluster_shop

EXACT = Tolerance(0.0, 0.0)
BRIEF = IlkConfig(training=TrainingConfig(min_epochs=1, max_epochs=2, negatives=64))


def shop_until(stop: int, n_items: int) -> ShopArrays:
    """The first events of a shop whose later items are not known yet."""
    shop = cluster_shop(items_each=10, users_each=15, text=True)
    kept = np.flatnonzero(shop.item[:stop] < n_items)
    assert shop.text is not None
    return replace(
        shop,
        n_items=n_items,
        user=shop.user[kept],
        item=shop.item[kept],
        at=shop.at[kept],
        weight=shop.weight[kept],
        relation=shop.relation[kept],
        text=shop.text[:n_items],
        brand=np.arange(n_items) % 5,
        item_category=np.stack([np.arange(n_items), np.arange(n_items) % 7], axis=1),
    )


def signals_of(model: FittedIlk, shop: ShopArrays) -> ItemSignals:
    text = build_text_space(shop.text, shop.n_items, model.config.text)
    scales = SignalScales.of(model.signals)
    signals = item_signals(model.config, shop, group_by_user(shop), text, model.weights, scales)
    return replace(signals, regression=grown_regression(model.signals.regression, shop.n_items))


@pytest.fixture(scope="module")
def stages() -> tuple[FittedIlk, ItemSignals, ItemSignals]:
    model = fit_with(BRIEF, shop_until(700, 50), 0).model
    return model, signals_of(model, shop_until(800, 55)), signals_of(model, shop_until(10_000, 60))


def assert_same(ours: FittedIlk, signals: ItemSignals, atol: float = 0.0) -> None:
    theirs = FittedIlk(signals, ours.mixes, ours.user_mix, ours.config)
    query = np.arange(signals.n_items)
    for objective in Objective:
        expected = theirs.score_similar(query, objective)
        assert np.allclose(ours.score_similar(query, objective), expected, atol=atol, rtol=0)
        for item in (0, signals.n_items - 1):
            found = ours.candidates(item, objective, query[:5])
            assert np.array_equal(found, theirs.candidates(item, objective, query[:5]))
            scores = ours.score_candidates(item, found, objective)
            assert np.allclose(scores, expected[item, found], atol=max(atol, 1e-5))
            parts = sum(ours.contributions(item, found, objective).values())
            assert np.allclose(parts, scores, atol=1e-5)
            assert ours.sources(item, found, objective) == theirs.sources(item, found, objective)
    history = np.array([0, 6, signals.n_items - 1])
    assert np.allclose(
        ours.score_user_candidates(history, query), theirs.score_user_candidates(history, query), atol=1e-5
    )
    near = query[:9]
    assert np.array_equal(ours.user_candidates(history, near), theirs.user_candidates(history, near))
    assert np.allclose(ours.item_vectors(), theirs.item_vectors(), atol=max(atol, 1e-6))
    some = np.array([2, signals.n_items - 1])
    assert np.array_equal(ours.item_vectors(some), ours.item_vectors()[some])


def test_fresh_rows_make_the_model_of_the_new_signals(
    stages: tuple[FittedIlk, ItemSignals, ItemSignals],
) -> None:
    model, middle, last = stages
    before = model.score_similar(np.arange(model.n_items), Objective.NEXT)
    first = signal_difference(model.signals, middle, EXACT)
    assert first.rows[-1] == 54
    ours = model.with_fresh(first)
    assert_same(ours, middle)
    assert_same(ours.with_fresh(signal_difference(ours.signals, last, EXACT)), last)
    assert np.array_equal(model.score_similar(np.arange(50), Objective.NEXT), before)


def test_increments_merge_and_are_stored(stages: tuple[FittedIlk, ItemSignals, ItemSignals]) -> None:
    model, middle, last = stages
    first = signal_difference(model.signals, middle, EXACT)
    second = signal_difference(model.with_fresh(first).signals, last, EXACT)
    first = replace(first, counters={"a": 1})
    second = replace(second, counters={"a": 2, "b": 3})
    merged = first.merged(second)
    assert merged.counters == {"a": 3, "b": 3}
    arrays, config = merged.to_arrays()
    for array in arrays.values():
        array.flags.writeable = False
    restored = FreshRows.from_arrays(arrays, json.loads(json.dumps(config)))
    assert restored.counters == merged.counters
    assert_same(model.with_fresh(restored), last, atol=1e-6)


def test_ageing_reaches_every_row_and_merges(stages: tuple[FittedIlk, ItemSignals, ItemSignals]) -> None:
    model = stages[0]
    nothing = signal_difference(model.signals, model.signals, EXACT)
    assert not len(nothing.rows)
    decay = np.array([0.9, 0.5, 0.1, 1.0])
    aged = replace(nothing, trend_decay=decay)
    counts = np.expm1(model.signals.trend) * decay[:, None]
    assert np.allclose(np.expm1(model.with_fresh(aged).signals.trend), counts, atol=1e-5)
    twice = model.with_fresh(aged).with_fresh(aged).signals.trend
    assert np.allclose(model.with_fresh(aged.merged(aged)).signals.trend, twice, atol=1e-6)


def test_small_moves_are_not_published(stages: tuple[FittedIlk, ItemSignals, ItemSignals]) -> None:
    model, middle, _ = stages
    wide = signal_difference(model.signals, middle, Tolerance(10.0, 10.0))
    assert len(wide.rows) < len(signal_difference(model.signals, middle, EXACT).rows)


def test_a_model_of_fresh_rows_is_stored_flat(stages: tuple[FittedIlk, ItemSignals, ItemSignals]) -> None:
    model, middle, _ = stages
    fresh = model.with_fresh(signal_difference(model.signals, middle, EXACT))
    arrays, config = fresh.to_arrays()
    again = FittedIlk.from_arrays(arrays, json.loads(json.dumps(config)))
    assert again.signals.paths.matrices.keys() == middle.paths.matrices.keys() != set()
    for name, matrix in again.signals.paths.matrices.items():
        assert np.array_equal(flat(matrix).toarray(), flat(middle.paths.matrices[name]).toarray())


def test_rows_of_another_catalogue_are_refused(stages: tuple[FittedIlk, ItemSignals, ItemSignals]) -> None:
    model, middle, _ = stages
    fresh = model.with_fresh(signal_difference(model.signals, middle, EXACT))
    with pytest.raises(ValueError, match="50 items"):
        fresh.with_fresh(signal_difference(model.signals, model.signals, EXACT))
    with pytest.raises(ValueError, match="out of range"):
        replace(signal_difference(model.signals, middle, EXACT), n_items=10)
