"""One worker's copy of a release, brought up to date record by record."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from service.live.fresh_follower import FreshFollower
from service.live.fresh_record import FreshRecord, no_items
from service.live.fresh_segments import SegmentWriter
from tests.service.live_toys import LIVE_LOADERS, ToyRows, live_store
from tests.service.release_toys import ToyShop, publish


def test_a_record_that_could_not_be_applied_is_applied_the_next_time(tmp_path: Path) -> None:
    releases = live_store(tmp_path / "releases")
    version = publish(releases, ToyShop())
    failures = 0

    def record(number: int, row: int) -> FreshRecord:
        arrays, config = ToyRows(np.array([row]), np.full((1, 8), number, np.float32), 40).to_arrays()
        lineage = "one" if number == 1 else ""
        return FreshRecord(version, number, 10 * number, number == 1, arrays, config, no_items(), lineage)

    def fresh_rows(arrays: Mapping[str, npt.NDArray[Any]], config: Mapping[str, Any]) -> ToyRows:
        nonlocal failures
        if failures:
            failures -= 1
            raise MemoryError("no room for a moment")
        return ToyRows.from_arrays(arrays, config)

    writer = SegmentWriter(tmp_path / "fresh", version)
    writer.begin(record(1, 11))
    follower = FreshFollower(
        releases.open_current(), tmp_path / "fresh", replace(LIVE_LOADERS, fresh_rows=fresh_rows)
    )
    assert follower.poll() is not None
    writer.append(record(2, 12))
    failures = 1
    with pytest.raises(MemoryError):
        follower.poll()
    writer.append(record(3, 13))
    state = follower.poll()
    assert state is not None
    assert state.events_through == 30
    vectors = state.release.model.item_vectors(np.array([11, 12, 13]))
    assert vectors[:, 0].tolist() == [1, 2, 3]
    assert follower.poll() is None
