"""One shop, one database: somebody else's is not touched."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from graph.event_type import EventType
from graph.interaction import Interaction
from graph.neo4j_schema import NotOurs
from graph.neo4j_store import Neo4jGraphStore
from graph.sqlite_log import SqliteLog
from tests.graph.neo4j.conftest import Cypher
from tests.graph.neo4j.database import address, empty_store

pytestmark = pytest.mark.neo4j


def test_the_graph_of_another_home_is_refused() -> None:
    first = empty_store(home="one")
    first.ensure_schema()
    first.ensure_schema()
    other = Neo4jGraphStore(address(), home="other")
    with pytest.raises(NotOurs, match=r"another home.*REMOVE s\.home"):
        other.ensure_schema()
    assert not first.applied_seq()
    anybody = Neo4jGraphStore(address())
    anybody.ensure_schema()
    for store in (first, other, anybody):
        store.close()


def test_of_homes_that_begin_at_once_one_has_the_graph(cypher: Cypher) -> None:
    homes = ["one", "two", "three"]
    anybody = empty_store()
    anybody.ensure_schema()  # its constraints and indexes stay: making them cannot keep the three apart
    anybody.close()
    for _ in range(3):
        stores = [empty_store(home=home) for home in homes]
        for store in stores:
            assert not store.health().ok  # connected, and nothing has begun
        together = Barrier(len(stores))

        def begin(store: Neo4jGraphStore, together: Barrier = together) -> bool:
            together.wait()
            try:
                store.ensure_schema()
            except NotOurs:
                return False
            return True

        with ThreadPoolExecutor(len(stores)) as threads:
            accepted = list(threads.map(begin, stores))
        (owner,) = cypher("MATCH (s:IlkStore) RETURN s.home AS home")
        assert [home for home, was in zip(homes, accepted, strict=True) if was] == [owner["home"]]
        for store in stores:
            store.close()


def test_a_graph_that_does_not_say_whose_it_is_may_be_used(neo4j_store: Neo4jGraphStore) -> None:
    store = Neo4jGraphStore(address(), home="one")
    store.ensure_schema()
    assert store.health().ok
    store.close()


def test_a_graph_of_an_older_version_becomes_the_home_s_whose_log_reaches_it(
    cypher: Cypher, tmp_path: Path
) -> None:
    old = empty_store()  # nobody's, as versions made them that did not write down whose it is
    old.ensure_schema()
    log, short = SqliteLog(tmp_path / "events.db"), SqliteLog(tmp_path / "short.db")
    log.append(
        Interaction.to_frame([Interaction("e1", "anna", "hat", EventType.VIEW_ITEM, 1_700_000_000_000_000)])
    )
    old.apply(log.read(0), 1)
    old.close()

    def owner_after(home: str, log: SqliteLog) -> str | None:
        store = Neo4jGraphStore(address(), home=home, log=log)
        try:
            store.ensure_schema()
        finally:
            store.close()
        (found,) = cypher("MATCH (s:IlkStore) RETURN s.home AS home, s.appliedSeq AS applied")
        assert found["applied"] == 1
        owner: str | None = found["home"]
        return owner

    assert owner_after("other", short) is None  # the graph is ahead of its log: catching up tells
    assert owner_after("one", log) == "one"
    with pytest.raises(NotOurs, match="another home"):
        owner_after("other", log)
    assert owner_after("one", log) == "one"
    log.close()
    short.close()


def test_a_database_of_somebody_else_is_not_begun_in(cypher: Cypher) -> None:
    store = empty_store(home="one")
    cypher("CREATE (:Person {name: 'Keanu'})-[:ACTED_IN]->(:Movie), ()")
    with pytest.raises(NotOurs, match=r"\((Movie|Person|no label), .*beside_others"):
        store.ensure_schema()
    assert cypher("MATCH (s:IlkStore) RETURN s") == []
    store.close()
    beside = Neo4jGraphStore(address(), home="one", beside_others=True)
    beside.ensure_schema()
    beside.close()
    store.ensure_schema()  # it has begun: what else is there does not matter any more
    store.close()


def test_items_that_others_made_before_are_no_reason(cypher: Cypher) -> None:
    store = empty_store(home="one")
    cypher(
        "CREATE (:User {userId: 'anna'})-[:VIEWED]->(i:Item {itemId: 'hat'}), "
        "(i)-[:IN_CATEGORY]->(:Category {path: 'Hats'})"
    )
    store.ensure_schema()
    assert len(store.adopt_nodes().items) == 1
    store.close()
