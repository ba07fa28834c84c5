"""What a mirror is given when it is made from the whole store."""

from pathlib import Path

import numpy as np
import polars as pl

from gnn.served_model import ServedModel
from graph.event_type import EventType
from graph.frames import ITEM_SCHEMA
from graph.interaction import Interaction
from service.catch_up import catch_up
from service.home import Home
from service.live.live_sources import LiveSources
from service.live.mirror import Mirror, MirrorStart
from service.live.mirror_reading import read_mirror
from service.settings import load_settings
from service.stores import closing_both, open_changes, open_log, open_store
from tests.service.live_toys import ToyMirror, live_store
from tests.service.release_toys import ToyShop, publish

KNOWN, LATER = 2400, 1200


def view(number: int, user: str) -> Interaction:
    item = ToyShop().ids[number * 7 % 40]
    return Interaction(f"e{number}", user, item, EventType.VIEW_ITEM, 1_700_000_000_000_000 + number)


def test_a_mirror_holds_what_waits_without_counting_it(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "home")
    home = Home(settings.home)
    home.create()
    log, store, changes = open_log(home), open_store(settings, home), open_changes(home)
    starts: list[MirrorStart] = []

    def make_mirror(model: ServedModel, start: MirrorStart) -> Mirror:
        starts.append(start)
        return ToyMirror(model, start)

    with closing_both(log, store, changes):
        plain = {"description": pl.lit(""), "attributes": pl.lit("{}")}
        store.upsert_items(ToyShop().items.with_columns(**plain).select(list(ITEM_SCHEMA)))
        users = [*(f"known-{n % 60}" for n in range(KNOWN)), *(f"new-{n}" for n in range(LATER))]
        log.append(Interaction.to_frame([view(n, user) for n, user in enumerate(users)]))
        catch_up(log, store)
        releases = live_store(home.releases)
        publish(releases, ToyShop(), KNOWN)
        sources = LiveSources(log, store, changes)
        reading = read_mirror(releases.open_current(), sources, make_mirror, settings)

    (start,) = starts
    assert start.ledger is not None
    assert start.ledger.waiting is not None
    waiting = start.ledger.waiting.events.sequence
    assert len(waiting) > 500
    held = np.isin(start.sequence, waiting)
    assert held.sum() == len(waiting)
    assert not start.shop.weight[held].any()
    assert start.shop.weight[~held].all()
    assert reading.through == KNOWN + LATER
