"""What an accepted edge costs until its rows are ready: fold-in, full recomputation, what-if, following.

Baseline of the same run: computing all signals anew from the events, pairs counted from scratch.
"""

import argparse
import gc
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console

from benchmarks.measurement import HEADER, Timing, machine, row, timed
from gnn.fitted_ilk import FittedIlk
from gnn.fresh_rows import FreshRows
from gnn.histories import group_by_user
from gnn.ilk_config import IlkConfig
from gnn.item_signals import item_signals
from gnn.live import InfluenceCaps, LiveConfig, LiveEvents, LiveSignals
from gnn.shop_arrays import ShopArrays
from gnn.text_space import build_text_space
from gnn.trained_weights import TextTower, TrainedWeights
from service.evaluating.evaluation import EvaluateRequest, read_shop
from service.reporter import Reporter
from service.settings import load_settings

UNCAPPED = LiveConfig(caps=InfluenceCaps(user_item=0, user=0, new_users_item=0, crowd_factor=0))
DIM = 64
Clock = Callable[[], float]


def made_up_shop(events: int, items: int, users: int, text_width: int, seed: int = 0) -> ShopArrays:
    """Events with the long tail of real shops: items by 1 / rank^0.8, histories of log-normal length."""
    rng = np.random.default_rng(seed)
    taste = rng.lognormal(0.0, 1.0, users)
    user = rng.choice(users, events, p=taste / taste.sum())
    rate = 1.0 / (np.arange(items) + 10.0) ** 0.8
    item = rng.choice(items, events, p=rate / rate.sum())
    text = rng.normal(size=(items, text_width)).astype(np.float32) if text_width else None
    return ShopArrays(
        n_users=users,
        n_items=items,
        user=user,
        item=item,
        at=np.arange(events, dtype=np.int64) * 1_000_000,
        weight=np.ones(events, np.float32),
        relation=np.zeros(events, np.int8),
        text=text,
    )


def release_of(shop: ShopArrays, clock: Clock, seed: int = 0) -> tuple[FittedIlk, float]:
    """(a model with weights as they are drawn, for no timing depends on them; seconds of its signals)."""
    rng, config = np.random.default_rng(seed), IlkConfig()
    text = build_text_space(shop.text, shop.n_items, config.text)
    tower = None
    if text is not None:
        sizes = ((2 * DIM, config.embedding.text_dims), (2 * DIM,), (DIM, 2 * DIM), (DIM,))
        width = min(config.embedding.text_dims, text.vectors.shape[1])
        sizes = ((2 * DIM, width), *sizes[1:])
        tower = TextTower(*(rng.normal(size=size).astype(np.float32) * 0.1 for size in sizes))
    weights = TrainedWeights(rng.normal(size=(shop.n_items, DIM)).astype(np.float32) * 0.05, tower)
    begin = clock()
    signals = item_signals(config, shop, group_by_user(shop), text, weights)
    seconds = clock() - begin
    return FittedIlk(signals, config.mixes, config.user_mix, config, weights), seconds


def batches(shop: ShopArrays, size: int, seed: int) -> Callable[[int], LiveEvents]:
    """Makes batches of events like the shop's own: users and items as often as they occur in it."""
    rng = np.random.default_rng(seed)
    clock = int(shop.at[-1])

    def make(turn: int) -> LiveEvents:
        picked = rng.integers(0, shop.n_events, (2, size))
        return LiveEvents(
            user=shop.user[picked[0]],
            item=shop.item[picked[1]],
            at=clock + 1 + turn * size + np.arange(size),
            weight=np.ones(size, np.float32),
            relation=np.zeros(size, np.int8),
            sequence=turn * size + np.arange(size),
        )

    return make


def real_shop(path: Path) -> ShopArrays:
    """All events of a shop's files, its texts hashed: no timing depends on what they say."""
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(Path(folder), {"encoder": {"model": "hashing:64"}})
        data = read_shop(EvaluateRequest(path), settings, Reporter(Console(quiet=True)))
    return data.visible(0, data.shop.n_events)


def measure(name: str, shop: ShopArrays, repeats: int, clock: Clock, *, brief: bool = False) -> None:
    """All figures of one shop; brief: of the fold-in alone."""
    print(f"\n{name}: {shop.n_events:,} events, {shop.n_users:,} users, {shop.n_items:,} items")
    model, from_scratch = release_of(shop, clock)
    baseline = Timing(from_scratch, from_scratch)
    before = resident_bytes()
    begin = clock()
    live = LiveSignals(model, replace(shop, text=None), UNCAPPED)
    opened = clock() - begin
    per_event = (resident_bytes() - before) / shop.n_events
    print(f"opening the mirror: {opened:.1f} s, {per_event:.0f} bytes an event beside the model")
    gc.collect()
    print(HEADER)
    print(row("all signals from scratch", baseline, baseline))
    one, hundred = batches(shop, 1, 1), batches(shop, 100, 2)
    rows: list[FreshRows] = []
    print(
        row(
            "fold-in of 1 edge",
            timed(lambda turn: rows.append(live.fold_in(one(turn))), repeats, clock),
            baseline,
        )
    )
    follower = model
    followed = []
    for fresh in rows[:50]:
        begin = clock()
        follower = follower.with_fresh(fresh)
        followed.append(clock() - begin)
    print(row("with_fresh of 1 edge's rows", Timing.of(followed), baseline))
    some = max(10, repeats // 5)
    print(row("fold-in of 100 edges", timed(lambda turn: live.fold_in(hundred(turn)), some, clock), baseline))
    if brief:
        return
    print(row("what-if of 1 edge", timed(lambda turn: live.preview(one(turn)), some, clock), baseline))
    dense = timed(lambda _: (live.fold_in(hundred(0)), live.propagate(lists=False)), 3, clock)
    print(row("100 edges, all but the lists", dense, baseline))
    moved: list[FreshRows] = []
    full = timed(lambda _: moved.append(live.propagate()), 1, clock)
    print(row("full recomputation", full, baseline, f"first publishes {len(moved[0].rows):,} rows"))


def resident_bytes() -> int:
    """Largest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, nargs="+", default=[130_000, 1_000_000])
    parser.add_argument("--shop", type=Path, help="a shop's folder or file instead of made-up ones")
    parser.add_argument("--brief", action="store_true", help="nothing but the fold-in")
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--cpu", action="store_true", help="processor time: for a machine that is shared")
    arguments = parser.parse_args()
    clock: Clock = time.process_time if arguments.cpu else time.perf_counter
    print(machine(), "; processor time" if arguments.cpu else "; wall time")
    if arguments.shop:
        shop = real_shop(arguments.shop)
        measure(arguments.shop.name, shop, arguments.repeats, clock, brief=arguments.brief)
        return
    for events in arguments.events:
        items, users = max(events // 25, 500), max(events // 30, 500)
        width = 384 if events < 500_000 else 64  # the text search of the release is not what is timed
        shop = made_up_shop(events, items, users, width)
        measure("made-up shop", shop, arguments.repeats, clock, brief=arguments.brief)


if __name__ == "__main__":
    main()
