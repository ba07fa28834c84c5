"""Why one item is like another: parts add up, independent SQL confirms the counts, nobody is recognised."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import apsw
import numpy as np
import pytest

from gnn.objective import Objective
from gnn.similar_features import SIMILAR_FEATURES
from graph.event_type import RELATIONS, EventType
from graph.interaction import Interaction
from graph.item import Item
from graph.memory_store import MemoryGraphStore
from graph.sqlite_store import SqliteGraphStore
from service.answering.answer import UnknownItem
from service.answering.explanation import Explainer
from service.answering.explanation_graph import explanation_graph, explanation_graphml
from service.answering.score_parts import GROUPS
from service.answering.similar_items import SimilarItemsService
from service.errors import CallerMistake
from service.home import Home
from service.nightly.refresh_result import RefreshResult
from service.releases.holder import ReleaseHolder
from service.releases.store import ReleaseStore
from tests.service.release_toys import ToyShop, publish, toy_store

ServedHome = tuple[Path, RefreshResult]


@pytest.fixture
def holder(served_home: ServedHome) -> ReleaseHolder:
    holder = ReleaseHolder(ReleaseStore(Home(served_home[0]).releases))
    holder.poll()
    return holder


@pytest.fixture
def store(served_home: ServedHome) -> Iterator[SqliteGraphStore]:
    store = SqliteGraphStore(Home(served_home[0]).graph)
    yield store
    store.close()


@pytest.mark.parametrize("objective", list(Objective))
def test_parts_add_up_to_the_score_that_is_served(
    holder: ReleaseHolder, store: SqliteGraphStore, objective: Objective
) -> None:
    explainer = Explainer(holder.serving, store)
    served = SimilarItemsService(holder.serving).similar("S0000", 10, objective)
    assert len(served.results) == 10
    for item in served.results:
        explanation = explainer.explain("S0000", item.item_id, objective)
        assert explanation.score == pytest.approx(item.score, abs=1e-4)
        assert sum(explanation.parts.values()) == pytest.approx(item.score, abs=1e-4)
        assert sum(explanation.features.values()) == pytest.approx(item.score, abs=1e-4)
        assert explanation.source == item.source
        assert set(explanation.parts) <= GROUPS.keys()


def test_every_feature_belongs_to_a_part_that_people_understand() -> None:
    grouped = [name for names in GROUPS.values() for name in names]
    assert sorted(grouped) == sorted(SIMILAR_FEATURES)


def test_counts_equal_those_of_independent_sql(
    served_home: ServedHome, holder: ReleaseHolder, store: SqliteGraphStore
) -> None:
    explainer = Explainer(holder.serving, store, min_users=3)
    rng = np.random.default_rng(0)
    ids = store.items()["item_id"].to_list()
    pairs = [rng.choice(ids, 2, replace=False).tolist() for _ in range(10)]
    near = SimilarItemsService(holder.serving).similar("S0000", 10).results
    pairs += [["S0000", item.item_id] for item in near]
    told = 0
    for a, b in pairs:
        users, by_relation = counted(Home(served_home[0]).graph, a, b)
        evidence = explainer.explain(a, b).evidence
        assert evidence.users == (users if users >= 3 else None)
        expected = {name: count for name, count in by_relation.items() if count >= 3}
        assert evidence.by_relation == (expected if users >= 3 else {})
        told += users >= 3
        for between in evidence.intermediates:
            assert between.users_with_item == counted(Home(served_home[0]).graph, a, between.item_id)[0]
            assert between.users_with_other == counted(Home(served_home[0]).graph, b, between.item_id)[0]
            assert min(between.users_with_item, between.users_with_other) >= 3
    assert 0 < told < len(pairs)


def counted(graph: Path, a: str, b: str) -> tuple[int, dict[str, int]]:
    """Users with an event of both items, and per relationship type: row by row, in Python."""
    connection = apsw.Connection(str(graph), flags=apsw.SQLITE_OPEN_READONLY)
    did: dict[str, set[tuple[int, int]]] = {}
    for item_id in (a, b):
        rows = connection.execute(
            "SELECT user, relation FROM edges JOIN items ON item = idx WHERE item_id = ? AND weight > 0",
            (item_id,),
        )
        did[item_id] = {(int(user), int(relation)) for user, relation in rows}
    connection.close()
    both = {user for user, _ in did[a]} & {user for user, _ in did[b]}
    by_relation = {
        relation.value: len({user for user, number in did[a] & did[b] if number == place})
        for place, relation in enumerate(RELATIONS)
    }
    return len(both), by_relation


def few_shoppers(folder: Path, users: int) -> Explainer:
    """Items `plain` and `item-30`, which so many users bought and one more viewed."""
    releases = toy_store(folder / "releases")
    publish(releases, ToyShop())
    holder = ReleaseHolder(releases)
    holder.poll()
    store = MemoryGraphStore()
    store.upsert_items(
        Item.to_frame([Item(one, brand="Acme", categories=("A > Even",)) for one in ("plain", "item-30")])
    )
    base = Interaction("e", "u", "plain", EventType.PURCHASE, 1_700_000_000_000_000)
    events = [
        replace(base, event_id=f"{user}-{item}", user_id=f"buyer-{user}", item_id=item)
        for user in range(users)
        for item in ("plain", "item-30")
    ]
    frame = Interaction.to_frame(events).with_row_index("seq", 1).cast({"seq": int})
    store.apply(frame, len(events))
    return Explainer(holder.serving, store)


def test_two_shared_buyers_are_not_told_three_are(tmp_path: Path) -> None:
    two = few_shoppers(tmp_path / "two", 2).explain("plain", "item-30")
    assert two.evidence.users is None
    assert two.evidence.by_relation == {}
    assert two.evidence.categories == ("A > Even",)
    assert two.evidence.brand == "Acme"
    assert two.to_json()["evidence"]["fewer_than"] == 3
    assert "buyer" not in str(two.to_json()) + explanation_graphml(two)
    three = few_shoppers(tmp_path / "three", 3).explain("plain", "item-30")
    assert three.evidence.users == 3
    assert three.evidence.by_relation == {"PURCHASED": 3}
    assert three.to_json()["evidence"]["fewer_than"] is None
    assert "buyer" not in str(three.to_json()) + explanation_graphml(three)


def test_the_floor_is_a_setting(tmp_path: Path) -> None:
    explainer = few_shoppers(tmp_path, 4)
    floor_of_five = Explainer(explainer._serving, explainer._store, min_users=5)
    assert explainer.explain("plain", "item-30").evidence.users == 4
    assert floor_of_five.explain("plain", "item-30").evidence.users is None


def test_mistakes(tmp_path: Path) -> None:
    explainer = few_shoppers(tmp_path, 1)
    with pytest.raises(CallerMistake, match="itself"):
        explainer.explain("plain", "plain")
    for pair in (("plain", "nobody"), ("nobody", "plain")):
        with pytest.raises(UnknownItem, match="nobody"):
            explainer.explain(*pair)


def test_an_item_newer_than_the_release_has_evidence_and_no_score(tmp_path: Path) -> None:
    explainer = few_shoppers(tmp_path, 3)
    explainer._store.upsert_items(Item.to_frame([Item("newcomer", categories=("A > Even",))]))
    found = explainer.explain("plain", "newcomer").to_json()
    assert found["score"] is None
    assert found["parts"] == {}
    assert found["fallback"] == "item_not_in_release"
    assert found["evidence"]["categories"] == ["A > Even"]


def test_the_graph_is_bounded_and_its_graphml_is_xml(tmp_path: Path) -> None:
    explanation = few_shoppers(tmp_path, 30).explain("plain", "item-30")
    odd = replace(explanation, title="\x00<b>&'\"😀")
    graph = explanation_graph(odd)
    assert len(graph) == 5  # two items, buyers, a category, a brand
    assert graph.nodes["shoppers:PURCHASED"]["count"] == 30
    assert graph.edges["a", "b"]["score"] == explanation.score
    root = ET.fromstring(explanation_graphml(odd))
    assert len(root.findall(".//{*}node")) == 5
    assert "\ufffd<b>&'\"😀" in [one.text for one in root.findall(".//{*}data")]


def test_cypher_holds_values_in_parameters_only(tmp_path: Path) -> None:
    explanation = few_shoppers(tmp_path, 3).explain("plain", "item-30")
    cypher = explanation.cypher
    assert cypher.params == ':params {a: "plain", b: "item-30"}'
    for query in (cypher.counts, cypher.picture):
        assert "$a" in query
        assert "plain" not in query
