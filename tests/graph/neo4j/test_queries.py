"""The Cypher files: each one is used, and none is put together from values."""

import re
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
    assert all(one.count("IF NOT EXISTS") == 1 for one in found)


def test_an_unknown_name_fails() -> None:
    with pytest.raises(FileNotFoundError):
        cypher("nothing")


def test_python_runs_nothing_but_these_files() -> None:
    runs = re.findall(r"\.run\(\s*([^,)]+)", SOURCES)
    assert len(runs) > 20
    assert {one for one in runs if not one.startswith("cypher(")} <= {"_EXPORT", "query", '"RETURN 1"'}
