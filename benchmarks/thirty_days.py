"""Thirty nights of one shop: events are replayed, one refresh a day; is the new release worth it?

The shop's events are put in order of time; the first 60 % are there at the beginning, the rest comes in
thirty days of equally many events. Every evening `ilk refresh` runs. The next day's events, which neither
release has seen, then judge the new release beside the one that it replaced: NDCG@10 of `next`. Beside it the
gate's verdict and how many served neighbours stayed.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
from rich.console import Console

from benchmarks.measurement import machine
from gnn.evaluation.metrics import single_ndcg_at_k
from gnn.fitted_ilk import FittedIlk
from gnn.histories import group_by_user, next_pairs
from gnn.objective import Objective
from gnn.shop_arrays import IntArray
from service.catch_up import catch_up
from service.demo.sample_shop import SampleShop
from service.home import Home
from service.intake.load import load
from service.nightly.refresh import refresh
from service.releases.store import ReleaseStore
from service.reporter import Reporter
from service.reporting.report import build_report
from service.settings import Settings, load_settings
from service.shop_snapshot import take_snapshot
from service.stores import closing_both, open_log, open_store

BASE = 0.6
DAYS = 30


def whole_shop(path: Path, mapping: str | None, folder: Path) -> pl.DataFrame:
    """Load everything once into a home of its own; its events in order of time, its items as a file."""
    settings = load_settings(folder / "all")
    load(path, settings, mapping=None if mapping is None else Path(mapping))
    home = Home(settings.home)
    log, store = open_log(home), open_store(settings, home)
    with closing_both(log, store):
        (folder / "items").mkdir()
        items = store.items().rename({"categories": "category"})
        items.select("item_id", "title", "description", "brand", "category").write_ndjson(
            folder / "items" / "items.jsonl"
        )
        events = pl.concat(list(log.batches(0))).drop("seq")
    return events.sort("at", "user_id", "item_id", maintain_order=True)


def add(settings: Settings, events: pl.DataFrame) -> None:
    """The events arrive."""
    home = Home(settings.home)
    log, store = open_log(home), open_store(settings, home)
    with closing_both(log, store):
        log.append(events)
        catch_up(log, store)


def pairs_of_the_day(settings: Settings, since: int) -> tuple[IntArray, IntArray]:
    """(query, target) of the events after sequence number `since`."""
    home = Home(settings.home)
    store = open_store(settings, home)
    with closing_both(store):
        snapshot = take_snapshot(store)
    query, target, position = next_pairs(group_by_user(snapshot.arrays(None)))
    late = snapshot.edges.seq[position] > since
    return query[late], target[late]


def ndcg(settings: Settings, version: str, query: IntArray, target: IntArray) -> float:
    """Mean NDCG@10 of `next` over the whole catalogue; ties count half."""
    model = ReleaseStore(Home(settings.home).releases).open(version).model
    assert isinstance(model, FittedIlk)
    if not len(query):
        return float("nan")
    scores = model.score_similar(query, Objective.NEXT)
    scores[np.arange(len(query)), query] = -np.inf
    own = scores[np.arange(len(query)), target][:, None]
    rank = (scores > own).sum(axis=1) + ((scores == own).sum(axis=1) - 1) / 2
    return float(single_ndcg_at_k(rank, 10).mean())


def replay(settings: Settings, events: pl.DataFrame, items: Path, days: int) -> None:
    """Print one line a day and the means."""
    base = int(len(events) * BASE)
    edges = np.linspace(base, len(events), DAYS + 2).astype(int)
    load(items, settings)
    add(settings, events[:base])
    before = refresh(settings, Reporter(Console(quiet=True))).release
    print(
        f"{'day':>3} {'events':>8} {'gate':>9} {'lift':>6} {'stayed':>7} {'pairs':>6} {'old':>7} {'new':>7}"
    )
    rows = []
    for day in range(days):
        add(settings, events[int(edges[day]) : int(edges[day + 1])])
        result = refresh(settings, Reporter(Console(quiet=True)))
        made = ReleaseStore(Home(settings.home).releases).versions()[0]
        report = build_report(Home(settings.home), made)
        home = Home(settings.home)
        log = open_log(home)
        with closing_both(log):
            since = log.last_seq()
        add(settings, events[int(edges[day + 1]) : int(edges[day + 2])])
        pairs = pairs_of_the_day(settings, since)
        assert before is not None
        old, new = (ndcg(settings, version, *pairs) for version in (before, made))
        rows.append((old, new, len(pairs[0])))
        stayed = report["neighbours"]["overlap"]
        verdict = "published" if result.published else "rejected"
        lift = report["gate"].get("lift", float("nan"))
        print(
            f"{day + 1:>3} {since:>8,} {verdict:>9} {lift:>6.2f} {stayed:>7.1%} {len(pairs[0]):>6} "
            f"{old:>7.4f} {new:>7.4f}",
            flush=True,
        )
        before = result.release
    found = np.array(rows)
    weight = found[:, 2] / found[:, 2].sum()
    old, new = (float((found[:, column] * weight).sum()) for column in (0, 1))
    print(f"mean over {int(found[:, 2].sum()):,} pairs: old {old:.4f}, new {new:.4f} ({new / old - 1:+.1%})")


def main() -> None:
    """Replay and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path, nargs="?", help="a shop's files; default: a made-up shop")
    parser.add_argument("--mapping", help="as in `ilk load`")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--days", type=int, default=DAYS, help="how many of the thirty")
    parser.add_argument("--encoder", default="hashing:128")
    given = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = given.path or folder / "made-up"
        if given.path is None:
            SampleShop(users=400, variants=3).write(path)
        events = whole_shop(path, given.mapping, folder)
        settings = load_settings(
            folder / "home",
            {
                "encoder": {"model": given.encoder},
                "model": {"options": {"training": {"max_epochs": given.epochs}}},
                "report": {"audit_items": 200},
            },
        )
        replay(settings, events, folder / "items", given.days)


if __name__ == "__main__":
    main()
