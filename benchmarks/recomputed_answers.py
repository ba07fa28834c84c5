"""Are the neighbours that a server gives those of its release's weights over every event of its store?"""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import httpx

from gnn.objective import Objective
from index import build_index
from service.answering.similar_items import SimilarItemsService
from service.home import Home
from service.live.live_sources import LiveSources
from service.live.mirror import MirrorStart
from service.live.mirror_reading import read_mirror
from service.live.model import IlkMirror, make_mirror
from service.releases.holder import Serving
from service.releases.release import Release
from service.releases.store import ReleaseStore
from service.settings import load_settings
from service.shop_snapshot import take_snapshot
from service.stores import closing_both, open_changes, open_log, open_store

CHECKED_ITEMS = 50


def against_recomputation(home: Home, address: str, items: Sequence[str]) -> list[str]:
    """Served neighbours against those of signals computed anew from the store, with the release's weights."""
    settings = load_settings(home.root)
    chosen = random.Random(3).sample(list(items), min(CHECKED_ITEMS, len(items)))
    version, told = _served_by_one_release(address, chosen)
    release = ReleaseStore(home.releases).open(version)
    make = make_mirror(settings)
    assert make is not None
    log, store, changes = open_log(home), open_store(settings, home), open_changes(home)
    with closing_both(log, store, changes):
        reading = read_mirror(release, LiveSources(log, store, changes), make, settings)
        snapshot = take_snapshot(store)
    damped = {name: count for name, count in reading.mirror.figures().items() if name.startswith("damped")}
    uncapped = make(release.model, MirrorStart(snapshot.arrays(None), snapshot.edges.seq))
    lines = [
        f"5 s after the stream, {len(chosen)} items of {version} against full recomputation; damped: {damped}"
    ]
    for name, mirror in (("less damped events", reading.mirror), ("with damped events", uncapped)):
        assert isinstance(mirror, IlkMirror)
        mirror.propagate()
        service = _serving(release, mirror)
        same = scores = 0.0
        for item, served in told.items():
            wanted = {row.item_id: row.score for row in service.similar(item, 10, Objective.NEXT).results}
            common = served.keys() & wanted.keys()
            same += len(common) / max(len(wanted), 1)
            scores = max([scores, *(abs(served[one] - wanted[one]) for one in common)])
        lines.append(
            f"  {name}: {same / len(told):.1%} of its neighbours, scores differ by up to {scores:.4f}"
        )
    return lines


def _served_by_one_release(address: str, items: Sequence[str]) -> tuple[str, dict[str, dict[str, float]]]:
    """Neighbours for `next` with their scores, asked again from the start where another release took over."""
    while True:
        answers = {item: _answer(address, item) for item in items}
        if len(versions := {answer["model_version"] for answer in answers.values()}) == 1:
            return versions.pop(), {
                item: {row["item_id"]: row["score"] for row in answer["results"]}
                for item, answer in answers.items()
            }


def _answer(address: str, item: str) -> dict[str, Any]:
    answer = httpx.get(f"{address}/v1/items/{item}/similar", params={"objective": "next"}, timeout=30)
    return dict(answer.raise_for_status().json())


def _serving(release: Release, mirror: IlkMirror) -> SimilarItemsService:
    model = mirror.live.model
    anew = Serving(replace(release, model=model, index=build_index("auto", model.item_vectors())), 0.0)
    return SimilarItemsService(lambda: anew)
