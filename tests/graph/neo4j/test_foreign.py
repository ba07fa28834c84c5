"""What others write straight into Neo4j counts like any event."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from graph.errors import NotFound
from graph.neo4j_queries import cypher as text
from graph.neo4j_store import Neo4jGraphStore
from graph.sqlite_log import SqliteLog
from tests.graph.events import apply, catalogue, edges, event, frame
from tests.graph.neo4j.conftest import Cypher
from tests.graph.neo4j.database import address, driver

pytestmark = pytest.mark.neo4j

NOON = 1_700_000_000_000_000


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    made = SqliteLog(tmp_path / "events.sqlite")
    yield made
    made.close()


def adopt_all(store: Neo4jGraphStore, log: SqliteLog) -> list[int]:
    """One round of the updater: adopt, then apply what the log has new; touched items."""
    store.adopt_nodes()
    found = store.find_foreign()
    if len(found.events):
        store.adopt(found, log)
    new = log.read(store.applied_seq())
    return [int(item) for item in store.apply(new, log.last_seq()).touched]


def fill(store: Neo4jGraphStore, log: SqliteLog) -> None:
    """A shop with two events of its own."""
    log.append(frame(event("1", "anna", "hat", at=NOON), event("2", "bob", "mug", "purchase", at=NOON + 1)))
    store.apply(log.read(0), 2)


def between(edge: str, user: str = "bob", item: str = "hat") -> str:
    """A plain statement that makes an edge between two known nodes."""
    return f"MATCH (u:User {{userId: '{user}'}}), (i:Item {{itemId: '{item}'}}) CREATE (u)-[:{edge}]->(i)"


def test_a_graph_of_ours_alone_has_no_foreign_edges(neo4j_store: Neo4jGraphStore, log: SqliteLog) -> None:
    fill(neo4j_store, log)
    found = neo4j_store.find_foreign()
    assert (len(found.events), found.malformed, found.vanished) == (0, [], 0)


@pytest.mark.parametrize("at", ["{at: timestamp() * 1000}", "{at: datetime()}", "{at: 1700000000}", ""])
def test_an_edge_between_known_nodes_becomes_an_event(
    neo4j_store: Neo4jGraphStore, log: SqliteLog, cypher: Cypher, at: str
) -> None:
    fill(neo4j_store, log)
    cypher(between(f"PURCHASED {at}", "anna", "mug"))
    assert adopt_all(neo4j_store, log) == [1]
    found = edges(neo4j_store)
    assert (found["user"].tolist(), found["item"].tolist()) == ([0, 1, 0], [0, 1, 1])
    assert found["seq"].tolist() == [1, 2, 3]
    logged = log.read(2)
    assert logged.select("user_id", "item_id", "event_type").rows() == [("anna", "mug", "purchase")]
    assert logged["at"].to_list() == [found["at"][2]]
    assert neo4j_store.stats().events == 3
    assert adopt_all(neo4j_store, log) == []
    assert log.last_seq() == 3


def test_unknown_users_sessions_and_items_become_nodes(
    neo4j_store: Neo4jGraphStore, log: SqliteLog, cypher: Cypher
) -> None:
    fill(neo4j_store, log)
    cypher(
        "MERGE (a:User {userId: 'new'}) MERGE (s:User {sessionId: 'tab'}) MERGE (i:Item {itemId: 'lamp'}) "
        "CREATE (a)-[:REVIEWED {at: $at, rating: 4, eventId: 'r'}]->(i), (s)-[:VIEWED {at: $at}]->(i)",
        at=NOON + 5,
    )
    assert adopt_all(neo4j_store, log) == [2]
    keys = neo4j_store.node_keys("user")
    assert sorted(zip(keys.ids, keys.anonymous.tolist(), strict=True)) == [
        ("anna", False), ("bob", False), ("new", False), ("tab", True),
    ]  # fmt: skip
    assert neo4j_store.node_keys("item").ids == ["hat", "mug", "lamp"]
    assert sorted(log.read(2)["rating"].to_list(), key=str) == [4.0, None]
    assert "r" in log.read(2)["event_id"].to_list()


def test_planning_ahead_changes_nothing(neo4j_store: Neo4jGraphStore, log: SqliteLog, cypher: Cypher) -> None:
    fill(neo4j_store, log)
    cypher(between("PURCHASED", "anna", "mug"))
    everything = (
        "MATCH (n) OPTIONAL MATCH (n)-[e]->() RETURN elementId(n) AS node, properties(n) AS says, "
        "elementId(e) AS edge, properties(e) AS told ORDER BY node, edge"
    )
    before = [record.data() for record in cypher(everything)]
    neo4j_store.warm_up()
    assert [record.data() for record in cypher(everything)] == before
    assert adopt_all(neo4j_store, log) == [1]


def test_two_edges_without_a_time_are_two_events(
    neo4j_store: Neo4jGraphStore, log: SqliteLog, cypher: Cypher
) -> None:
    fill(neo4j_store, log)
    for _ in range(2):
        cypher(between("VIEWED"))
    adopt_all(neo4j_store, log)
    assert neo4j_store.stats().events == 4


def test_a_crash_between_any_two_steps_is_mended(
    neo4j_store: Neo4jGraphStore, log: SqliteLog, cypher: Cypher
) -> None:
    fill(neo4j_store, log)
    cypher(between("VIEWED"))
    neo4j_store.adopt(neo4j_store.find_foreign(), log)
    # the log has it, the graph's watermark has not reached it: another process finds it once more
    again = neo4j_store.find_foreign()
    assert again.events["event_id"].to_list() == log.read(2)["event_id"].to_list()
    result = neo4j_store.adopt(again, log)
    assert not result.accepted.any()
    assert adopt_all(neo4j_store, log) == [0]
    assert (neo4j_store.stats().events, log.last_seq()) == (3, 3)
    assert edges(neo4j_store)["seq"].tolist() == [1, 2, 3]


def test_malformed_edges_are_listed_and_left_alone(
    neo4j_store: Neo4jGraphStore, log: SqliteLog, cypher: Cypher
) -> None:
    fill(neo4j_store, log)
    bad = {
        between("VIEWED {at: 'soon'}"): "timestamp",
        between("VIEWED {at: 5.0}"): "time",
        "MATCH (i:Item {itemId: 'hat'}) CREATE (:Visitor)-[:VIEWED]->(i)": "user_id",
        "MATCH (u:User {userId: 'bob'}) CREATE (u)-[:PURCHASED]->(:Box)": "item_id",
        "MATCH (u:User {userId: 'bob'}) CREATE (u)-[:PURCHASED]->(:Item {itemId: 7})": "itemId: 7",
        between("PURCHASED {quantity: -1}"): "refund",
        between("REVIEWED {rating: 'A'}"): "rating",
        between("REVIEWED {helpful: -1}"): "helpful",
        between("PURCHASED {eventId: '1'}"): "repeats event '1'",
    }  # fmt: skip
    for statement in (*bad, between("VIEWED {eventId: '1x'}")):
        cypher(statement)
    before = cypher("MATCH ()-[e]->() WHERE e.seq IS NULL RETURN count(e) AS edges")[0]["edges"]
    found = neo4j_store.find_foreign()
    assert found.events["event_id"].to_list() == ["1x"]
    reasons = sorted(one.reason for one in found.malformed)
    assert len(reasons) == len(bad)
    for part in bad.values():
        assert any(part in reason for reason in reasons), (part, reasons)
    adopt_all(neo4j_store, log)
    assert cypher("MATCH ()-[e]->() WHERE e.seq IS NULL RETURN count(e) AS edges")[0]["edges"] == before - 1
    assert len(neo4j_store.find_foreign().malformed) == len(bad)
    cypher("MATCH (u:User {userId: 'bob'})-[e:VIEWED {at: 'soon'}]->() DELETE e")
    assert len(neo4j_store.find_foreign(audit=True).malformed) == len(bad) - 1


def test_a_good_edge_is_found_among_malformed_ones(
    neo4j_store: Neo4jGraphStore, log: SqliteLog, cypher: Cypher
) -> None:
    fill(neo4j_store, log)
    cypher("MATCH (i:Item {itemId: 'hat'}) UNWIND range(1, 30) AS n CREATE (:Visitor)-[:VIEWED]->(i)")
    assert len(neo4j_store.find_foreign(limit=50).malformed) == 30
    cypher(between("VIEWED {at: 1600000000}"))
    found = neo4j_store.find_foreign(limit=1)
    assert (found.events["user_id"].to_list(), len(found.malformed)) == (["bob"], 30)


def test_the_audit_finds_what_the_counts_hide(
    neo4j_store: Neo4jGraphStore, log: SqliteLog, cypher: Cypher
) -> None:
    fill(neo4j_store, log)
    cypher(
        "MATCH (u:User {userId: 'anna'})-[old:VIEWED]->(i:Item {itemId: 'hat'}) DELETE old "
        "CREATE (u)-[:VIEWED {at: 1600000000}]->(i)"
    )
    assert neo4j_store.find_foreign().events.is_empty()
    assert neo4j_store.find_foreign(audit=True).events["at"].to_list() == [1_600_000_000_000_000]


def test_edges_that_vanished_are_counted(
    neo4j_store: Neo4jGraphStore, log: SqliteLog, cypher: Cypher
) -> None:
    fill(neo4j_store, log)
    cypher("MATCH (:User {userId: 'anna'})-[e:VIEWED]->() DELETE e")
    assert neo4j_store.find_foreign().vanished == 1


def test_an_edge_whose_event_was_deleted_with_its_item_stays_out(
    neo4j_store: Neo4jGraphStore, log: SqliteLog, cypher: Cypher
) -> None:
    fill(neo4j_store, log)
    neo4j_store.delete_item("mug")
    cypher(between("PURCHASED {eventId: '2'}"))
    assert adopt_all(neo4j_store, log) == []
    assert [one.reason for one in neo4j_store.find_foreign().malformed] == [
        "repeats event 2 of the log, whose edge was deleted"
    ]


def test_items_and_categories_are_adopted_with_their_fields(
    neo4j_store: Neo4jGraphStore, cypher: Cypher
) -> None:
    neo4j_store.upsert_items(catalogue("hat", title="Hat", categories=("Clothes",)))
    cypher(
        "CREATE (i:Item {itemId: 'lamp', title: 'Lamp', price: 5, watts: 40})-[:IN_CATEGORY]->"
        "(:Category {path: 'Home > Light'}) CREATE (:Category {path: 'Alone'}) "
        "CREATE (:Item {itemId: 'bad', title: 3}) CREATE (:Category {path: 'A >  > B'})"
    )
    adopted = neo4j_store.adopt_nodes()
    assert adopted.items.select("item_id", "title", "price", "attributes").rows() == [
        ("lamp", "Lamp", 5.0, '{"watts": 40}')
    ]
    assert adopted.categories == 3
    assert len(adopted.malformed) == 2
    assert neo4j_store.node_keys("category").ids[0] == "Clothes"
    assert sorted(neo4j_store.node_keys("category").ids) == ["Alone", "Clothes", "Home", "Home > Light"]
    assert neo4j_store.items(["lamp"])["categories"].to_list() == [["Home > Light"]]
    assert neo4j_store.items()["index"].to_list() == [0, 1]
    assert neo4j_store.adopt_nodes().items.is_empty()
    assert cypher("MATCH (i:Item {itemId: 'bad'}) RETURN i.index AS index")[0]["index"] is None
    with pytest.raises(NotFound):
        neo4j_store.paths("hat", "bad")


def test_finding_costs_no_more_in_a_larger_graph(
    neo4j_store: Neo4jGraphStore, cypher: Cypher, log: SqliteLog
) -> None:
    apply(neo4j_store, *(event(str(n), f"u{n % 50}", f"i{n % 40}", at=NOON + n) for n in range(3_000)))
    neo4j_store.find_foreign()
    cypher(between("VIEWED {at: timestamp() * 1000}", "u1", item="i1"))
    assert neo4j_store.find_foreign().events.height == 1
    sent = {"look": [True] + [False] * 4, "limit": [100] * 5, "after": NOON + 10**12}
    names = ("foreign_recent", "foreign_scan", "edge_counts")
    hits: dict[str, int] = {}
    for _ in range(20):  # a planner that knows little of a young index may read it whole at first
        hits = {name: _db_hits(text(name), sent) for name in names}
        if hits["foreign_recent"] < 100:
            break
        time.sleep(0.5)
    assert hits["foreign_recent"] < 100
    assert hits["edge_counts"] < 20
    assert hits["foreign_scan"] > 3_000


def _db_hits(statement: str, parameters: dict[str, object]) -> int:
    with driver(address()) as connected, connected.session() as session:
        profile = session.run("PROFILE " + statement, parameters).consume().profile
    assert profile is not None

    def total(node: dict[str, object]) -> int:
        children = node.get("children", [])
        assert isinstance(children, list)
        return int(str(node.get("dbHits", 0))) + sum(total(child) for child in children)

    return total(profile)
