"""The Cypher of the Neo4j store: one statement per file of the folder `cypher`, values only as parameters.

Lists travel inside one map, `$rows`. Of a list that is a parameter of its own the server's planner looks at
the size, and plans the statement anew for lists of 1, up to 10, up to 100, ...: on a server that has just
started that takes a second each.
"""

from functools import cache
from importlib.resources import files
from typing import LiteralString

FOLDER = "cypher"


@cache
def cypher(name: str) -> LiteralString:
    """The statement in `cypher/<name>.cypher`. Raises `FileNotFoundError` for an unknown name."""
    return files("graph").joinpath(FOLDER, f"{name}.cypher").read_text("utf-8")


def statements(name: str) -> list[LiteralString]:
    """The statements of a file that holds several, each ended by a semicolon at the end of a line."""
    return [part for part in cypher(name).split(";\n") if part.strip()]
