"""Every graph store behind one fixture: a new backend is one line in `BACKENDS`."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from graph.memory_store import MemoryGraphStore
from graph.sqlite_store import SqliteGraphStore
from graph.store import GraphStore
from tests.graph.neo4j.database import empty_store

BACKENDS: dict[str, Callable[[Path], GraphStore]] = {
    "sqlite": lambda folder: SqliteGraphStore(folder / "graph.sqlite"),
    "memory": lambda _: MemoryGraphStore(),
    "neo4j": lambda _: empty_store(),
}
"""Backend -> what makes an empty store, given an empty folder."""

MARKS: dict[str, pytest.MarkDecorator] = {"neo4j": pytest.mark.neo4j}
"""Backend -> the mark of its tests, where it needs one."""


@pytest.fixture(params=[pytest.param(name, marks=MARKS.get(name, ())) for name in BACKENDS])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[GraphStore]:
    """An empty store of each backend, its schema ensured."""
    made = BACKENDS[request.param](tmp_path)
    made.ensure_schema()
    yield made
    made.close()
