"""Thirty nights of one shop: events are replayed, one increment and one refresh a day; what are they worth?

The shop's events are put in order of time; the first 60 % are there at the beginning, the rest comes in
thirty days of equally many events. Every evening the day's events make an increment, then `ilk refresh` runs.
The next day's events, which no release has seen, judge all three: the release that served in the morning, the
increment, the night's release. NDCG@10 of `next`; beside it the gate's verdict, whether the night's release
is surely worse than the tolerance lets it be, and the drift as the report counts it: the share of the ten
`related` neighbours that increment and full model do not share, of all items asked, the rarest and the most
popular fifth and the three largest categories; then the same, of all items asked, between the release that
served in the morning and the night's (two full models a day apart), and between the former and the increment.
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
from gnn.shop_arrays import FloatArray, IntArray
from service.catch_up import catch_up
from service.demo.sample_shop import SampleShop
from service.home import Home
from service.increments.increment import run_increment
from service.intake.load import load
from service.nightly.refresh import refresh
from service.releases.store import ReleaseStore
from service.reporter import Reporter
from service.reporting.neighbour_audit import audit_neighbours
from service.settings import Settings, load_settings
from service.shop_snapshot import take_snapshot
from service.stores import closing_both, open_log, open_store

BASE = 0.6
DAYS = 30
ASKED = 300
"""Items whose neighbours are compared."""
FIFTHS = ("rarest fifth", "most popular fifth")


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


def opened(settings: Settings, version: str) -> FittedIlk:
    """The model of a release."""
    model = ReleaseStore(Home(settings.home).releases).open(version).model
    assert isinstance(model, FittedIlk)
    return model


def ndcg(model: FittedIlk, query: IntArray, target: IntArray) -> FloatArray:
    """NDCG@10 of `next` over the whole catalogue, of each pair, (p,); ties count half."""
    if not len(query):
        return np.zeros(0, np.float32)
    scores = model.score_similar(query, Objective.NEXT)
    scores[np.arange(len(query)), query] = -np.inf
    own = scores[np.arange(len(query)), target][:, None]
    rank = (scores > own).sum(axis=1) + ((scores == own).sum(axis=1) - 1) / 2
    return single_ndcg_at_k(rank, 10).astype(np.float32)


def drift(settings: Settings, new: str, day: str) -> dict[str, float]:
    """1 - overlap@10 of two releases' `related` neighbours by the name of the group; "all": of all items."""
    home = Home(settings.home)
    releases, store = ReleaseStore(home.releases), open_store(settings, home)
    with closing_both(store):
        snapshot = take_snapshot(store)
    counts = np.bincount(snapshot.edges.item, minlength=snapshot.items.height)
    audit = audit_neighbours(releases.open(new), releases.open(day), counts, ASKED)
    groups = [*audit.by_popularity, *audit.by_category[:3]]
    return {"all": 1 - audit.overlap} | {group.name: 1 - group.overlap for group in groups}


def turnover(settings: Settings, before: str, increment: str, made: str) -> str:
    """Drift between the release of the morning and that of the night, and what the increment was of it."""
    nights, day = drift(settings, made, before)["all"], drift(settings, increment, before)["all"]
    return f"nights {nights:.1%}, increment {day:.1%}"


def drift_line(found: dict[str, float]) -> str:
    """Popularity and category in one cell each."""
    fifths = "  ".join(f"{found.get(name, float('nan')):>5.1%}" for name in FIFTHS)
    others = [name for name in found if name not in (*FIFTHS, "all", "no events", "2nd", "3rd", "4th")]
    named = ", ".join(f"{name} {found[name]:.1%}" for name in others)
    return f"{found['all']:>5.1%}  {fifths}  {named}"


def judged(old: FloatArray, new: FloatArray, tolerance: float) -> str:
    """Whether the mean of `new` is surely (95 %) below the tolerated share of that of `old`, surely not, or
    not told; of the same pairs."""
    beyond = new - (1 - tolerance) * old
    sure = 1.96 * float(beyond.std(ddof=1)) / np.sqrt(len(beyond))
    if beyond.mean() + sure < 0:
        return "worse"
    return "fine" if beyond.mean() - sure >= 0 else "not told"


def incremented(settings: Settings) -> str:
    """The version that the day's increment made, published or not."""
    run_increment(settings, Reporter(Console(quiet=True)))
    return ReleaseStore(Home(settings.home).releases).versions()[0]


def replay(settings: Settings, events: pl.DataFrame, items: Path, days: int) -> None:
    """Print one line a day and the means."""
    base = int(len(events) * BASE)
    edges = np.linspace(base, len(events), DAYS + 2).astype(int)
    load(items, settings)
    add(settings, events[:base])
    before = refresh(settings, Reporter(Console(quiet=True))).release
    print("day  events   gate                    pairs  old     increment  new     beyond?   drift")
    found: list[tuple[FloatArray, ...]] = []
    for day in range(days):
        add(settings, events[int(edges[day]) : int(edges[day + 1])])
        increment = incremented(settings)
        result = refresh(settings, Reporter(Console(quiet=True)))
        made = ReleaseStore(Home(settings.home).releases).versions()[0]
        log = open_log(Home(settings.home))
        with closing_both(log):
            since = log.last_seq()
        add(settings, events[int(edges[day + 1]) : int(edges[day + 2])])
        pairs = pairs_of_the_day(settings, since)
        assert before is not None
        models = [opened(settings, version) for version in (before, increment, made)]
        values = tuple(ndcg(model, *pairs) for model in models)
        found.append(values)
        old, middle, new = (float(one.mean()) for one in values)
        print(
            f"{day + 1:>3} {since:>8,}  {'published' if result.published else 'rejected':<9} "
            f"{result.metrics['gate']['outcome']:<12} "
            f"{len(pairs[0]):>6}  "
            f"{old:.4f}  {middle:.4f}     {new:.4f}  "
            f"{judged(values[0], values[2], settings.gate.max_drop):<8}  "
            f"{drift_line(drift(settings, made, increment))}  {turnover(settings, before, increment, made)}",
            flush=True,
        )
        before = result.release
    all_old, all_middle, all_new = (np.concatenate(part) for part in zip(*found, strict=True))
    means = [float(one.mean()) for one in (all_old, all_middle, all_new)]
    print(
        f"over {len(all_old):,} pairs: old {means[0]:.4f}, increment {means[1]:.4f}, new {means[2]:.4f}; "
        f"new against old {means[2] / means[0] - 1:+.1%}: {judged(all_old, all_new, 0.0)}"
    )


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
