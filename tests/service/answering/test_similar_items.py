"""Answers from a release, against brute force over the toy's vectors."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gnn.objective import Objective
from service.answering.shop_lookup import FoundItems, live_item
from service.answering.similar_items import Answer, Fallback, SimilarItemsService, UnknownItem, UnknownUser
from service.errors import CallerMistake
from service.releases.errors import NoRelease
from service.releases.holder import ReleaseHolder
from tests.service.release_toys import ToyShop, publish, toy_store

DEAD = (3, 17, 30)
SHOP = ToyShop(n=400, dead=DEAD)

TABLE = {row["item_id"]: row for row in SHOP.items.iter_rows(named=True) if row["alive"]}
BLANK: dict[str, Any] = {
    "title": "",
    "brand": "",
    "price": None,
    "currency": "",
    "availability": "",
    "image_url": "",
}


@dataclass
class ToyLookup:
    """A `ShopLookup` over the toy's table, changes of it, and histories."""

    categories: dict[str, str] = field(default_factory=dict)
    """Of items that no release knows."""
    histories: dict[str, list[str]] = field(default_factory=dict)
    changed: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    """Fields that differ from the release; None: deleted."""

    def items(self, item_ids: Sequence[str]) -> FoundItems:
        found = {}
        for item_id in item_ids:
            row = TABLE.get(item_id)
            if item_id in self.categories:
                row = {**BLANK, "categories": [self.categories[item_id]] if self.categories[item_id] else []}
            change = self.changed.get(item_id, {})
            if row is not None and change is not None:
                row = {**row, "description": "", **change}
                found[item_id] = live_item(row)
        return FoundItems(found)

    def history_of(self, user_id: str, limit: int) -> list[str] | None:
        history = self.histories.get(user_id)
        return None if history is None else history[:limit]


LOOKUP = ToyLookup(
    categories={"newcomer": "A > Even", "lonely": "B", "bare": ""},
    histories={"anna": ["item-20", "item-21"], "blank": [], "future": ["newcomer"]},
)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> SimilarItemsService:
    store = toy_store(tmp_path_factory.mktemp("shop") / "releases")
    publish(store, SHOP, 77)
    holder = ReleaseHolder(store)
    holder.poll()
    return SimilarItemsService(holder.serving, LOOKUP)


def ids_of(answer: Answer) -> list[str]:
    return [item.item_id for item in answer.results]


def nearest(row: int, k: int, sign: float = 1.0) -> list[str]:
    scores = sign * (SHOP.vectors @ SHOP.vectors[row])
    order = [int(r) for r in np.argsort(-scores, kind="stable") if r != row and r not in DEAD]
    return [SHOP.ids[r] for r in order[:k]]


@pytest.mark.parametrize("row", [0, 1, 11, 399])
@pytest.mark.parametrize("k", [1, 10, 100])
def test_neighbours_are_the_nearest_living_ones(service: SimilarItemsService, row: int, k: int) -> None:
    answer = service.similar(SHOP.ids[row], k)
    assert ids_of(answer) == nearest(row, k)
    scores = [item.score for item in answer.results]
    assert scores == sorted(scores, reverse=True)


def test_the_objective_decides(service: SimilarItemsService) -> None:
    assert ids_of(service.similar("plain", 10, Objective.NEXT)) == nearest(0, 10, -1.0)


def test_the_answer_says_how_fresh_it_is_and_what_it_rests_on(service: SimilarItemsService) -> None:
    answer = service.similar("plain", 5)
    assert answer.events_through == 77
    assert answer.model_version == answer.index_version
    assert answer.model_version.startswith("r000001-")
    assert answer.fallback is None
    assert answer.release_fallback is None
    assert {item.source for item in answer.results} <= {"graph", "text"}
    card = answer.results[0].card
    row = SHOP.ids.index(answer.results[0].item_id)
    assert card["title"] == f"Title <b>{row}</b>"
    assert card["price"] == (None if row % 3 == 0 else float(row))
    assert set(card) == {
        "title",
        "brand",
        "categories",
        "price",
        "currency",
        "availability",
        "image_url",
    }


@pytest.mark.parametrize("k", [300, 396, 397, 1000])
def test_k_results_when_k_exist(service: SimilarItemsService, k: int) -> None:
    answer = service.similar("plain", k)
    assert len(answer.results) == min(k, SHOP.n - len(DEAD) - 1)
    assert ids_of(answer) == nearest(0, k)
    recommended = service.recommend("anna", k)
    assert len(recommended.results) == min(k, SHOP.n - len(DEAD) - 2)


@pytest.mark.parametrize("k", [0, -1, 1001, 10**9])
def test_a_senseless_k_is_the_callers_mistake(service: SimilarItemsService, k: int) -> None:
    with pytest.raises(CallerMistake, match="between 1 and 1000"):
        service.similar("plain", k)
    with pytest.raises(CallerMistake, match="between 1 and 1000"):
        service.recommend("anna", k)


def test_unknown_and_deleted_items(service: SimilarItemsService) -> None:
    for item_id in ("nobody", "", SHOP.ids[3]):
        with pytest.raises(UnknownItem):
            service.similar(item_id)
    with pytest.raises(UnknownUser):
        service.recommend("nobody")


def test_an_item_that_only_the_store_knows_gets_a_labelled_fallback(service: SimilarItemsService) -> None:
    in_category = service.similar("newcomer", 5)
    assert in_category.fallback is Fallback.ITEM_NOT_IN_RELEASE
    assert {item.source for item in in_category.results} == {"fallback"}
    even = [SHOP.ids[row] for row in range(SHOP.n - 2, 0, -2) if row not in DEAD]
    assert ids_of(in_category) == even[:5]
    anywhere = service.similar("lonely", 5)
    assert anywhere.fallback is Fallback.ITEM_NOT_IN_RELEASE
    assert len(anywhere.results) == 5
    assert len(service.similar("bare", 5).results) == 5


def test_recommendations_leave_out_what_was_seen(service: SimilarItemsService) -> None:
    answer = service.recommend("anna", 50)
    assert not {"item-20", "item-21"} & set(ids_of(answer))
    wanted = SHOP.vectors @ SHOP.vectors[[20, 21]].sum(axis=0) + SHOP.model.trend
    order = [int(r) for r in np.argsort(-wanted, kind="stable") if r not in (*DEAD, 20, 21)]
    assert ids_of(answer)[:10] == [SHOP.ids[r] for r in order[:10]]
    assert answer.fallback is None
    assert ids_of(service.recommend_for(["item-20", "item-21"], 50)) == ids_of(answer)


@pytest.mark.parametrize("user_id", ["blank", "future"])
def test_a_user_without_known_history_gets_a_labelled_fallback(
    service: SimilarItemsService, user_id: str
) -> None:
    answer = service.recommend(user_id, 5)
    assert answer.fallback is Fallback.NO_HISTORY
    assert {item.source for item in answer.results} == {"fallback"}
    assert len(answer.results) == 5


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    dead=st.sets(st.integers(0, 39)),
    history=st.lists(st.integers(0, 39), unique=True),
    query=st.integers(0, 39),
    k=st.integers(1, 60),
)
def test_never_dead_never_seen_never_itself_always_k(
    tmp_path_factory: pytest.TempPathFactory, dead: set[int], history: Sequence[int], query: int, k: int
) -> None:
    shop = ToyShop(n=40, dead=tuple(dead))
    store = toy_store(tmp_path_factory.mktemp("shop") / "releases")
    publish(store, shop)
    holder = ReleaseHolder(store)
    holder.poll()
    service = SimilarItemsService(holder.serving)
    gone = {shop.ids[row] for row in dead}
    if query not in dead:
        found = ids_of(service.similar(shop.ids[query], k))
        assert not set(found) & (gone | {shop.ids[query]})
        assert len(found) == len(set(found)) == min(k, shop.n - len(dead) - 1)
    seen = {shop.ids[row] for row in history}
    found = ids_of(service.recommend_for([shop.ids[row] for row in history], k))
    assert not set(found) & (gone | seen)
    assert len(found) == len(set(found)) == min(k, shop.n - len(gone | seen))


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    gone=st.sets(st.integers(0, SHOP.n - 1), max_size=20) | st.sets(st.integers(0, SHOP.n - 1), min_size=300),
    query=st.integers(0, SHOP.n - 1),
    k=st.integers(1, 60),
)
def test_what_the_shop_deleted_never_appears_and_k_results_do(
    service: SimilarItemsService, gone: set[int], query: int, k: int
) -> None:
    lookup = ToyLookup(histories=LOOKUP.histories, changed={SHOP.ids[row]: None for row in gone})
    live = SimilarItemsService(service._serving, lookup)
    dead = gone | set(DEAD)
    if query in dead:
        with pytest.raises(UnknownItem):
            live.similar(SHOP.ids[query], k)
        return
    order = [one for one in nearest(query, SHOP.n) if SHOP.ids.index(one) not in dead]
    assert ids_of(live.similar(SHOP.ids[query], k)) == order[:k]
    recommended = ids_of(live.recommend("anna", k))
    assert not {SHOP.ids[row] for row in dead | {20, 21}} & set(recommended)
    assert len(recommended) == min(k, SHOP.n - len(dead | {20, 21}))


def test_what_is_shown_is_what_the_shop_says_now(service: SimilarItemsService) -> None:
    first = ids_of(service.similar("plain", 1))[0]
    lookup = ToyLookup(changed={first: {"title": "New", "price": 0.5}})
    item = SimilarItemsService(service._serving, lookup).similar("plain", 1).results[0]
    assert (item.item_id, item.card["title"], item.card["price"]) == (first, "New", 0.5)


def test_without_a_release_there_is_no_answer(tmp_path: Path) -> None:
    service = SimilarItemsService(ReleaseHolder(toy_store(tmp_path)).serving, LOOKUP)
    with pytest.raises(NoRelease):
        service.similar("plain")
