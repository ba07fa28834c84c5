"""The Cypher files: each one is used, and none is put together from values."""

from importlib.resources import files
from pathlib import Path

import pytest

from graph.neo4j_queries import cypher, statements

FOLDER = files("graph").joinpath("cypher")
NAMES = sorted(entry.name.removesuffix(".cypher") for entry in FOLDER.iterdir())
SOURCES = "\n".join(path.read_text("utf-8") for path in sorted(Path(str(files("graph"))).glob("neo4j_*.py")))


@pytest.mark.parametrize("name", NAMES)
def test_every_file_is_used(name: str) -> None:
    table, _, rest = name.partition("_")
    spelled = [f'"{name}"', f'f"{{kind}}_{rest}"', f'f"{{table}}_{rest}"']
    assert any(one in SOURCES for one in spelled), f"{name}.cypher is not used ({table})"


def test_statements_are_split() -> None:
    found = statements("schema")
    assert len(found) > 20
    assert all("IF NOT EXISTS" in one and ";" not in one for one in found)


def test_an_unknown_name_fails() -> None:
    with pytest.raises(FileNotFoundError):
        cypher("nothing")


def test_no_python_module_holds_a_statement() -> None:
    for word in ("MERGE (", "CREATE (", "UNWIND ", "DETACH "):
        assert word not in SOURCES
