"""Memory of a fit: bytes an event and an item, beside what steps and examples of any shop take."""

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from gnn.co_engagement import CoEngagementConfig, pair_counts
from gnn.histories import group_by_user
from gnn.shop_arrays import ShopArrays

EVENTS, ITEMS = 400_000, 2_000
PER_EVENT, PER_ITEM, WHATEVER_THE_SHOP = 200, 20_000, 60 * 2**20
"""Bytes. The last is small here, as are batch and examples: blocks that are worked on together, and what the
C library keeps."""


def shop_of(events: int, items: int) -> ShopArrays:
    """Histories of 100 events, four fifths of them within one of 20 groups of items."""
    rng = np.random.default_rng(0)
    user = rng.permutation(np.arange(events) // 100)
    group, width = user % 20, items // 20
    item = np.where(
        rng.random(events) < 0.8,
        group * width + rng.integers(0, width, events),
        rng.integers(0, items, events),
    )
    return ShopArrays(
        n_users=-(-events // 100),
        n_items=items,
        user=user,
        item=item,
        at=np.arange(events) * 10**6,
        weight=np.ones(events, np.float32),
        relation=np.zeros(events, np.int8),
    )


def test_pairs_of_events_are_counted_in_little_more_than_the_result() -> None:
    histories = group_by_user(shop_of(EVENTS, ITEMS))
    pair_counts(group_by_user(shop_of(1_000, 100)), CoEngagementConfig())  # what is made once is made
    tracemalloc.start()
    try:
        counts = pair_counts(histories, CoEngagementConfig())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    pairs = EVENTS // 100 * sum(100 - gap for gap in range(1, 31))
    result = counts.data.nbytes + counts.indices.nbytes
    one_way = result  # at most; both blocks of pairs and of sums are below 64 MiB
    assert 12 * pairs > 120e6
    assert peak < result + one_way + 64 * 2**20 < 12 * pairs


PROGRAM = """
import sys
from dataclasses import replace
import numpy as np
from gnn import IlkConfig
from gnn.fitting import fit_with
from gnn.freed_memory import give_back_freed_memory
from tests.gnn.test_fit_memory import EVENTS, ITEMS, shop_of

def told(name):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(name)) * 1024

config = IlkConfig()
config = replace(
    config,
    embedding=replace(config.embedding, dim=16),
    training=replace(config.training, min_epochs=1, max_epochs=1, negatives=64),
    mix=replace(config.mix, max_cells=2_000_000),
    together_learning=replace(config.together_learning, max_cells=2_000_000),
    user_lists=replace(config.user_lists, users=200),
    trend_share=replace(config.trend_share, max_cells=2_000_000),
    co_engaged_share=replace(config.co_engaged_share, max_cells=2_000_000),
    popularity_share=replace(config.popularity_share, max_cells=2_000_000),
    relation_learning=replace(config.relation_learning, max_cells=2_000_000, min_pairs=300),
)
fit_with(config, shop_of(2_000, 100), 0)
shop = shop_of(EVENTS, ITEMS)
give_back_freed_memory(cycles=True)
start = told("VmRSS")
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
peaks, at = {}, "before"
def progress(stage, done, total):
    global at
    peaks[at] = max(peaks.get(at, 0), told("VmHWM") - start)
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    at = stage
fit_with(config, shop, 0, progress)
peaks[at] = max(peaks.get(at, 0), told("VmHWM") - start)
for stage, peak in peaks.items():
    print(stage.replace(" ", "_"), peak)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_fit_stays_within_its_bytes_an_event_and_an_item() -> None:
    told = subprocess.run(
        [sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True, timeout=300
    )
    peaks = {stage: int(peak) for stage, peak in (line.split() for line in told.stdout.splitlines())}
    assert {"embeddings", "paths", "mix", "final_embeddings", "final_paths"} <= peaks.keys()
    most = PER_EVENT * EVENTS + PER_ITEM * ITEMS + WHATEVER_THE_SHOP
    assert max(peaks.values()) < most, peaks
