"""Ilk's own model behind the updater's port: fold-in, full recomputation, frozen items."""

from pathlib import Path

import numpy as np
import pytest

from gnn.fitted_ilk import FittedIlk
from graph.store import EdgeBlock
from service.home import Home
from service.live.known_items import KnownItems
from service.live.mirror import NO_ITEMS, MirrorStart
from service.live.model import IlkMirror
from service.nightly.refresh_result import RefreshResult
from service.releases.store import ReleaseStore
from service.shop_snapshot import take_snapshot
from service.stores import closing_both, open_store
from tests.service.conftest import trial_settings

FROZEN = 3


@pytest.fixture(scope="module")
def parts(served_home: tuple[Path, RefreshResult]) -> tuple[FittedIlk, IlkMirror]:
    """A release's model, and a mirror in which item 3 is frozen and a user looked at 3 and 4."""
    settings = trial_settings(served_home[0])
    home = Home(settings.home)
    release = ReleaseStore(home.releases).open_current()
    store = open_store(settings, home)
    with closing_both(store):
        snapshot = take_snapshot(store)
    model = release.model
    assert isinstance(model, FittedIlk)
    assert KnownItems(release.items, snapshot).changed().is_empty()
    start = MirrorStart(snapshot.arrays(None), snapshot.edges.seq, frozen=np.array([FROZEN]))
    mirror = IlkMirror(model, start)
    mirror.propagate()
    last = int(snapshot.edges.seq.max())
    pair = np.array([FROZEN, 4])
    edges = EdgeBlock(
        seq=np.array([last + 1, last + 2]),
        user=np.full(2, len(snapshot.user_ids)),
        item=pair,
        relation=np.zeros(2, np.int8),
        at=snapshot.edges.at.max() + np.array([1, 2]),
        weight=np.ones(2, np.float32),
        rating=np.full(2, np.nan, np.float32),
    )
    fresh = mirror.fold_in(edges, NO_ITEMS)
    assert FROZEN not in fresh.rows
    assert 4 in fresh.rows
    return model, mirror


def test_a_frozen_item_stays_as_its_release_has_it(parts: tuple[FittedIlk, IlkMirror]) -> None:
    model, mirror = parts
    now = model.with_fresh(mirror.everything()())
    assert now.signals.evidence[FROZEN] == model.signals.evidence[FROZEN]
    assert now.signals.evidence[4] > model.signals.evidence[4]
    columns = slice(0 if model.signals.text is None else len(model.signals.trend), None)
    np.testing.assert_array_equal(
        now.item_vectors(np.array([FROZEN]))[0][columns], model.item_vectors(np.array([FROZEN]))[0][columns]
    )


def test_what_is_published_adds_up_to_what_the_mirror_holds(parts: tuple[FittedIlk, IlkMirror]) -> None:
    model, mirror = parts
    now, held = model.with_fresh(mirror.everything()()).signals, mirror.live.model.signals
    others = np.arange(model.n_items) != FROZEN
    assert now.embedding is not None
    assert held.embedding is not None
    np.testing.assert_allclose(now.embedding[others], held.embedding[others], atol=1e-5)
    np.testing.assert_allclose(now.evidence[others], held.evidence[others], atol=1e-6)
