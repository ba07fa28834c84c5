"""Ilk's own path lists over an updater's end: those that it handed out, until all are computed anew."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from gnn.fitted_ilk import FittedIlk
from gnn.layered_rows import flat
from gnn.served_model import ServedModel
from gnn.shop_arrays import FloatArray
from service.home import Home
from service.live.mirror import MirrorStart
from service.live.model import IlkMirror, influence_caps
from service.nightly.refresh_result import RefreshResult
from service.releases.holder import ReleaseHolder
from service.releases.store import ReleaseStore
from service.settings import load_settings
from service.stores import closing_both, open_changes, open_log, open_store
from tests.service.conftest import TRIAL_FLAGS
from tests.service.live_home import OFF, Live

NEVER = {"quiet_seconds": 3600.0, "whole_seconds": 86_400.0, "caps": OFF}


@pytest.fixture
def live(tmp_path: Path, served_home: tuple[Path, RefreshResult]) -> Iterator[Live]:
    """A home of Ilk's own model, whose updater computes nothing anew."""
    shutil.copytree(served_home[0], tmp_path / "home")
    settings = load_settings(tmp_path / "home", TRIAL_FLAGS | {"update": NEVER})
    home = Home(settings.home)
    log, store, changes = open_log(home), open_store(settings, home), open_changes(home)
    releases = ReleaseStore(home.releases)
    with closing_both(log, store, changes):
        running = Live(
            settings, log, store, changes, releases, ReleaseHolder(releases, fresh=home.fresh), sent=10**6
        )
        yield running
        running.stop()


def lists(live: Live) -> dict[str, FloatArray]:
    """As a worker serves them that starts now."""
    live.holder = ReleaseHolder(live.releases, fresh=live.home.fresh)
    live.seen(lambda: live.holder.serving().events_through == live.log.last_seq())
    model = live.holder.serving().release.model
    assert isinstance(model, FittedIlk)
    return {name: flat(matrix).toarray() for name, matrix in model.signals.paths.matrices.items()}


def apart(ours: dict[str, FloatArray], theirs: dict[str, FloatArray]) -> float:
    return max(float(np.abs(matrix - theirs[name]).max()) for name, matrix in ours.items())


def test_the_next_updater_serves_the_lists_that_were_served(live: Live) -> None:
    released = lists(live)
    starts: list[MirrorStart] = []

    def make(model: ServedModel, start: MirrorStart) -> IlkMirror:
        assert isinstance(model, FittedIlk)
        starts.append(start)
        return IlkMirror(model, start, influence_caps(live.settings))

    items = live.releases.open_current().items.table["item_id"].to_list()
    live.start(make)
    for user in range(4):
        for place in range(5):
            last = live.post(items[7 * user + 11 * place], user=f"new {user}")
        live.wait(last)
    served = lists(live)
    live.stop()
    live.start(make, restarts=1)  # which works on for half a minute before it computes anything anew
    number = live.holder.serving().number
    live.seen(lambda: live.holder.serving().number > number)
    assert [bool(start.handed_out) for start in starts] == [False, True]
    assert apart(served, released) > 0.01
    assert apart(lists(live), served) < 1e-6
