"""What the answers would be if some events had happened: folded in on the side, nothing kept."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from gnn.objective import Objective
from graph.errors import NotFound
from graph.event_type import RELATION_OF, RELATIONS, EventType
from graph.store import EdgeBlock, GraphStore
from index.live_index import LiveIndex
from index.vector_index import VectorIndex
from service.answering.answer import Answer, UnknownItem
from service.answering.shop_lookup import ShopLookup
from service.answering.similar_items import SimilarItemsService
from service.live.fresh_follower import TakesFreshRows
from service.live.fresh_record import HEAD_BYTES, FreshRecord, check_payload
from service.live.known_items import KnownItems
from service.live.mirror import Mirror
from service.live.question_line import NoAnswer, ask
from service.releases.holder import ReleaseHolder, Serving
from service.releases.store import ReleaseStore


@dataclass(frozen=True)
class BeforeAfter:
    """One item's neighbours as they are and as they would be."""

    before: Answer
    after: Answer


class WhatIf:
    """Asks the updater for the rows that some events would change, and answers with them on the side."""

    def __init__(self, holder: ReleaseHolder, releases: ReleaseStore, shop: ShopLookup, fresh: Path) -> None:
        """fresh: the home's folder of fresh rows."""
        self._holder = holder
        self._releases = releases
        self._shop = shop
        self._fresh = fresh

    def similar(
        self, item_id: str, events: Sequence[Mapping[str, Any]], k: int, objective: Objective
    ) -> BeforeAfter:
        """An item's neighbours before and after. Raises `UnknownItem`, `NoAnswer`, `NoRelease`."""
        serving = self._holder.serving()
        told = ask(self._fresh, {"events": [dict(event) for event in events]})
        if told[:1] == b"{":
            raise UnknownItem(str(json.loads(told)["detail"]))
        check_payload(told[:HEAD_BYTES], told[HEAD_BYTES:])
        record = FreshRecord.from_payload(told[HEAD_BYTES:])
        if record.release != serving.release.version:
            raise NoAnswer("the release is being switched; try again")
        before = SimilarItemsService(lambda: serving, self._shop)
        after = SimilarItemsService(lambda: self._changed(serving, record), self._shop)
        return BeforeAfter(before.similar(item_id, k, objective), after.similar(item_id, k, objective))

    def _changed(self, serving: Serving, record: FreshRecord) -> Serving:
        release = serving.release
        loaders = self._releases.loaders
        assert loaders.fresh_rows is not None
        assert loaders.build is not None
        assert isinstance(release.model, TakesFreshRows)
        rows = loaders.fresh_rows(record.arrays, record.config)
        model = release.model.with_fresh(rows)
        index = LiveIndex(cast("VectorIndex", release.index), loaders.build)
        changed = rows.vector_rows[rows.vector_rows < len(release.items)]
        if len(changed):
            index.upsert(changed, np.ascontiguousarray(model.item_vectors(changed)))
        return replace(serving, release=replace(release, model=model, index=index.view()))


def preview(
    asked: Mapping[str, Any],
    release: str,
    mirror: Mirror,
    known: KnownItems,
    store: GraphStore,
    weights: Mapping[EventType, float],
    through: int,
) -> bytes:
    """The updater's answer: a fresh record of the rows that would change, or, as JSON, what is unknown."""
    events = asked["events"]
    unknown = known.unknown([str(event["item_id"]) for event in events])
    if unknown:
        return json.dumps({"detail": f"no item {unknown[0]!r} in the served answers"}).encode()
    rows = mirror.preview(_edges(events, known, store, weights))
    arrays, config = rows.to_arrays()
    return FreshRecord(release, 0, through, False, arrays, config).to_bytes()


def _edges(
    events: Sequence[Mapping[str, Any]],
    known: KnownItems,
    store: GraphStore,
    weights: Mapping[EventType, float],
) -> EdgeBlock:
    users = _users([str(event["user_id"]) for event in events], store)
    types = [EventType(event["event_type"]) for event in events]
    count = len(events)
    return EdgeBlock(
        seq=np.arange(2**62, 2**62 + count, dtype=np.int64),  # numbers that no log gives out
        user=np.array([users[str(event["user_id"])] for event in events], np.int64),
        item=np.array([known.index_of(str(event["item_id"])) for event in events], np.int64),
        relation=np.array([RELATIONS.index(RELATION_OF[kind]) for kind in types], np.int8),
        at=np.array([int(event["at"]) for event in events], np.int64),
        weight=np.array([weights[kind] for kind in types], np.float32),
        rating=np.full(count, np.nan, np.float32),
    )


def _users(user_ids: Sequence[str], store: GraphStore) -> dict[str, int]:
    """Index of each user; those who are not known get numbers after the last."""
    found: dict[str, int] = {}
    following = len(store.node_keys("user").ids)
    for user_id in dict.fromkeys(user_ids):
        try:
            found[user_id] = store.user_index(user_id)
        except NotFound:
            found[user_id], following = following, following + 1
    return found
