"""Random operations on Neo4j and on the in-memory store side by side."""

import pytest
from hypothesis import HealthCheck, settings

from tests.graph.test_store_stateful import StoreComparison

pytestmark = [pytest.mark.neo4j, pytest.mark.slow]


class Neo4jComparison(StoreComparison):
    """Neo4j against memory."""

    backend = "neo4j"


Neo4jComparison.TestCase.settings = settings(
    max_examples=12, stateful_step_count=8, deadline=None, suppress_health_check=list(HealthCheck)
)


TestNeo4j = Neo4jComparison.TestCase
