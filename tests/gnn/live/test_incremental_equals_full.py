"""Promise 4: what is maintained edge by edge equals a full recomputation with the same weights."""

import threading
from dataclasses import replace
from functools import cache

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gnn.fitted_ilk import FittedIlk
from gnn.fresh_rows import FreshRows
from gnn.fresh_signals import grown_regression
from gnn.histories import group_by_user, without_weightless
from gnn.item_signals import SignalScales, item_signals
from gnn.layered_rows import flat
from gnn.live import (
    InfluenceCaps,
    LiveConfig,
    LiveEvents,
    LiveItems,
    LiveSignals,
    Recomputation,
    Revision,
)
from gnn.shop_arrays import FloatArray, IntArray, ShopArrays
from gnn.signals import ItemSignals
from gnn.sparse_rows import Csr
from gnn.text_space import space_of_vectors
from tests.gnn.live.shops import fitted, live_shop, random_texts, without_text

UNCAPPED = LiveConfig(caps=InfluenceCaps(user_item=0, user=0, new_users_item=0, crowd_factor=0))
SEEDS = st.integers(0, 10**6)


@cache
def release() -> tuple[ShopArrays, FittedIlk]:
    shop = live_shop()
    return shop, fitted(shop)


class Ledger:
    """What a store would hold: plain lists, written down without any of the live path's code."""

    def __init__(self, shop: ShopArrays, model: FittedIlk) -> None:
        self.model = model
        self.user, self.item = shop.user.tolist(), shop.item.tolist()
        self.at, self.weight = shop.at.tolist(), shop.weight.tolist()
        assert shop.item_category is not None
        self.category = {int(item): int(c) for item, c in shop.item_category}
        assert shop.brand is not None
        assert model.signals.text is not None
        self.brand = shop.brand.tolist()
        self.vectors = [row.copy() for row in model.signals.text]
        self.n_users = shop.n_users

    @property
    def n_items(self) -> int:
        return len(self.vectors)

    def add(self, events: LiveEvents) -> None:
        self.user += events.user.tolist()
        self.item += events.item.tolist()
        self.at += events.at.tolist()
        self.weight += events.weight.tolist()
        self.n_users = max(self.n_users, int(events.user.max()) + 1)
        self.grow(int(events.item.max()) + 1)

    def grow(self, n_items: int) -> None:
        while self.n_items < n_items:
            self.vectors.append(np.zeros_like(self.vectors[0]))
            self.brand.append(-1)

    def full(self) -> ItemSignals:
        """Everything from scratch."""
        order = sorted(range(len(self.user)), key=lambda e: (self.at[e], self.user[e], self.item[e], e))
        shop = ShopArrays(
            n_users=self.n_users,
            n_items=self.n_items,
            user=np.array(self.user)[order],
            item=np.array(self.item)[order],
            at=np.array(self.at)[order],
            weight=np.array(self.weight, np.float32)[order],
            relation=np.full(len(order), 4, np.int8),
            item_category=np.array(sorted(self.category.items()), np.int64).reshape(-1, 2),
            category_parent=release()[0].category_parent,
            brand=np.array(self.brand),
        )
        shop = without_weightless(shop)
        model = self.model
        text = space_of_vectors(np.stack(self.vectors), model.signals.text_projection, model.config.text)
        scales = SignalScales.of(model.signals)
        signals = item_signals(model.config, shop, group_by_user(shop), text, model.weights, scales)
        return replace(signals, regression=grown_regression(model.signals.regression, shop.n_items))


class IncrementalEqualsFull(RuleBasedStateMachine):
    """Random mixes of everything that can happen to a shop."""

    def __init__(self) -> None:
        super().__init__()
        shop, model = release()
        self.ledger = Ledger(shop, model)
        numbers = np.arange(shop.n_events)
        self.live = LiveSignals(model, without_text(shop), UNCAPPED, sequence=numbers)
        self.served = model
        self.cumulative: FreshRows | None = None
        self.quiet = True
        self.beside: tuple[Recomputation, threading.Thread] | None = None

    def publish(self, fresh: FreshRows) -> None:
        """As an API worker follows the stream: through stored arrays."""
        fresh = FreshRows.from_arrays(*fresh.to_arrays())
        self.served = self.served.with_fresh(fresh)
        self.cumulative = fresh if self.cumulative is None else self.cumulative.merged(fresh)
        self.quiet = False

    def take_over(self, recomputation: Recomputation) -> None:
        """As an API worker reads a file that begins anew: from the release on."""
        later = self.live.adopt(recomputation)
        assert recomputation.fresh is not None
        self.served, self.cumulative = release()[1], None
        self.publish(recomputation.fresh)
        if later is not None:
            self.publish(later)

    def next_sequence(self) -> int:
        return len(self.ledger.user)

    def fold(self, user: IntArray, item: IntArray, at: IntArray) -> None:
        m = len(user)
        events = LiveEvents(
            user,
            item,
            at,
            np.random.default_rng(int(at[0])).choice([0.5, 1.0, 3.0], m).astype(np.float32),
            np.full(m, 4, np.int8),
            self.next_sequence() + np.arange(m),
        )
        self.publish(self.live.fold_in(events))
        self.ledger.add(events)

    @rule(seed=SEEDS, m=st.integers(1, 6), new_users=st.integers(0, 2), late=st.booleans())
    def insert(self, seed: int, m: int, new_users: int, late: bool) -> None:
        rng = np.random.default_rng(seed)
        user = rng.integers(0, self.ledger.n_users + new_users, m)
        item = rng.integers(0, self.ledger.n_items, m)
        newest = max(self.ledger.at)
        at = rng.integers(0, newest, m) if late else newest + np.arange(m)
        self.fold(user, item, at)

    @rule(seed=SEEDS)
    def repeat(self, seed: int) -> None:
        which = int(np.random.default_rng(seed).integers(0, len(self.ledger.user)))
        user, item = np.array([self.ledger.user[which]]), np.array([self.ledger.item[which]])
        self.fold(user, item, np.array([self.ledger.at[which]]))

    @rule(seed=SEEDS, new=st.booleans(), text=st.booleans())
    def describe(self, seed: int, new: bool, text: bool) -> None:
        rng = np.random.default_rng(seed)
        row = self.ledger.n_items if new else int(rng.integers(0, self.ledger.n_items))
        self.ledger.grow(row + 1)
        raw: FloatArray | None = random_texts(rng, 1, 24) if text else None
        category, brand = int(rng.integers(1, 7)), int(rng.integers(-1, 5))
        self.publish(
            self.live.fold_in(
                items=LiveItems(np.array([row]), raw, np.array([[row, category]]), None, np.array([brand]))
            )
        )
        self.ledger.category[row], self.ledger.brand[row] = category, brand
        projection = self.ledger.model.signals.text_projection
        if raw is not None and projection is not None:
            self.ledger.vectors[row] = projection.apply(raw)[0]

    @rule(seed=SEEDS, share=st.sampled_from([0.0, 0.5]))
    def refund(self, seed: int, share: float) -> None:
        which = np.unique(np.random.default_rng(seed).integers(0, len(self.ledger.user), 2))
        weight = np.array([share * self.ledger.weight[e] for e in which], np.float32)
        self.publish(self.live.fold_in(revision=Revision(which, weight)))
        for event, value in zip(which.tolist(), weight.tolist(), strict=True):
            self.ledger.weight[event] = value

    @rule(seed=SEEDS)
    def delete_item(self, seed: int) -> None:
        row = int(np.random.default_rng(seed).integers(0, self.ledger.n_items))
        self.publish(self.live.fold_in(removed=np.array([row])))
        self.ledger.vectors[row] = np.zeros_like(self.ledger.vectors[row])
        self.ledger.brand[row] = -1
        self.ledger.category.pop(row, None)
        self._forget(self.ledger.item, row)

    @rule(seed=SEEDS)
    def erase_user(self, seed: int) -> None:
        user = int(np.random.default_rng(seed).integers(0, self.ledger.n_users))
        self.publish(self.live.fold_in(erased=np.array([user])))
        self._forget(self.ledger.user, user)

    def _forget(self, column: list[int], value: int) -> None:
        for event, named in enumerate(column):
            if named == value:
                self.ledger.weight[event] = 0.0

    @rule(seed=SEEDS)
    def unfold(self, seed: int) -> None:
        first = int(np.random.default_rng(seed).integers(0, len(self.ledger.user)))
        self._let_go()
        self.publish(self.live.without(first, first + 3))
        for event in range(first, min(first + 4, len(self.ledger.weight))):
            self.ledger.weight[event] = 0.0

    @precondition(lambda self: self.beside is None)
    @rule()
    def recompute_beside(self) -> None:
        recomputation = self.live.recomputation()
        thread = threading.Thread(target=recomputation.run)
        thread.start()
        self.beside = recomputation, thread

    @precondition(lambda self: self.beside is not None)
    @rule()
    def adopt(self) -> None:
        assert self.beside is not None
        recomputation, thread = self.beside
        thread.join()
        self.beside = None
        self.take_over(recomputation)

    def _let_go(self) -> None:
        """What runs beside is void from now on."""
        if self.beside is not None:
            self.beside[1].join()
            self.beside = None

    @precondition(lambda self: not self.quiet)
    @rule(beside=st.booleans())
    def fall_quiet(self, beside: bool) -> None:
        self._let_go()
        if beside:
            recomputation = self.live.recomputation()
            recomputation.run()
            self.take_over(recomputation)
        else:
            self.publish(self.live.propagate())
        self.quiet = True
        full = self.ledger.full()
        assert self.cumulative is not None
        for served in (self.served, release()[1].with_fresh(self.cumulative)):
            assert_close(served.signals, full)

    @invariant()
    def answers_are_finite(self) -> None:
        assert np.isfinite(self.served.item_vectors()).all()
        assert self.served.n_items == self.live.model.n_items


def assert_close(ours: ItemSignals, full: ItemSignals) -> None:
    for name, tolerance in {
        "embedding": 1e-4,
        "user_side": 1e-4,
        "evidence": 1e-4,
        "trend": 1e-4,
        "text": 1e-4,
        "hub": 1e-4,
    }.items():
        difference = np.abs(getattr(ours, name) - getattr(full, name)).max()
        assert difference <= tolerance, (name, difference)
    assert np.array_equal(ours.cold, full.cold)
    assert ours.brand is not None
    assert full.brand is not None
    assert np.array_equal(ours.brand, full.brand)
    assert ours.category is not None
    assert full.category is not None
    width = max(ours.category.shape[1], full.category.shape[1])
    assert np.abs(padded(ours.category, width) - padded(full.category, width)).max() <= 1e-6
    for name, matrix in full.paths.matrices.items():
        difference = np.abs(flat(ours.paths.matrices[name]).toarray() - flat(matrix).toarray()).max()
        assert difference <= 1.1e-3, (name, difference)


def padded(matrix: Csr, width: int) -> FloatArray:
    dense: FloatArray = matrix.toarray()
    return np.pad(dense, ((0, 0), (0, width - dense.shape[1])))


TestIncrementalEqualsFull = IncrementalEqualsFull.TestCase
TestIncrementalEqualsFull.settings = settings(
    max_examples=12, stateful_step_count=14, deadline=None, derandomize=True
)


def test_a_mirror_that_starts_later_agrees() -> None:
    """A mirror opened on the events of another one recomputes the same."""
    shop, model = release()
    first = LiveSignals(model, without_text(shop), UNCAPPED)
    rng = np.random.default_rng(5)
    m = 40
    first.fold_in(
        LiveEvents(
            rng.integers(0, shop.n_users + 4, m),
            rng.integers(0, shop.n_items, m),
            rng.integers(0, int(shop.at[-1]), m),
            np.ones(m, np.float32),
            np.full(m, 4, np.int8),
            np.arange(m),
        )
    )
    first.propagate()
    second = LiveSignals(model, replace(first.shop(), text=None), UNCAPPED)
    second.propagate()
    assert_close(second.model.signals, first.model.signals)
