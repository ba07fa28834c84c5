"""Evidence for pairs of a real shop: both stores, the pasted Cypher, SQL and the files count the same."""

from pathlib import Path

import apsw
import polars as pl
import pytest

from graph.event_type import EventType
from graph.frames import SEQUENCED_EVENT_SCHEMA
from graph.neo4j_store import Neo4jGraphStore
from graph.sqlite_store import SqliteGraphStore
from service.answering.explanation import BrowserCypher
from tests.graph.neo4j.conftest import Cypher
from tests.graph.real_reviews import RealReviews

pytestmark = [pytest.mark.neo4j, pytest.mark.slow]

BY_CYPHER = """
MATCH (u:User)
WHERE EXISTS { (u)-[:REVIEWED]->(:Item {itemId: $a}) } AND EXISTS { (u)-[:REVIEWED]->(:Item {itemId: $b}) }
RETURN count(u) AS users
"""
BY_SQL = """
SELECT count(DISTINCT x.user) FROM edges x JOIN edges y ON x.user = y.user
WHERE x.item = (SELECT idx FROM items WHERE item_id = ?)
AND y.item = (SELECT idx FROM items WHERE item_id = ?)
"""


def events_of(reviews: RealReviews) -> pl.DataFrame:
    """The reviews as the log would hand them out."""
    rows = reviews.rows.with_row_index("seq", 1)
    known = rows.select(
        pl.col("seq").cast(pl.Int64),
        pl.format("review-{}", "seq").alias("event_id"),
        "user_id",
        pl.lit(value=False).alias("anonymous"),
        "item_id",
        pl.lit(EventType.REVIEW.value).alias("event_type"),
        (pl.col("timestamp") * 1000).alias("at"),
        pl.col("rating").cast(pl.Float32),
    )
    missing = [
        pl.lit(None, dtype).alias(name)
        for name, dtype in SEQUENCED_EVENT_SCHEMA.items()
        if name not in known.columns
    ]
    return known.with_columns(missing).select(list(SEQUENCED_EVENT_SCHEMA))


def test_counts_of_real_pairs_are_the_same_everywhere(
    neo4j_store: Neo4jGraphStore, cypher: Cypher, shared_data: Path, tmp_path: Path
) -> None:
    reviews = RealReviews(shared_data / "amazon23-electronics")
    pairs = reviews.pairs()
    assert len(pairs) == 20
    wanted = {item for pair in pairs for item in pair}
    reviews.rows = reviews.rows.filter(pl.col("item_id").is_in(list(wanted)))
    sqlite = SqliteGraphStore(tmp_path / "graph.db")
    sqlite.ensure_schema()
    for part in events_of(reviews).iter_slices(5_000):
        for store in (sqlite, neo4j_store):
            store.apply(part, int(part["seq"][-1]))
    connection = apsw.Connection(str(tmp_path / "graph.db"), flags=apsw.SQLITE_OPEN_READONLY)
    told = 0
    for a, b in pairs:
        users = reviews.shared((a, b))
        assert cypher(BY_CYPHER, a=a, b=b)[0]["users"] == users
        assert connection.execute(BY_SQL, (a, b)).fetchall() == [(users,)]
        pasted = BrowserCypher.of(a, b)
        counted = cypher(pasted.counts, **pasted.parameters)[0]
        assert (counted["users"], counted["REVIEWED"]) == (users, users)
        assert len(cypher(pasted.picture, **pasted.parameters)) >= min(users, 40)
        for store in (sqlite, neo4j_store):
            shared = store.evidence(a, b)
            assert (shared.users, shared.by_relation["REVIEWED"]) == (users, users)
            shown = shared.shown(3)
            assert shown.users == (users if users >= 3 else 0)
            assert bool(shown.by_relation) == (users >= 3)
        told += users >= 3
    assert told == 10
    connection.close()
    sqlite.close()
