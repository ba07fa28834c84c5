"""A whole application over a toy release, a real event log and a real (in-memory) graph store."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from fastapi.testclient import TestClient

from gnn.shop_arrays import FloatArray
from graph.event_type import EventType
from graph.frames import ITEM_SCHEMA
from graph.group_commit import GroupCommitWriter
from graph.interaction import Interaction
from graph.item import Item
from graph.memory_store import MemoryGraphStore
from graph.sqlite_log import SqliteLog
from graph.store import GraphStore
from service.answering.catalogue import Catalogue
from service.answering.explanation import Explainer
from service.answering.last_known import LastKnownShop
from service.answering.rule_book import RuleBook
from service.answering.similar_items import SimilarItemsService
from service.answering.user_profile import Profiles
from service.api import ApiDeps, create_app
from service.catch_up import catch_up
from service.change_log import ChangeKind, ChangeLog
from service.releases.holder import ReleaseHolder
from service.releases.store import ReleaseStore
from service.status import for_callers, status_of
from service.store_standing import StoreStanding
from service.text_vectors import TextModelUnavailable, TextVectors
from service.user_data import UserData
from tests.service.release_toys import ToyShop, publish, toy_store

SHOP = ToyShop(n=60, dead=(20,))


@dataclass
class Api:
    """One application and what stands behind it."""

    client: TestClient
    deps: ApiDeps
    log: SqliteLog
    store: GraphStore
    releases: ReleaseStore

    def get(self, path: str, status: int = 200, **kwargs: Any) -> dict[str, Any]:
        """The JSON of an answer that must have this status."""
        answer = self.client.get(path, **kwargs)
        assert answer.status_code == status, answer.text
        body: dict[str, Any] = answer.json()
        return body


class ToyTexts:
    """`TextVectors` for which a text that ends in a number n means the same as item n of the toy shop."""

    def of_query(self, text: str, fingerprint: str) -> FloatArray:
        if fingerprint != "hashing-8":
            raise TextModelUnavailable("made with another text model")
        vector: FloatArray = SHOP.vectors[int(text.split()[-1])]
        return vector

    of_item = of_query


class AnyTexts(ToyTexts):
    """Any text means some item."""

    def of_query(self, text: str, fingerprint: str) -> FloatArray:
        return super().of_query(str(12 + len(text) % 40), fingerprint)

    of_item = of_query


def seeded_store(log: SqliteLog, store: GraphStore | None = None) -> GraphStore:
    """Anna bought items 30 and 31; the store knows one item that no release does."""
    store = store or MemoryGraphStore()
    live = SHOP.items.filter("alive").with_columns(description=pl.lit(""), attributes=pl.lit("{}"))
    store.upsert_items(live.select(list(ITEM_SCHEMA)))
    store.upsert_items(Item.to_frame([Item(item_id="newcomer", categories=("A > Even",))]))
    bought = [
        Interaction(f"e{row}", "anna/b", f"item-{row}", EventType.PURCHASE, 1_700_000_000_000_000 + row)
        for row in (30, 31)
    ]
    log.append(Interaction.to_frame(bought))
    catch_up(log, store)
    return store


@contextmanager
def running_api(
    folder: Path,
    *,
    published: bool = True,
    texts: TextVectors | None = None,
    graph: GraphStore | None = None,
    **changes: Any,
) -> Iterator[Api]:
    """graph: where the shop's graph lives; None: in memory. changes: fields of `ApiDeps` to replace."""
    releases = toy_store(folder / "releases")
    if published:
        publish(releases, SHOP, 2)
    log = SqliteLog(folder / "events.db")
    store = seeded_store(log, graph)
    holder = ReleaseHolder(releases, poll_seconds=0.02)
    rules, noted = RuleBook(folder / "rules.db"), ChangeLog(folder / "changes.db")
    shop = LastKnownShop(store, lambda: holder.serving().release.items, noted.deleted, retry_seconds=0.02)
    standing = StoreStanding(store, shop.asking, "memory")
    writer = GroupCommitWriter(log)

    def close() -> None:
        writer.close()
        log.close()

    deps = ApiDeps(
        releases=releases,
        holder=holder,
        answers=SimilarItemsService(holder.serving, shop, texts, rules),
        rules=rules,
        events=writer,
        catalogue=Catalogue(
            store,
            arrived=lambda items: noted.note(ChangeKind.PUT, [one.item_id for one in items]),
            gone=lambda item_id: noted.note(ChangeKind.DELETED, [item_id]),
            reached=shop.reached,
        ),
        users=UserData(log, store),
        explainer=Explainer(holder.serving, store),
        profiles=Profiles(holder.serving, store),
        last_sequence=log.last_seq,
        status=lambda: for_callers(status_of(log, standing.look, releases, folder / "live")),
        close=close,
    )
    deps = replace(deps, **changes)
    with TestClient(create_app(deps)) as client:
        yield Api(client, deps, log, store, releases)
    for thing in (shop, rules, noted):
        thing.close()


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with running_api(tmp_path) as running:
        yield running


@pytest.fixture
def make_api(tmp_path: Path) -> Callable[..., Any]:
    """Make an application with other dependencies: `with make_api(keys=...) as api:`."""
    return lambda **changes: running_api(tmp_path, **changes)
