"""What the updater knows of items."""

from pathlib import Path

import numpy as np
import polars as pl

from service.home import Home
from service.live.known_items import KnownItems
from service.nightly.refresh_result import RefreshResult
from service.releases.store import ReleaseStore
from service.shop_snapshot import brand_indices, take_snapshot
from service.stores import closing_both, open_store
from tests.service.conftest import trial_settings


def test_brands_keep_the_numbers_that_the_weights_know(served_home: tuple[Path, RefreshResult]) -> None:
    settings = trial_settings(served_home[0])
    home = Home(settings.home)
    release = ReleaseStore(home.releases).open_current()
    store = open_store(settings, home)
    with closing_both(store):
        snapshot = take_snapshot(store)
    by_name = brand_indices(release.items.table["brand"])
    assert by_name.max() > 0
    numbers = np.where(by_name < 0, -1, 100 - by_name)
    known = KnownItems(release.items, snapshot, numbers)
    np.testing.assert_array_equal(known.brand, numbers)
    assert known.brands_of(pl.Series(["a new brand", ""])).tolist() == [101, -1]
    np.testing.assert_array_equal(KnownItems(release.items, snapshot).brand, by_name)
