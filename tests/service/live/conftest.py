"""A home with an updater."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from graph.frames import ITEM_SCHEMA
from service.home import Home
from service.releases.holder import ReleaseHolder
from service.settings import load_settings
from service.stores import closing_both, open_changes, open_log, open_store
from tests.service.live_home import FLAGS, SHOP, Live
from tests.service.live_toys import live_store


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    settings = load_settings(tmp_path / "home", FLAGS)
    home = Home(settings.home)
    home.create()
    log, store, changes = open_log(home), open_store(settings, home), open_changes(home)
    plain = {"description": pl.lit(""), "attributes": pl.lit("{}")}
    store.upsert_items(SHOP.items.with_columns(**plain).select(list(ITEM_SCHEMA)))
    releases = live_store(home.releases)
    holder = ReleaseHolder(releases, fresh=home.fresh, switch_seconds=20)
    running = Live(settings, log, store, changes, releases, holder)
    with closing_both(log, store, changes):
        yield running
        running.stop()
