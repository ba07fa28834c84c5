"""One shop, one database: somebody else's is not touched."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from graph.neo4j_schema import NotOurs
from graph.neo4j_store import Neo4jGraphStore
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
