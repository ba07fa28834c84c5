"""SIMILAR_TO edges are swapped whole under the eyes of readers."""

import threading

import pytest

from graph.neo4j_store import Neo4jGraphStore
from graph.store import SimilarRow
from tests.graph.events import catalogue
from tests.graph.neo4j.conftest import Cypher
from tests.graph.neo4j.database import address, driver, empty_store

pytestmark = pytest.mark.neo4j

ITEMS = 60
K = 5

FOLLOWING_THE_POINTER = """
MATCH (s:IlkStore) WITH s.similarBatch AS batch
MATCH (:Item)-[r:SIMILAR_TO]->(:Item) WHERE r.batch = batch
RETURN collect(DISTINCT r.modelVersion) AS versions, count(r) AS edges
"""


def rows(shift: int) -> list[SimilarRow]:
    """K neighbours of every item."""
    return [
        SimilarRow(f"i{n}", f"i{(n + shift + rank) % ITEMS}", rank, 1 / rank)
        for n in range(ITEMS)
        for rank in range(1, K + 1)
    ]


def test_readers_see_one_whole_version_at_any_time() -> None:
    store = empty_store(grace_seconds=0.3)
    store.ensure_schema()
    store.upsert_items(catalogue(*(f"i{n}" for n in range(ITEMS))))
    store.replace_similar("v0", rows(0))
    stop = threading.Event()
    seen: list[tuple[list[str], int]] = []
    degrees: list[int] = []

    def read_by_pointer() -> None:
        with driver(address()) as connected:
            while not stop.is_set():
                record = connected.execute_query(FOLLOWING_THE_POINTER).records[0]
                seen.append((record["versions"], record["edges"]))

    def read_by_store() -> None:
        while not stop.is_set():
            near = store.neighbours([("item", "i3")], 1, 100)
            degrees.append(sum(relation == "SIMILAR_TO" for _, _, relation in near.edges))

    readers = [threading.Thread(target=one) for one in (read_by_pointer, read_by_store)]
    for reader in readers:
        reader.start()
    for version in range(1, 6):
        assert store.replace_similar(f"v{version}", rows(version)) == ITEMS * K
    stop.set()
    for reader in readers:
        reader.join()
    assert set(degrees) == {K}
    assert {(len(versions), edges) for versions, edges in seen} == {(1, ITEMS * K)}
    assert len({versions[0] for versions, _ in seen}) > 1
    store.close()


def test_nothing_of_the_old_version_stays(neo4j_store: Neo4jGraphStore, cypher: Cypher) -> None:
    neo4j_store.upsert_items(catalogue(*(f"i{n}" for n in range(ITEMS))))
    for version in ("a", "b"):
        neo4j_store.replace_similar(version, rows(1))
    found = cypher("MATCH ()-[r:SIMILAR_TO]->() RETURN r.modelVersion AS version, count(r) AS edges")
    assert [record.values() for record in found] == [["b", ITEMS * K]]
    assert cypher("MATCH (s:IlkStore) RETURN s.similarVersion AS version")[0]["version"] == "b"


def test_what_a_killed_writer_left_is_cleared(neo4j_store: Neo4jGraphStore, cypher: Cypher) -> None:
    neo4j_store.upsert_items(catalogue("i0", "i1"))
    neo4j_store.replace_similar("a", [SimilarRow("i0", "i1", 1, 1.0)])
    cypher("MATCH (a:Item), (b:Item) CREATE (a)-[:SIMILAR_TO {batch: 2, modelVersion: 'half'}]->(b)")
    near = neo4j_store.neighbours([("item", "i0")], 1, 100)
    assert len(near.edges) == 1
    assert neo4j_store.replace_similar("b", [SimilarRow("i1", "i0", 1, 1.0)]) == 1
    assert len(cypher("MATCH ()-[r:SIMILAR_TO]->() RETURN r")) == 1
