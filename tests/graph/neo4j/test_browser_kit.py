"""The inspection kit: every query runs on a real server, is explained and bounded, and is in the guide."""

import re
import threading
import urllib.request
from pathlib import Path

import pytest

from graph.neo4j_browser import (
    BrowserQuery,
    browser_guide,
    browser_queries,
    browser_style,
    install_kit,
    kit_server,
)
from graph.neo4j_store import Neo4jGraphStore
from graph.store import SimilarRow
from tests.graph.events import STRANGE_IDS, apply, catalogue, event
from tests.graph.neo4j.conftest import Cypher

QUERIES = browser_queries()
PARAMETERS = {"item": "a", "a": "a", "b": "b", "user": "u", "release": "r1", "category": "X", "least": 2}


@pytest.fixture
def shop(neo4j_store: Neo4jGraphStore) -> Neo4jGraphStore:
    """Two categories, four items (one cold), two users with events before and after a release."""
    neo4j_store.upsert_items(catalogue("a", "b", title="Hat", categories=("X > Y", "X")))
    neo4j_store.upsert_items(catalogue("c", "cold", title="Mug", categories=("Z",)))
    apply(neo4j_store, *(event(f"1{item}{user}", user, item, "purchase") for item in "ab" for user in "uv"))
    neo4j_store.replace_similar("r1", [SimilarRow("a", "b", 1, 0.9), SimilarRow("a", "c", 2, 0.5)])
    neo4j_store.record_release("r1", {"eventsThrough": 4, "ndcg10": 0.5})
    apply(neo4j_store, event("late", "u", "c"), event("late2", "s", "a", anonymous=True))
    return neo4j_store


@pytest.mark.neo4j
def test_every_query_finds_something(shop: Neo4jGraphStore, cypher: Cypher) -> None:
    assert shop.stats().events == 6
    found = {
        query.name: cypher(query.text, **{name: PARAMETERS[name] for name in query.parameters})
        for query in QUERIES
    }
    assert {name for name, records in found.items() if not records} == set()
    near = [record["itemId"] for record in found["02_served_neighbours"]]
    assert near == ["b", "c"]
    assert {record["user"] for record in found["04_who_bought_both"]} == {"u", "v"}
    assert [record["itemId"] for record in found["07_cold_items"]] == ["cold"]
    assert [record["newEvents"] for record in found["06_changed_since_release"]] == [1, 1]
    strongest = found["12_strongest_evidence"][0]
    assert (strongest["itemId"], strongest["sharedShoppers"], strongest["boughtThis"]) == ("b", 2, 2)
    assert found["13_bridges"][0]["otherCategory"] == "Z"
    assert found["09_releases"][0]["shown"]
    assert len(found["03_why_similar"]) == 4


@pytest.mark.neo4j
def test_who_bought_both_comes_before_who_only_looked(shop: Neo4jGraphStore, cypher: Cypher) -> None:
    apply(shop, event("look1", "w", "a"), event("look2", "w", "b"))
    query = next(one for one in QUERIES if one.name == "04_who_bought_both")
    found = cypher(query.text, a="a", b="b")
    assert [record["user"] for record in found[:2]] in (["u", "v"], ["v", "u"])
    assert (found[2]["user"], found[2]["didWithA"]) == ("w", "VIEWED")


@pytest.mark.neo4j
def test_queries_find_strange_ids_as_plain_data(neo4j_store: Neo4jGraphStore, cypher: Cypher) -> None:
    store = neo4j_store
    store.upsert_items(catalogue(*STRANGE_IDS, title="Odd"))
    pairs = list(zip(STRANGE_IDS, STRANGE_IDS[1:] + STRANGE_IDS[:1], strict=True))
    bought = [(user, item) for pair in pairs for user in pair for item in pair]
    apply(store, *(event(str(n), user, item, "purchase") for n, (user, item) in enumerate(bought)))
    store.replace_similar("r1", [SimilarRow(one, other, 1, 0.9) for one, other in pairs])
    text = {query.name: query.text for query in QUERIES}
    for one, other in pairs:
        assert cypher(text["01_item"], item=one)[0]["item"]["itemId"] == one
        assert [near["itemId"] for near in cypher(text["02_served_neighbours"], item=one)] == [other]
        assert cypher(text["03_why_similar"], a=one, b=other)[0]["b"]["itemId"] == other
        both = {record["user"] for record in cypher(text["04_who_bought_both"], a=one, b=other)}
        assert {one, other} <= both <= set(STRANGE_IDS)
        assert cypher(text["05_user_neighbourhood"], user=one)[0]["user"]["userId"] == one
        found = [record["itemId"] for record in cypher(text["12_strongest_evidence"], item=one)]
        assert other in found
    nodes = cypher("MATCH (n) WHERE n:Item OR n:User RETURN labels(n)[0] AS label, count(n) AS nodes")
    assert {record["label"]: record["nodes"] for record in nodes} == dict.fromkeys(
        ("Item", "User"), len(STRANGE_IDS)
    )


@pytest.mark.parametrize("query", QUERIES, ids=[query.name for query in QUERIES])
def test_queries_are_explained_bounded_and_change_nothing(query: BrowserQuery) -> None:
    assert len(query.explanation) > 40
    for name in query.parameters:
        assert f"{name} =>" in query.text or f"{name}:" in query.text, f"${name} is not explained"
    assert re.search(r"^LIMIT \d+\s*$", query.text.splitlines()[-1])
    assert not re.search(r"\b(CREATE|MERGE|SET|DELETE|REMOVE|LOAD)\b", query.text)


def test_the_guide_shows_every_query() -> None:
    guide = browser_guide()
    assert "{{" not in guide
    assert "Drop the file" in guide
    assert ":style http://127.0.0.1:1/style.grass<" in browser_guide("http://127.0.0.1:1/style.grass")
    assert guide.count("<slide") == guide.count("</slide>") > 4
    for query in QUERIES:
        assert query.text.splitlines()[0] in guide


def test_the_style_names_every_label() -> None:
    for label in ("Item", "User", "Session", "Category", "Release"):
        assert f"node.{label} {{" in browser_style()


def test_the_kit_can_be_installed_and_served(tmp_path: Path) -> None:
    assert len(install_kit(tmp_path)) == len(QUERIES) + 2
    with kit_server() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        with urllib.request.urlopen(f"{address}/guide.html") as answer:
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert answer.read().decode() == browser_guide(f"{address}/style.grass")
        ask_first = urllib.request.Request(f"{address}/guide.html", method="OPTIONS")
        with urllib.request.urlopen(ask_first) as answer:
            assert answer.headers["Access-Control-Allow-Headers"] == "*"
        with urllib.request.urlopen(f"{address}/style.grass") as answer:
            assert answer.read().decode() == browser_style()
        server.shutdown()
        thread.join()
